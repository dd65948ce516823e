import type { Database } from 'bun:sqlite'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { migrate } from 'drizzle-orm/bun-sqlite/migrator'
import { StartError } from '../../lib/errors.ts'
import { embeddedMigrations } from '../migrations.macro.ts' with { type: 'macro' }
import { type Durability, openDatabase } from './database.ts'
import { addFacts } from './writer/meta.ts'

const MIGRATIONS = embeddedMigrations('sqlite')

export const databasePath = (dataDir: string) => join(dataDir, 'parley.db')

export interface MigrationReport {
  /** Names of the migrations that were applied now. */
  applied: string[]
  /** Names of those that are still to be applied (after a check). */
  pending: string[]
  /** The copy of the database that was made before anything changed. */
  snapshot: string | undefined
}

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

/** `VACUUM INTO` takes a consistent copy and refuses to overwrite one. */
function takeSnapshot(sqlite: Database, dataDir: string, before: string): string {
  const folder = join(dataDir, 'backups')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, `before-${before}-${Date.now()}.db`)
  sqlite.query('VACUUM INTO ?').run(path)
  return path
}
