import type { Deed } from '../audit/model.ts'
import type { Peer, UserRole } from './model.ts'

/** A person as stored. Times in milliseconds since 1970. */
export interface StoredUser extends Peer {
  email: string | undefined
  role: UserRole
  createdAt: number
  disabledAt: number | undefined
  /** Erased people are disabled too. */
  erasedAt: number | undefined
  hasPassword: boolean
  /** How old the profile is. */
  profileAt: number
  /** Host tokens that were issued before are refused. */
  tokensFrom: number
}

/** What is left out stays; a new person has none of it. `email: null` clears. */
export interface Profile {
  id: string
  username: string
  email?: string | null | undefined
  disabled?: boolean | undefined
}

export type UserChange = { username: string } | { role: UserRole } | { disabled: boolean }

export interface Upserted {
  user: StoredUser
  /** As they were before; `undefined` for a new person. */
  before: StoredUser | undefined
}

/**
 * One method is one transaction; a deed that goes with it is written down in the same one, if anything was done. Disabled and
 * erased people are found too.
 */
export interface UserStore {
  find(userId: string): Promise<StoredUser | undefined>
  /** Oldest first; `place` continues the list. */
  list(after: number | undefined, limit: number): Promise<{ user: StoredUser; place: number }[]>
  /**
   * What a host token says of its bearer: makes the person, or brings name and e-mail up to date unless what is stored is
   * newer than the token. The e-mail of a password account stays: people sign in with it.
   */
  admit(profile: Omit<Profile, 'disabled'>, issuedAt: number): Promise<StoredUser>
  /** All of them, or none: answers the place of the first one that was erased, and then nothing was stored. */
  upsert(profiles: Profile[], at: number, deeds?: readonly Deed[]): Promise<Upserted[] | { erased: number }>
  /**
   * Whoever is disabled is out at once, and nothing from before lets them in again; `false` where there is no such
   * person, or they were erased; or where the person whose deed it is, is not any more what they were: of two admins who put
   * each other out, one stays. Whoever is an admin no more has no link and no session by a link.
   */
  change(userId: string, change: UserChange, at: number, deed?: Deed): Promise<boolean>
  /**
   * Ends every session, and refuses every host token from before, also of somebody who has not been here yet; `false`
   * where they were erased.
   */
  signOut(userId: string, at: number, deed?: Deed): Promise<boolean>
  /** Takes name, e-mail, password and sessions away for ever and archives their products; an id that is new stays closed. */
  erase(userId: string, username: string, at: number, deed?: Deed): Promise<void>
}
