import { ChatError } from '../lib/errors.ts'
import { hashToken, newToken } from '../lib/tokens.ts'
import type { Identity, Ticket } from './model.ts'
import type { SessionStore, TicketBasis } from './store.ts'

const TICKET_MS = 30 * 1000

interface Deps {
  sessions: SessionStore
  now: () => number
}

/** A ticket opens one socket, once, in the name of the session or the host token that asked for it. */
export class Tickets {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** @throws ChatError `unauthenticated` where the session has ended meanwhile. */
  async issue({ user, session, seenAt, expiresAt }: Identity, origin: string | undefined): Promise<Ticket> {
    const ticket = newToken('plt')
    const now = this.#deps.now()
    const basis: TicketBasis = session === undefined ? { seenAt, expiresAt } : { session }
    const record = { ticketHash: hashToken(ticket), userId: user.id, basis, origin, expiresAt: now + TICKET_MS }
    if (!(await this.#deps.sessions.issueTicket(record, now))) throw new ChatError('unauthenticated')
    return { ticket, expiresAt: new Date(now + TICKET_MS).toISOString() }
  }

  /** A ticket that is shown at the wrong place is spent all the same. */
  async spend(ticket: string, origin: string | undefined): Promise<{ userId: string; basis: TicketBasis } | undefined> {
    if (!ticket.startsWith('plt_')) return undefined
    const record = await this.#deps.sessions.spendTicket(hashToken(ticket))
    if (!record || record.expiresAt <= this.#deps.now()) return undefined
    return record.origin === undefined || record.origin === origin ? record : undefined
  }
}
