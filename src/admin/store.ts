import type { Deed } from '../audit/model.ts'
import type { NewSession } from '../auth/store.ts'
import type { Product } from '../products/model.ts'
import type { Peer } from '../users/model.ts'
import type { StoredUser } from '../users/store.ts'
import type { AdminRoom, AuditEntry } from './model.ts'

/** A link as stored. Times in milliseconds since 1970. */
export interface LinkRecord {
  tokenHash: string
  expiresAt: number
}

/** One method is one transaction. */
export interface LinkStore {
  /**
   * A link for this admin, in the place of an older one of theirs; without one for the oldest who may come in, and where there
   * is none, for a new one with this id. `undefined` where the one who is named is no admin, or may not come in.
   */
  issue(
    link: LinkRecord,
    admin: { id?: string | undefined; newId: string },
    at: number,
  ): Promise<IssuedLink | undefined>
  /**
   * Takes the link out, so that exactly one of many callers gets it, and starts the session; `undefined` where there is no such link,
   * it is too old, or its person is no admin any more.
   */
  spend(tokenHash: string, session: Omit<NewSession, 'userId'>, at: number): Promise<StoredUser | undefined>
  /** Whether some admin has a password, or a session: they know how to come in. */
  isSettled(): Promise<boolean>
}

export interface IssuedLink {
  userId: string
  username: string
  created: boolean
}

/** One method is one transaction. It is only added to: there is no method that changes or removes. */
export interface AuditStore {
  add(deeds: readonly Deed[], at: number): Promise<void>
  /** Newest first, before this place. The id of an entry is its place. */
  list(before: number | undefined, limit: number): Promise<AuditEntry[]>
}

/** What is looked for, and where the search goes on. */
export interface Search<P> {
  /** Part of a name. */
  q?: string | undefined
  after?: P | undefined
  limit: number
}

/** Some of them, perhaps none, and where to go on: a search for a part looks at so many rows at a time, and no more. */
export interface Found<T, P> {
  items: T[]
  /** `undefined` at the end. */
  place: P | undefined
}

export interface SeenUser {
  user: StoredUser
  /** Milliseconds since 1970. */
  lastSeenAt: number | undefined
}

/** By activity (the row id of its newest message) where a person's are listed, else by id alone. */
export interface RoomPlace {
  activity: number
  id: number
}

export interface RoomSearch extends Search<RoomPlace> {
  userId?: string | undefined
  productId?: string | undefined
}

export interface ListedSession extends Omit<NewSession, 'userId'> {
  user: Peer
  lastUsedAt: number
}

/** `id` is how the hash begins. */
export interface SessionPlace {
  expiresAt: number
  id: string
}

export interface SessionSearch extends Omit<Search<SessionPlace>, 'q'> {
  userId?: string | undefined
}

/** What the console looks up. One method is one transaction. */
export interface ConsoleStore {
  /** Newest first; of the first page, whoever has exactly this id or (with a password) this e-mail comes before, beside the limit. */
  users(search: Search<number>): Promise<Found<SeenUser, number>>
  /** By the number of the room, or part of its product's title. Newest first; a person's by their newest message. */
  rooms(search: RoomSearch): Promise<Found<AdminRoom, RoomPlace>>
  room(roomId: number): Promise<AdminRoom | undefined>
  /** Archived ones too. Newest first; of the first page, the one with exactly this id comes before. */
  products(search: Search<number>): Promise<Found<Product, number>>
  /** Those that have not run out by then; whichever runs out last comes first. */
  sessions(search: SessionSearch, at: number): Promise<Found<ListedSession, SessionPlace>>
  /** The whole hash of the one that begins like this. */
  sessionHash(id: string): Promise<string | undefined>
}
