import { type Actor, actorOf } from '../audit/model.ts'
import type { Identity } from '../auth/model.ts'
import type { Revocations } from '../auth/revocations.ts'
import type { Keys } from '../keys/service.ts'
import type { StoredKey } from '../keys/store.ts'
import { BoundedMap } from '../lib/bounded-map.ts'
import { ChatError } from '../lib/errors.ts'
import { readCursor, writeCursor } from '../lib/http/cursor.ts'
import type { MessagePage } from '../messages/model.ts'
import type { Products } from '../products/service.ts'
import type { Storage } from '../storage/storage.ts'
import type { Users } from '../users/service.ts'
import type { UserChange } from '../users/store.ts'
import type { AdminKey, AdminRoom, AdminSession, AdminUser, KeyGrant, NewKey } from './model.ts'
import type { Found, ListedSession, SeenUser } from './store.ts'

interface Deps {
  stores: Pick<Storage, 'console' | 'audit' | 'users' | 'presence' | 'sessions' | 'messages'>
  users: Users
  products: Products
  keys: Keys
  revocations: Revocations
  now: () => number
}

export interface PageQuery {
  cursor?: string | undefined
  limit: number
}

export interface SearchQuery extends PageQuery {
  q?: string | undefined
}

/** Whoever turns the pages of a room reads it once. */
const READING_MS = 60_000
const READINGS_REMEMBERED = 10_000
/** So many digits of its hash name a session, and open nothing: fewer than 53 bits, so that a cursor has room for them. */
const SESSION_ID = /^[0-9a-f]{13}$/
const idOf = (hash: string) => hash.slice(0, 13)

/** What admins see and do, of everybody's. All that they do is in the audit log. */
export class Console {
  readonly #deps: Deps
  readonly #readings = new BoundedMap<string, number>(READINGS_REMEMBERED)

  constructor(deps: Deps) {
    this.#deps = deps
  }

  async users({ q, cursor, limit }: SearchQuery) {
    const after = cursor === undefined ? undefined : readCursor(cursor, 1)[0]
    const found = await this.#deps.stores.console.users({ q: soughtIn(q), after, limit })
    return pageOf(found, toAdminUser, (place) => [place])
  }

  /** Erased ones too: an id may stand in a log. */
  async user(userId: string): Promise<AdminUser> {
    const { users, presence } = this.#deps.stores
    const [user, seen] = await Promise.all([users.find(userId), presence.find(userId)])
    if (!user) throw new ChatError('not_found')
    return toAdminUser({ user, lastSeenAt: seen?.lastSeenAt })
  }

  /** Of another: so no admin is ever the last one to put themselves out. */
  async change(me: Identity, userId: string, change: UserChange): Promise<AdminUser> {
    if (userId === me.user.id) throw new ChatError('forbidden', { reason: 'own_access' })
    await this.#deps.users.change(userId, change, actorOf({ person: me }))
    return this.user(userId)
  }

  async signOut(me: Identity, userId: string): Promise<void> {
    await this.user(userId)
    await this.#deps.users.disconnect(userId, actorOf({ person: me }))
  }

  async rooms({ q, cursor, ...search }: SearchQuery & { userId?: string | undefined; productId?: string | undefined }) {
    const [activity = 0, id = 0] = cursor === undefined ? [] : readCursor(cursor, 2)
    const after = cursor === undefined ? undefined : { activity, id }
    const found = await this.#deps.stores.console.rooms({ ...search, q: soughtIn(q), after })
    return pageOf(
      found,
      (room) => room,
      ({ activity, id }) => [activity, id],
    )
  }

  async room(roomId: number): Promise<AdminRoom> {
    const room = await this.#deps.stores.console.room(roomId)
    if (!room) throw new ChatError('not_found', { reason: 'room_not_found' })
    return room
  }

  /** It is in the audit log before anything is given out. */
  async read(
    me: Identity,
    roomId: number,
    { before, limit }: { before?: number | undefined; limit: number },
  ): Promise<MessagePage> {
    await this.room(roomId)
    await this.#noteReading(me, roomId)
    const found = await this.#deps.stores.messages.span(roomId, { before, limit: limit + 1 })
    return { items: found.slice(-limit), hasMore: found.length > limit }
  }

