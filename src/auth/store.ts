import type { Peer } from './model.ts'

/** An account as it is stored. `createdAt` in milliseconds since 1970. */
export interface Account extends Peer {
  email: string | undefined
  createdAt: number
}

export interface NewSession {
  tokenHash: string
  userId: string
  createdAt: number
  expiresAt: number
}

/** One method is one transaction. */
export interface AccountStore {
  /** Makes the account and its first session; `false`, and nothing made, where a password account has the e-mail. */
  create(account: Account & { passwordHash: string }, session: NewSession): Promise<boolean>
  /** By id; disabled people are not found. */
  find(userId: string): Promise<Account | undefined>
  /** A password account by its (lower-case) e-mail; disabled people are not found. */
  findByEmail(email: string): Promise<(Account & { passwordHash: string }) | undefined>
  rename(userId: string, username: string): Promise<void>
  /** Sets the hash and ends every session but `keep`; answers the hashes of the ended ones. */
  setPassword(userId: string, passwordHash: string, keep: string): Promise<string[]>
}

export interface SessionRecord {
  account: Account
  expiresAt: number
  lastUsedAt: number
}

export interface TicketRecord {
  ticketHash: string
  userId: string
  sessionHash: string
  origin: string | undefined
  expiresAt: number
}

export interface SessionStore {
  /** Starts a session; expired sessions and tickets of everyone are cleared on the way, a few at a time. */
  start(session: NewSession): Promise<void>
  /** Expired ones are found too (their time is the caller's to judge); those of disabled people are not. */
  find(tokenHash: string): Promise<SessionRecord | undefined>
  touch(tokenHash: string, at: number): Promise<void>
  end(tokenHash: string): Promise<void>
  /** Clears expired ones on the way. */
  issueTicket(ticket: TicketRecord, at: number): Promise<void>
  /** Takes the ticket out, so that exactly one of many callers gets it. */
  spendTicket(ticketHash: string): Promise<TicketRecord | undefined>
}
