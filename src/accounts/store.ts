import type { Deed } from '../audit/model.ts'
import type { NewSession } from '../auth/store.ts'
import type { UserRole } from '../users/model.ts'
import type { StoredUser } from '../users/store.ts'

/** `createdAt` in milliseconds since 1970. */
export interface NewAccountRecord {
  id: string
  email: string
  username: string
  role?: UserRole
  passwordHash: string
  createdAt: number
}

export interface PasswordHashes {
  next: string
  /** The hash that was checked; `undefined` where the operator sets a new one. */
  current: string | undefined
  /** The token hash of the session that stays. */
  keep: string | undefined
}

/** People with an e-mail and a password. One method is one transaction, with the deed that it is, if anything was done. */
export interface AccountStore {
  /** Makes the account, and its first session; `false`, and nothing made, where a password account has the e-mail. */
  create(account: NewAccountRecord, session: NewSession | undefined, deed?: Deed): Promise<boolean>
  /** By the (lower-case) e-mail; disabled people too. */
  findByEmail(email: string): Promise<{ user: StoredUser; passwordHash: string } | undefined>
  /**
   * Sets the hash and ends every session but one, with its sockets. `false`, and nothing done, where the person's hash
   * is not the one that was checked any more, or there is none.
   */
  setPassword(userId: string, change: PasswordHashes, at: number, deed?: Deed): Promise<boolean>
}
