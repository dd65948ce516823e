import type { Storage, StorageEvents } from '../storage.ts'
import { sqliteAccounts } from './accounts.ts'
import { type Durability, openDatabase, sqliteVersion } from './database.ts'
import { sqliteMessages } from './messages.ts'
import { sqliteProducts } from './products.ts'
import { sqliteRooms } from './rooms.ts'
import { sqliteSessions } from './sessions.ts'
import type { Commands } from './writer/commands.ts'
import { WriteQueue } from './writer/queue.ts'

export interface SqliteOptions {
  path: string
  durability: Durability
  /** Where the writer's code is: `storage/sqlite/writer/worker.ts`, as the entry point sees it. */
  workerUrl: string
  now: () => number
  events?: StorageEvents
}

const PROBE_AFTER_MS = 5000

/** One writer, in a thread of its own; reads on a read-only connection here. The schema is expected to be there. */
export async function openSqlite({ path, durability, workerUrl, now, events = {} }: SqliteOptions): Promise<Storage> {
  const queue = await WriteQueue.open<Commands>(workerUrl, { path, durability }, events)
  const { sqlite, db } = openDatabase(path, 'read', durability)
  const { write } = queue

  return {
    engine: `SQLite ${sqliteVersion(sqlite)}`,
    accounts: sqliteAccounts(db, write),
    sessions: sqliteSessions(db, write),
    products: sqliteProducts(db, write),
    rooms: sqliteRooms(db, write),
    messages: sqliteMessages(db, write),
    health: () => queue.health,
    async probe() {
      if (queue.wasWellWithin(PROBE_AFTER_MS)) return true
      return write('heartbeat', now()).then(
        () => queue.health.ok,
        () => false,
      )
    },
    failed: queue.failed,
    async close() {
      await queue.close()
      sqlite.close()
    },
  }
}
