import { eq, sql } from 'drizzle-orm'
import { StartError } from '../../lib/errors.ts'
import { clusterKeyOf, newEpoch, newFacts } from '../rows-facts.ts'
import type { Durability } from '../sqlite/database.ts'
import type { Db } from './database.ts'
import { meta } from './schema.ts'

type Tx = Pick<Db, 'select' | 'insert' | 'delete' | 'execute'>

const RELAXED_RUN = 'relaxed_run'
const TIMELINE = 'timeline'
/** What `meta` has as long as a copy of another database into this one is not whole. */
export const COPYING = 'copying'

/** Facts that every database has from its first start on. */
export async function addFacts(db: Tx): Promise<void> {
  await db.insert(meta).values(newFacts()).onConflictDoNothing()
}

/**
 * Where the server is in its history: the timeline is another one when a standby was promoted, or a backup was restored to
 * a moment; and when it was started, which matters to those who do not flush.
 */
export const HISTORY = `SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8) AS timeline,
  pg_postmaster_start_time()::text AS started`

export interface History {
  timeline: string
  started: string
}

/** Whether what was acknowledged then can be gone now. */
export const isOtherHistory = (then: History, now: History | undefined, durability: Durability): boolean =>
  then.timeline !== now?.timeline || (durability === 'relaxed' && then.started !== now.started)

export async function historyOf(db: Pick<Tx, 'execute'>): Promise<History> {
  const [server] = await db.execute<{ timeline: string; started: string }>(sql.raw(HISTORY))
  return server ?? { timeline: '', started: '' }
}

/**
 * To be called when a node opens. The epoch is another after what may have taken back what clients have seen: a standby
 * was promoted or a backup restored to a moment (the server's timeline tells), or the server was started anew since a run
 * that did not flush its commits.
 */
export async function beginRun(db: Tx, durability: Durability): Promise<History> {
  const { timeline, started } = await historyOf(db)
  // Of several nodes that start at once, the others wait for the first, and find what it has noted.
  await db.select().from(meta).where(eq(meta.key, 'epoch')).for('update')
  const before = await factsIn(db)
  const isOther = (key: string, value: string) => before.has(key) && before.get(key) !== value
  if (isOther(TIMELINE, timeline) || isOther(RELAXED_RUN, started)) await set(db, 'epoch', newEpoch())
  if (before.get(TIMELINE) !== timeline) await set(db, TIMELINE, timeline)
  if (durability === 'relaxed') await set(db, RELAXED_RUN, started)
  else if (isOther(RELAXED_RUN, started)) await db.delete(meta).where(eq(meta.key, RELAXED_RUN))
  return { timeline, started }
}

/** Half of the messages would look like all of them. */
export async function requireWhole(db: Tx): Promise<void> {
  if (!(await factsIn(db)).has(COPYING)) return
  throw new StartError(
    'The copy into this database was cut short. Go on with it: parley migrate --from sqlite:… again.',
  )
}

export interface Facts {
  epoch: string
  clusterKey: string
}

/** This database, and none that was restored from a dump or a backup of it. */
const IDENTITY = sql`SELECT concat_ws(' ', system_identifier, oid, left(pg_walfile_name(pg_current_wal_lsn()), 8)) AS name
  FROM pg_control_system(), pg_database WHERE datname = current_database()`

async function keyFor(db: Tx, secret: string): Promise<string> {
  const [identity] = await db.execute<{ name: string }>(IDENTITY)
  return clusterKeyOf(secret, identity?.name ?? '')
}

/** To be asked when the run has begun, which may have given it another epoch. */
export async function factsOf(db: Tx): Promise<Facts> {
  const facts = await factsIn(db)
  const fact = (key: string) => {
    const value = facts.get(key)
    if (value === undefined) throw new Error(`this database has no ${key}`)
    return value
  }
  return { epoch: fact('epoch'), clusterKey: await keyFor(db, fact('cluster_key')) }
}

async function factsIn(db: Tx): Promise<Map<string, string>> {
  const rows = await db.select().from(meta)
  return new Map(rows.map(({ key, value }) => [key, value]))
}

const set = (db: Tx, key: string, value: string) =>
  db.insert(meta).values({ key, value }).onConflictDoUpdate({ target: meta.key, set: { value } })
