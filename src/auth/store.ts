import type { Deed } from '../audit/model.ts'
import type { StoredUser } from '../users/store.ts'

/** Times in milliseconds since 1970. */
export interface NewSession {
  tokenHash: string
  userId: string
  createdAt: number
  expiresAt: number
}

export interface SessionRecord {
  user: StoredUser
  begunBy: 'password' | 'link'
  createdAt: number
  expiresAt: number
  lastUsedAt: number
}

/** What a ticket was issued for: a session, or a host token by when it was first seen and when it runs out. */
export type TicketBasis = { session: string } | { seenAt: number; expiresAt: number }

export interface TicketRecord {
  ticketHash: string
  userId: string
  basis: TicketBasis
  origin: string | undefined
  expiresAt: number
}

/** One method is one transaction. */
export interface SessionStore {
  /**
   * Starts a session, if the person's password hash still is the one that was checked: checking takes long, and a new
   * password ends every session that is older. `false` where it is not. Expired sessions of everyone are cleared on the
   * way, a few at a time.
   */
  start(session: NewSession, passwordHash: string): Promise<boolean>
  /** Expired ones are found too (their time is the caller's to judge), and those of disabled people. */
  find(tokenHash: string): Promise<SessionRecord | undefined>
  touch(tokenHash: string, at: number): Promise<void>
  /** Ends it, and leaves a revocation. */
  end(tokenHash: string, at: number, deed?: Deed): Promise<void>
  /** `false` where its session has ended. Clears expired ones on the way. */
  issueTicket(ticket: TicketRecord, at: number): Promise<boolean>
  /** Takes the ticket out, so that exactly one of many callers gets it. */
  spendTicket(ticketHash: string): Promise<TicketRecord | undefined>
}

/**
 * Something that has ended: a session (`subject` is the hash of its token), the host tokens of a person that were seen
 * until `at`, or the admission of a person.
 */
export interface Revocation {
  kind: 'session' | 'tokens' | 'user'
  subject: string
  at: number
}

export interface RevocationStore {
  /** What came after this place, oldest first, and the new place; without one, only the place where the list ends now. */
  after(place: number | undefined): Promise<{ revocations: Revocation[]; place: number }>
}
