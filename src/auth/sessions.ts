import { ChatError } from '../lib/errors.ts'
import { hashToken, newToken } from '../lib/tokens.ts'
import type { StoredUser } from '../users/store.ts'
import type { Identity } from './model.ts'
import type { Revocations } from './revocations.ts'
import type { NewSession, SessionStore } from './store.ts'

const SESSION_MS = 30 * 24 * 3600 * 1000
const TOUCH_EVERY_MS = 3600 * 1000

interface Deps {
  sessions: SessionStore
  revocations: Revocations
  /** Where passwords do not count (PARLEY_ACCOUNTS=off), neither does a session that one began. */
  passwordsCount: boolean
  now: () => number
}

/** People who signed in here. Only hashes of tokens are kept. */
export class Sessions {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** A token for the person, and the record to be stored for it. */
  draft(userId: string): { token: string; session: NewSession } {
    const token = newToken('pls')
    const createdAt = this.#deps.now()
    return { token, session: { tokenHash: hashToken(token), userId, createdAt, expiresAt: createdAt + SESSION_MS } }
  }

  /** `undefined` where the person's password is not the one any more that `passwordHash` was checked for. */
  async start(userId: string, passwordHash: string): Promise<{ token: string; session: NewSession } | undefined> {
    const draft = this.draft(userId)
    return (await this.#deps.sessions.start(draft.session, passwordHash)) ? draft : undefined
  }

  /**
   * Whose session has this hash, if it has not ended.
   * @throws ChatError `forbidden` for a person who was disabled.
   */
  async check(tokenHash: string): Promise<Identity | undefined> {
    const { sessions, passwordsCount, now } = this.#deps
    const record = await sessions.find(tokenHash)
    if (!record || record.expiresAt <= now()) return undefined
    if (record.begunBy === 'password' && !passwordsCount) return undefined
    // Not awaited: what was read here would be old by then, and it is no matter if it fails.
    if (now() - record.lastUsedAt > TOUCH_EVERY_MS) sessions.touch(tokenHash, now()).catch(() => {})
    return identityOf(record.user, { session: tokenHash, seenAt: record.createdAt, expiresAt: record.expiresAt })
  }

  /** A token of the marketplace's ends there. @throws ChatError `forbidden` */
  async end({ session }: Identity): Promise<void> {
    const { sessions, revocations, now } = this.#deps
    if (session === undefined) throw new ChatError('forbidden', { reason: 'host_token' })
    await sessions.end(session, now())
    await revocations.tell()
  }
}

/** @throws ChatError `forbidden` for a person who was disabled or erased. */
export function identityOf(user: StoredUser, basis: Pick<Identity, 'session' | 'seenAt' | 'expiresAt'>): Identity {
  requireAdmitted(user)
  const { id, username, email, role } = user
  return { user: { id, username, email }, role, ...basis }
}

/** @throws ChatError `forbidden` for a person who was disabled or erased, whatever else is the matter with what they show. */
export function requireAdmitted({ disabledAt }: StoredUser): void {
  if (disabledAt !== undefined) throw new ChatError('forbidden', { reason: 'disabled' })
}
