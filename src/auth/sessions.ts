import type { Publish } from '../events.ts'
import { ChatError } from '../lib/errors.ts'
import { hashToken, newToken } from '../lib/tokens.ts'
import type { Identity, Ticket } from './model.ts'
import type { Account, AccountStore, NewSession, SessionStore } from './store.ts'

const SESSION_MS = 30 * 24 * 3600 * 1000
const TICKET_MS = 30 * 1000
const TOUCH_EVERY_MS = 3600 * 1000

interface Deps {
  accounts: AccountStore
  sessions: SessionStore
  publish: Publish
  now: () => number
}

/** Who a token stands for. Only hashes of tokens are kept. */
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

  async authenticate(token: string): Promise<Identity | undefined> {
    return token.startsWith('pls_') ? this.check(hashToken(token)) : undefined
  }

  /** The session of this hash, if it has not ended. */
  async check(tokenHash: string): Promise<Identity | undefined> {
    const { sessions, now } = this.#deps
    const record = await sessions.find(tokenHash)
    if (!record || record.expiresAt <= now()) return undefined
    // Not awaited: what was read here would be old by then, and it is no matter if it fails.
    if (now() - record.lastUsedAt > TOUCH_EVERY_MS) sessions.touch(tokenHash, now()).catch(() => {})
    return { user: personOf(record.account), session: tokenHash, expiresAt: record.expiresAt }
  }

  async end({ session }: Identity): Promise<void> {
    await this.#deps.sessions.end(session)
    this.#deps.publish({ type: 'session.ended', session })
  }

  /** A ticket opens one socket, once, in the name of the session that asked for it. */
  async issueTicket({ user, session }: Identity, origin: string | undefined): Promise<Ticket> {
    const ticket = newToken('plt')
    const now = this.#deps.now()
    const record = { ticketHash: hashToken(ticket), userId: user.id, sessionHash: session, origin }
    const isIssued = await this.#deps.sessions.issueTicket({ ...record, expiresAt: now + TICKET_MS }, now)
    if (!isIssued) throw new ChatError('unauthenticated')
    return { ticket, expiresAt: new Date(now + TICKET_MS).toISOString() }
  }

  /** A ticket that is shown at the wrong place is spent all the same. */
  async spendTicket(ticket: string, origin: string | undefined): Promise<Identity | undefined> {
    if (!ticket.startsWith('plt_')) return undefined
    const { sessions, now } = this.#deps
    const record = await sessions.spendTicket(hashToken(ticket))
    if (!record || record.expiresAt <= now()) return undefined
    if (record.origin !== undefined && record.origin !== origin) return undefined
    return this.check(record.sessionHash)
  }
}

const personOf = ({ id, username, email }: Account): Identity['user'] => ({ id, username, email })
