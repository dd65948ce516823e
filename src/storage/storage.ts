import type { AccountStore, SessionStore } from '../auth/store.ts'
import type { MessageStore } from '../messages/store.ts'
import type { ProductStore } from '../products/store.ts'
import type { RoomStore } from '../rooms/store.ts'

/** What the write path has done so far; for metrics and readiness. */
export interface StorageHealth {
  /** Whether the last commit was flushed. */
  ok: boolean
  /** Why not: `disk_full`, `io`, `busy`, `stopped`. */
  problem: string | undefined
  commits: number
  rows: number
  waiting: number
}

export interface Storage {
  /** Its name and version, for people. */
  engine: string
  accounts: AccountStore
  sessions: SessionStore
  products: ProductStore
  rooms: RoomStore
  messages: MessageStore
  health(): StorageHealth
  /** Flushes one small commit, unless one went well within the last 5 s. Resolves to whether storing works. */
  probe(): Promise<boolean>
  /** Resolves when storing has stopped for good (the writer died). */
  failed: Promise<Error>
  /** Commits what waits, then closes. */
  close(): Promise<void>
}
