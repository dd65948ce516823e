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
  /**
   * Sets the hash and ends every session but one; answers the hashes of the ended ones. `undefined`, and nothing done,
   * where the person's hash is not the one that was checked any more.
   */
  setPassword(userId: string, change: PasswordHashes): Promise<string[] | undefined>
}

export interface PasswordHashes {
  /** The hash that was checked. */
  current: string
  next: string
  /** The token hash of the session that stays. */
  keep: string
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
  /**
   * Starts a session, if the person's password hash still is the one that was checked: checking takes long, and a new
   * password ends every session that is older. `false` where it is not. Expired sessions of everyone are cleared on the
   * way, a few at a time.
   */
  start(session: NewSession, passwordHash: string): Promise<boolean>
  /** Expired ones are found too (their time is the caller's to judge); those of disabled people are not. */
  find(tokenHash: string): Promise<SessionRecord | undefined>
  touch(tokenHash: string, at: number): Promise<void>
  end(tokenHash: string): Promise<void>
  /** `false` where its session has ended. Clears expired ones on the way. */
  issueTicket(ticket: TicketRecord, at: number): Promise<boolean>
  /** Takes the ticket out, so that exactly one of many callers gets it. */
  spendTicket(ticketHash: string): Promise<TicketRecord | undefined>
}
