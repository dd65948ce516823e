import { Database } from 'bun:sqlite'
import { drizzle } from 'drizzle-orm/bun-sqlite'

export type Durability = 'full' | 'relaxed'

/** The only connection kind that writes waits in its own way for the lock, so its `busy_timeout` is 0. */
export type Access = 'read' | 'write' | 'writer'

const BUSY_TIMEOUT_MS: Record<Access, number> = { read: 5000, write: 5000, writer: 0 }

// 3.51.3 mends the last known way to corrupt a database in WAL mode (the WAL-reset bug).
const OLDEST_SQLITE = [3, 51, 3] as const

export type Db = ReturnType<typeof drizzleOn>
const drizzleOn = (client: Database) => drizzle({ client })

/** Merges the log into the database, so that after a clean end the one file is all there is. */
export const mergeLog = (sqlite: Database): void => void sqlite.run('PRAGMA wal_checkpoint(TRUNCATE)')

/** Opens the file with every pragma set, and read back where a silent refusal would cost durability. */
export function openDatabase(path: string, access: Access, durability: Durability) {
  const sqlite = new Database(
    path,
    access === 'read' ? { readonly: true, strict: true } : { create: true, strict: true },
  )
  try {
    // For the opening itself, whatever comes after: another process may just be closing.
    sqlite.run('PRAGMA busy_timeout = 5000')
    requireVersion(sqlite)
    if (access !== 'read') setDurability(sqlite, durability)
    for (const pragma of ['foreign_keys = ON', 'trusted_schema = OFF', 'cache_size = -32000', 'temp_store = MEMORY']) {
      sqlite.run(`PRAGMA ${pragma}`)
    }
    sqlite.run('PRAGMA mmap_size = 0')
    // What is taken out (an erased text, an ended session) is overwritten, and does not lie about in a free page.
    if (access !== 'read') sqlite.run('PRAGMA secure_delete = ON')
    sqlite.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS[access]}`)
    return { sqlite, db: drizzleOn(sqlite) }
  } catch (error) {
    sqlite.close()
    throw error
  }
}

function setDurability(sqlite: Database, durability: Durability) {
  // An acknowledgement means flushed: FULL syncs the log at each commit, NORMAL only at checkpoints.
  const [synchronous, level] = durability === 'full' ? ['FULL', 2] : ['NORMAL', 1]
  sqlite.run('PRAGMA journal_mode = WAL')
  sqlite.run(`PRAGMA synchronous = ${synchronous}`)
  sqlite.run(`PRAGMA journal_size_limit = ${64 << 20}`)
  // Pages, 64 MB of them: a page that many commits touch is copied into the database once, not once a thousand pages.
  sqlite.run('PRAGMA wal_autocheckpoint = 16000')
  requirePragma(sqlite, 'journal_mode', 'wal')
  requirePragma(sqlite, 'synchronous', level)
}

function requirePragma(sqlite: Database, name: string, expected: string | number) {
  const row = sqlite.query<Record<string, string | number>, []>(`PRAGMA ${name}`).get()
  if (row?.[name] !== expected) throw new Error(`SQLite refused ${name} = ${expected}: it says ${row?.[name]}`)
}

export const sqliteVersion = (sqlite: Database): string =>
  sqlite.query<{ version: string }, []>('SELECT sqlite_version() AS version').get()?.version ?? '0'

function requireVersion(sqlite: Database) {
  const version = sqliteVersion(sqlite)
  if (!isNewEnough(version))
    throw new Error(`SQLite ${version} is too old: ${OLDEST_SQLITE.join('.')} or newer is needed`)
}

export function isNewEnough(version: string): boolean {
  const found = version.split('.').map(Number)
  const differs = OLDEST_SQLITE.findIndex((part, at) => part !== (found[at] ?? 0))
  return differs < 0 || (found[differs] ?? 0) > (OLDEST_SQLITE[differs] ?? 0)
}
