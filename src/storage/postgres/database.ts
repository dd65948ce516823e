import { SQL } from 'bun'
import { drizzle } from 'drizzle-orm/bun-sql'
import { StartError } from '../../lib/errors.ts'
import type { Durability } from '../sqlite/database.ts'

export interface Place {
  url: string
  durability: Durability
}

const OLDEST_POSTGRES = 14
const CONNECTS_WITHIN_S = 5
/** Sooner than what lies between forgets a connection that is still, and says nothing (350 s at some). */
const CLOSED_WHEN_IDLE_S = 240

export type Db = ReturnType<typeof drizzleOn>
export const drizzleOn = (client: SQL) => drizzle({ client })

/**
 * For the few statements that store messages and marks: planned once, and by indexes, whatever the statistics of a young
 * database say. That does not keep it from walking a whole index: how a statement is written does.
 */
export const FOR_FLIGHTS = { enable_seqscan: 'off', plan_cache_mode: 'force_generic_plan' }

/**
 * For all other queries. Where the planner takes a person for one with few rooms it would read all of them by a bitmap
 * and sort them, in place of a page by an index that has the order.
 */
export const FOR_QUERIES = { enable_bitmapscan: 'off' }

/** In milliseconds: a statement ends before whoever waits for it gives up. */
export const LIMITS_MS = { statement: 8000, lock: 5000, idleInTransaction: 10_000 }

/** A migration may take as long as it takes, and whoever starts meanwhile waits. */
export const NO_LIMITS = { statement: 0, lock: 0, idleInTransaction: 0 }

/** A pool whose sessions have every setting from their first statement on; it connects when it is first asked. */
export function connect(
  { url, durability }: Place,
  max: number,
  limits = LIMITS_MS,
  { settings = {}, onconnect }: { settings?: Record<string, string>; onconnect?: () => void } = {},
): SQL {
  const database = databaseOf(url)
  return new SQL({
    url,
    adapter: 'postgres',
    // Or the environment (PGDATABASE) would go before the URL.
    ...(database === '' ? {} : { database }),
    max,
    connectionTimeout: CONNECTS_WITHIN_S,
    idleTimeout: CLOSED_WHEN_IDLE_S,
    onconnect,
    connection: {
      application_name: 'parley',
      synchronous_commit: durability === 'full' ? 'on' : 'off',
      statement_timeout: limits.statement,
      lock_timeout: limits.lock,
      idle_in_transaction_session_timeout: limits.idleInTransaction,
      // No query here is long enough to earn it.
      jit: 'off',
      ...settings,
    },
  })
}

function databaseOf(url: string): string {
  const form = 'postgres://user:password@host:5432/database'
  try {
    const { protocol, pathname } = new URL(url)
    if (/^postgres(ql)?:$/.test(protocol)) return decodeURIComponent(pathname.slice(1))
  } catch {
    // Its error would repeat the URL, and with it the password.
  }
  throw new StartError(`The database URL is none. It has this form, escaped where it has to be: ${form}`)
}

/** Before anything is read or written: what the server is and promises. Resolves to its version. */
export async function requireServer(sql: SQL, durability: Durability): Promise<string> {
  const names = ['server_version', 'server_version_num', 'server_encoding', 'fsync', 'full_page_writes']
  const asked = [...names, 'synchronous_commit', 'transaction_read_only'].map(
    (name) => `current_setting('${name}') AS ${name}`,
  )
  const [row]: Record<string, string>[] = await sql.unsafe(`SELECT ${asked.join(', ')}`)
  if (row?.transaction_read_only === 'on') {
    throw new StartError(
      'PostgreSQL lets nothing be written here. Name the primary, and no standby, in the database URL.',
    )
  }
  if (!isNewEnough(row?.server_version_num)) {
    throw new StartError(`PostgreSQL ${row?.server_version} is too old: ${OLDEST_POSTGRES} or newer is needed.`)
  }
  requireSetting(row, 'server_encoding', 'UTF8', 'Create the database anew with ENCODING UTF8')
  if (durability === 'full') {
    const advice = (name: string) => `Set ${name} = on there, or start Parley with relaxed durability`
    for (const name of ['fsync', 'full_page_writes', 'synchronous_commit'])
      requireSetting(row, name, 'on', advice(name))
  }
  return row?.server_version?.split(' ')[0] ?? ''
}

export const isNewEnough = (versionNum: string | undefined): boolean =>
  Math.floor(Number(versionNum ?? 0) / 10_000) >= OLDEST_POSTGRES

function requireSetting(row: Record<string, string> | undefined, name: string, expected: string, advice: string) {
  if (row?.[name] === expected) return
  throw new StartError(`PostgreSQL has ${name} = ${row?.[name]}, and what is acknowledged could be lost. ${advice}.`)
}
