import type { Database } from 'bun:sqlite'
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { migrate } from 'drizzle-orm/bun-sqlite/migrator'
import { StartError } from '../../lib/errors.ts'
import { embeddedMigrations } from '../migrations.macro.ts' with { type: 'macro' }
import type { MigrationReport } from '../storage.ts'
import { type Durability, openDatabase } from './database.ts'
import { addFacts } from './writer/meta.ts'

const MIGRATIONS = embeddedMigrations('sqlite')

export const databasePath = (dataDir: string) => join(dataDir, 'parley.db')

/** Brings the schema up to date, after a snapshot; with `check` only says what is missing. */
export function migrateSqlite(dataDir: string, durability: Durability, check: boolean): MigrationReport {
  const path = databasePath(dataDir)
  if (check && !existsSync(path))
    return { applied: [], pending: MIGRATIONS.map(({ name }) => name), snapshot: undefined }
  const { sqlite, db } = openDatabase(path, 'write', durability)
  try {
    const done = appliedNames(sqlite)
    refuseNewer(done)
    const pending = MIGRATIONS.map(({ name }) => name).filter((name) => !done.includes(name))
    if (check) return { applied: [], pending, snapshot: undefined }
    const [first] = pending
    const snapshot = first !== undefined && hasTables(sqlite) ? takeSnapshot(sqlite, dataDir, first) : undefined
    if (first !== undefined) migrate(db, MIGRATIONS)
    // At each start, which also tells of a file that may be read and not written.
    addFacts(db)
    return { applied: pending, pending: [], snapshot }
  } finally {
    sqlite.close()
  }
}

const hasTables = (sqlite: Database) => sqlite.query('SELECT 1 FROM sqlite_schema LIMIT 1').get() !== null

function appliedNames(sqlite: Database): string[] {
  const table = sqlite.query("SELECT 1 FROM sqlite_schema WHERE name = '__drizzle_migrations'").get()
  if (!table) return []
  const rows = sqlite.query<{ name: string }, []>('SELECT name FROM __drizzle_migrations').all()
  return rows.map(({ name }) => name)
}

function refuseNewer(done: string[]) {
  const unknown = done.filter((name) => !MIGRATIONS.some((known) => known.name === name))
  if (unknown.length === 0) return
  throw new StartError(
    `The database was written by a newer Parley (it has ${unknown.join(', ')}). Start that version, or restore a backup.`,
  )
}

const UNFINISHED = 'unfinished-'

/** A consistent copy, flushed before it gets its name: one that was cut short never looks like a whole one. */
function takeSnapshot(sqlite: Database, dataDir: string, before: string): string {
  const folder = join(dataDir, 'backups')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (const name of readdirSync(folder)) if (name.startsWith(UNFINISHED)) rmSync(join(folder, name))
  const name = `before-${before}-${Date.now()}.db`
  sqlite.query('VACUUM INTO ?').run(join(folder, UNFINISHED + name))
  renameSync(join(folder, UNFINISHED + name), join(folder, name))
  flushFolder(folder)
  return join(folder, name)
}

function flushFolder(folder: string) {
  const handle = openSync(folder, 'r')
  fsyncSync(handle)
  closeSync(handle)
}
