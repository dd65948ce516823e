import { ChatError } from '../../lib/errors.ts'
import type { Storage, StorageEvents } from '../storage.ts'
import { wrapped } from '../wrapped.ts'
import { sqliteAudit } from './console/audit.ts'
import { sqliteLinks } from './console/links.ts'
import { sqliteConsole } from './console/searches.ts'
import { type Durability, openDatabase, sqliteVersion } from './database.ts'
import { sqliteAccounts } from './stores/accounts.ts'
import { sqliteKeys } from './stores/keys.ts'
import { sqliteMessages } from './stores/messages.ts'
import { sqlitePresence } from './stores/presence.ts'
import { sqliteProducts } from './stores/products.ts'
import { sqliteRevocations } from './stores/revocations.ts'
import { sqliteRooms } from './stores/rooms.ts'
import { sqliteSessions } from './stores/sessions.ts'
import { sqliteUsers } from './stores/users.ts'
import type { Commands } from './writer/commands.ts'
import { codeOf, problemOf } from './writer/faults.ts'
import { factsOf } from './writer/meta.ts'
import { WriteQueue } from './writer/queue.ts'

export interface SqliteOptions {
  path: string
  durability: Durability
  /** Where the writer's code is: `storage/sqlite/writer/worker.ts`, as the entry point sees it. */
  workerUrl: string
  now: () => number
  events?: StorageEvents
  /** A command: the run of a server, if there is one, is not its own. */
  isGuest?: boolean
}

const PROBE_AFTER_MS = 5000

/** One writer, in a thread of its own; reads on a read-only connection here. The schema is expected to be there. */
export async function openSqlite(options: SqliteOptions): Promise<Storage> {
  const { path, durability, workerUrl, now, events = {}, isGuest = false } = options
  const queue = await WriteQueue.open<Commands>(workerUrl, { path, durability, isGuest }, events)
  const { sqlite, db } = openDatabase(path, 'read', durability)
  const { write } = queue
  const watched = <S extends object>(store: S) => watching(store, queue.reportDamage.bind(queue))

  return {
    engine: `SQLite ${sqliteVersion(sqlite)}`,
    ...factsOf(db, path),
    users: watched(sqliteUsers(db, write, now)),
    accounts: watched(sqliteAccounts(db, write)),
    sessions: watched(sqliteSessions(db, write)),
    revocations: watched(sqliteRevocations(db)),
    keys: watched(sqliteKeys(db, write)),
    products: watched(sqliteProducts(db, write)),
    rooms: watched(sqliteRooms(db, write)),
    messages: watched(sqliteMessages(db, write)),
    presence: watched(sqlitePresence(db, write, now)),
    adminLinks: watched(sqliteLinks(db, write)),
    audit: watched(sqliteAudit(db, write)),
    console: watched(sqliteConsole(db)),
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

/** The store, which tells of a damaged page that a read has met; whoever asked is told that it is unavailable. */
const watching = <S extends object>(store: S, onDamage: (code: string) => void): S =>
  wrapped(store, (error) => {
    if (problemOf(error) !== 'damaged') throw error
    onDamage(codeOf(error))
    throw new ChatError('unavailable', { cause: error })
  })
