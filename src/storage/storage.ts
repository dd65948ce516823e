import type { AccountStore } from '../accounts/store.ts'
import type { AuditStore, ConsoleStore, LinkStore } from '../admin/store.ts'
import type { RevocationStore, SessionStore } from '../auth/store.ts'
import type { KeyStore } from '../keys/store.ts'
import type { MessageStore } from '../messages/store.ts'
import type { PresenceStore } from '../presence/store.ts'
import type { ProductStore } from '../products/store.ts'
import type { RoomStore } from '../rooms/store.ts'
import type { UserStore } from '../users/store.ts'

/** How the write path does; for metrics and readiness. */
export interface StorageHealth {
  /** Whether the last commit was flushed, and the database can be read. */
  ok: boolean
  /** Why not: `disk_full`, `io`, `busy`, `unreachable` or `refused` (PostgreSQL), `stopped`; or `damaged`, which stays until a restart. */
  problem: string | undefined
  /** Writes that wait for the next commit. */
  waiting: number
}

/** What a storage tells of while it runs. */
export interface StorageEvents {
  /** A commit: milliseconds from handing it over to its flush, and how many writes it held. */
  onCommit?: (ms: number, writes: number) => void
  /** Storing or reading has begun to fail, with the engine's own code; or all goes well again. */
  onHealth?: (problem: string | undefined, code: string | undefined) => void
}

export interface Storage {
  /** Its name and version, for people. */
  engine: string
  /** The same as long as nothing that was acknowledged can have been lost: what was numbered under another one may be something else now. */
  epoch: string
  /** A secret that everybody has who has this database, and nobody else: hexadecimal, 32 bytes. */
  clusterKey: string
  users: UserStore
  accounts: AccountStore
  sessions: SessionStore
  revocations: RevocationStore
  keys: KeyStore
  products: ProductStore
  rooms: RoomStore
  messages: MessageStore
  presence: PresenceStore
  adminLinks: LinkStore
  audit: AuditStore
  console: ConsoleStore
  health(): StorageHealth
  /** Flushes one small commit, unless one went well within the last 5 s. Resolves to whether storing and reading work. */
  probe(): Promise<boolean>
  /** Resolves when storing has stopped for good: the writer died, or the database is another one. */
  failed: Promise<Error>
  /** Commits what waits, then closes. */
  close(): Promise<void>
}

export interface MigrationReport {
  /** Names of the migrations that were applied now. */
  applied: string[]
  /** Names of those that are still to be applied (after a check). */
  pending: string[]
  /** The copy of the database that was made before anything changed. */
  snapshot: string | undefined
}
