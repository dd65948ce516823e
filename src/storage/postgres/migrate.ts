import { sql } from 'drizzle-orm'
import { migrate } from 'drizzle-orm/pg-core/async'
import { StartError } from '../../lib/errors.ts'
import { embeddedMigrations } from '../migrations.macro.ts' with { type: 'macro' }
import type { MigrationReport } from '../storage.ts'
import { connect, type Db, drizzleOn, NO_LIMITS, requireServer } from './database.ts'
import { orStartError } from './faults.ts'
import { addFacts, requireWhole } from './meta.ts'

const MIGRATIONS = embeddedMigrations('postgres')

/** Whoever migrates holds it, so that nodes which start at once do it one after the other. */
const LOCK = 0x7061_726c

type Tx = Parameters<Parameters<Db['transaction']>[0]>[0]

interface Options {
  check: boolean
  /** Goes on with a copy into this database. For everybody else a part of one is no database. */
  isCopying?: boolean
}

/** Brings the schema up to date; with `check` only says what is missing. A copy beforehand is the operator's to make. */
export async function migratePostgres(url: string, options: Options): Promise<MigrationReport> {
  return orStartError(url, async () => {
    const client = connect({ url, durability: 'full' }, 1, NO_LIMITS)
    try {
      await requireServer(client, 'relaxed')
      const db = drizzleOn(client)
      return options.check ? await missing(db) : await db.transaction((tx) => apply(tx, options))
    } finally {
      await client.close()
    }
  })
}

async function missing(db: Db): Promise<MigrationReport> {
  const applied = await appliedNames(db)
  if (applied.length > 0) await requireWhole(db)
  return { applied: [], pending: pendingAfter(applied), snapshot: undefined }
}

async function apply(tx: Tx, { isCopying = false }: Options): Promise<MigrationReport> {
  await tx.execute(sql`SELECT pg_advisory_xact_lock(${LOCK})`)
  const pending = pendingAfter(await appliedNames(tx))
  const steps = MIGRATIONS.map((each) => ({
    sql: each.sql.split('--> statement-breakpoint'),
    folderMillis: each.timestamp,
    hash: '',
    bps: true,
    name: each.name,
  }))
  if (pending.length > 0) await migrate(steps, tx, { migrationsFolder: '' })
  await addFacts(tx)
  if (!isCopying) await requireWhole(tx)
  return { applied: pending, pending: [], snapshot: undefined }
}

async function appliedNames(db: Pick<Db, 'execute'>): Promise<string[]> {
  const [table] = await db.execute<{ found: boolean }>(
    sql`SELECT to_regclass('drizzle.__drizzle_migrations') IS NOT NULL AS found`,
  )
  if (!table?.found) return []
  const rows = await db.execute<{ name: string }>(sql`SELECT name FROM drizzle.__drizzle_migrations`)
  return rows.map(({ name }) => name)
}

function pendingAfter(done: string[]): string[] {
  const unknown = done.filter((name) => !MIGRATIONS.some((known) => known.name === name))
  if (unknown.length === 0) return MIGRATIONS.map(({ name }) => name).filter((name) => !done.includes(name))
  throw new StartError(
    `The database was written by a newer Parley (it has ${unknown.join(', ')}). Start that version, or restore a backup.`,
  )
}