  async #noteReading(me: Identity, roomId: number) {
    const { stores, now } = this.#deps
    const reading = `${roomId} ${me.user.id}`
    const last = this.#readings.get(reading)
    if (last !== undefined && Math.abs(now() - last) < READING_MS) return
    const target = { kind: 'room', id: String(roomId) } as const
    await stores.audit.add([{ actor: actorOf({ person: me }), action: 'room.read', target }], now())
    this.#readings.set(reading, now())
  }

  async products({ q, cursor, limit }: SearchQuery) {
    const after = cursor === undefined ? undefined : readCursor(cursor, 1)[0]
    const found = await this.#deps.stores.console.products({ q: soughtIn(q), after, limit })
    return pageOf(
      found,
      (product) => product,
      (place) => [place],
    )
  }

  archive(me: Identity, productId: string): Promise<void> {
    return this.#deps.products.withdraw(productId, actorOf({ person: me }))
  }

  async keys() {
    return { items: (await this.#deps.keys.list()).map(toAdminKey) }
  }

  async createKey(me: Identity, { name, scopes }: NewKey): Promise<KeyGrant> {
    const created = await this.#deps.keys.create(name, scopes, actorOf({ person: me }))
    if (!created) throw new ChatError('conflict', { reason: 'key_name_taken' })
    return { ...toAdminKey(created.made), key: created.key }
  }

  async revokeKey(me: Identity, keyId: string): Promise<void> {
    if (!(await this.#deps.keys.revoke(keyId, actorOf({ person: me })))) throw new ChatError('not_found')
  }

  async sessions(me: Identity, { cursor, ...search }: PageQuery & { userId?: string | undefined }) {
    const [expiresAt = 0, id = 0] = cursor === undefined ? [] : readCursor(cursor, 2)
    const after = cursor === undefined ? undefined : { expiresAt, id: id.toString(16).padStart(13, '0') }
    const found = await this.#deps.stores.console.sessions({ ...search, after }, this.#deps.now())
    return pageOf(
      found,
      (session) => toAdminSession(session, me),
      (place) => [place.expiresAt, Number.parseInt(idOf(place.id), 16)],
    )
  }

  async endSession(me: Identity, sessionId: string): Promise<void> {
    const { stores, revocations, now } = this.#deps
    const hash = SESSION_ID.test(sessionId) ? await stores.console.sessionHash(sessionId) : undefined
    if (hash === undefined) throw new ChatError('not_found')
    const actor: Actor = actorOf({ person: me })
    await stores.sessions.end(hash, now(), { actor, action: 'session.end', target: { kind: 'session', id: sessionId } })
    await revocations.tell()
  }

  async audit({ cursor, limit }: PageQuery) {
    const before = cursor === undefined ? undefined : readCursor(cursor, 1)[0]
    const found = await this.#deps.stores.audit.list(before, limit + 1)
    const items = found.slice(0, limit)
    const last = items.at(-1)
    return { items, nextCursor: found.length > limit && last ? writeCursor(last.id) : null }
  }
}

/** Nothing, as an empty search box sends it, is no search; in one form of Unicode, as names are stored. */
const soughtIn = (q: string | undefined) => q?.normalize('NFC') || undefined

const pageOf = <T, R, P>({ items, place }: Found<T, P>, shown: (item: T) => R, numbersOf: (place: P) => number[]) => ({
  items: items.map(shown),
  nextCursor: place === undefined ? null : writeCursor(...numbersOf(place)),
})

const timeOf = (at: number) => new Date(at).toISOString()
const timeOrNull = (at: number | undefined) => (at === undefined ? null : timeOf(at))

const toAdminUser = ({ user, lastSeenAt }: SeenUser): AdminUser => ({
  id: user.id,
  username: user.username,
  ...(user.email === undefined ? {} : { email: user.email }),
  role: user.role,
  createdAt: timeOf(user.createdAt),
  disabledAt: timeOrNull(user.disabledAt),
  erasedAt: timeOrNull(user.erasedAt),
  hasPassword: user.hasPassword,
  lastSeenAt: timeOrNull(lastSeenAt),
})

const toAdminKey = ({ id, name, scopes, createdAt, lastUsedAt, revokedAt }: StoredKey): AdminKey => ({
  id,
  name,
  scopes: [...scopes],
  createdAt: timeOf(createdAt),
  lastUsedAt: timeOrNull(lastUsedAt),
  revokedAt: timeOrNull(revokedAt),
})

const toAdminSession = ({ tokenHash, user, ...session }: ListedSession, me: Identity): AdminSession => ({
  id: idOf(tokenHash),
  user,
  createdAt: timeOf(session.createdAt),
  lastUsedAt: timeOf(session.lastUsedAt),
  expiresAt: timeOf(session.expiresAt),
  current: tokenHash === me.session,
})
