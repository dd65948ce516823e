import type { Actor, Deed } from '../audit/model.ts'
import { hashToken, newToken } from '../lib/tokens.ts'
import type { Scope, ServerKey } from './model.ts'
import type { KeyStore, StoredKey } from './store.ts'

const TOUCH_EVERY_MS = 60 * 1000

interface Deps {
  keys: KeyStore
  now: () => number
}

/** The keys of the marketplace's backend. Only their hashes are kept. */
export class Keys {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** The key itself is never to be seen again; `undefined` where a live one has the name. */
  async create(
    name: string,
    scopes: readonly Scope[],
    actor: Actor,
  ): Promise<{ key: string; made: StoredKey } | undefined> {
    const { keys, now } = this.#deps
    const key = newToken('plk')
    const record = { id: Bun.randomUUIDv7(), name, scopes, keyHash: hashToken(key), createdAt: now() }
    const isMade = await keys.create(record, deed(actor, 'key.create', record))
    const { keyHash: _, ...made } = record
    return isMade ? { key, made: { ...made, lastUsedAt: undefined, revokedAt: undefined } } : undefined
  }

  async authenticate(key: string): Promise<ServerKey | undefined> {
    const { keys, now } = this.#deps
    const found = await keys.find(hashToken(key))
    if (!found) return undefined
    // Not awaited, and no matter if it fails: it is for people to see which key is in use.
    if (now() - (found.lastUsedAt ?? 0) > TOUCH_EVERY_MS) keys.touch(found.id, now()).catch(() => {})
    const { id, name, scopes } = found
    return { id, name, scopes }
  }

  async isLive({ id }: ServerKey): Promise<boolean> {
    return (await this.list()).some((key) => key.id === id && key.revokedAt === undefined)
  }

  list(): Promise<StoredKey[]> {
    return this.#deps.keys.list()
  }

  /** By id or name. It takes effect with the next request, at a running server too. */
  async revoke(idOrName: string, actor: Actor): Promise<boolean> {
    const { keys, now } = this.#deps
    const live = (await keys.list()).filter(({ revokedAt }) => revokedAt === undefined)
    const meant = live.find(({ id, name }) => id === idOrName || name === idOrName)
    return meant !== undefined && keys.revoke(meant.id, now(), deed(actor, 'key.revoke', meant))
  }
}

const deed = (actor: Actor, action: 'key.create' | 'key.revoke', { id, name }: ServerKey): Deed => ({
  actor,
  action,
  target: { kind: 'key', id },
  details: { name },
})
