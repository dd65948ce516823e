import { existsSync, readFileSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { eq } from 'drizzle-orm'
import { clusterKeyOf, newEpoch, newFacts } from '../../rows-facts.ts'
import type { Db, Durability } from '../database.ts'
import { meta } from '../schema.ts'

export const RELAXED_RUN = 'relaxed_run'

/** Facts that every database has from its first start on; one that was killed just after it migrated has none yet. */
export function addFacts(db: Db): void {
  db.insert(meta).values(newFacts()).onConflictDoNothing().run()
}

/**
 * To be called by the writer when it opens. Without a flush at each commit, a power cut may have taken back what clients
 * have seen: after a run that was not durable and did not end cleanly the epoch is another.
 */
export function beginRun(db: Db, durability: Durability): void {
  const isUnclean = db.select().from(meta).where(eq(meta.key, RELAXED_RUN)).get() !== undefined
  if (isUnclean) set(db, 'epoch', newEpoch())
  if (durability === 'relaxed') set(db, RELAXED_RUN, 'not ended')
  else if (isUnclean) endRun(db)
}

/** To be called when all is stored and nothing more comes. */
export function endRun(db: Db): void {
  db.delete(meta).where(eq(meta.key, RELAXED_RUN)).run()
}

/** To be asked when the writer is open, which may have given it another epoch. */
export const factsOf = (db: Db, path: string) => ({
  epoch: factOf(db, 'epoch'),
  clusterKey: clusterKeyOf(factOf(db, 'cluster_key'), identityOf(path)),
})

const BOOT_ID = '/proc/sys/kernel/random/boot_id'

/** This file on this machine, and no copy of it. Those who share it have one kernel, also from several containers. */
function identityOf(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true })
  const machine = existsSync(BOOT_ID) ? readFileSync(BOOT_ID, 'utf8').trim() : hostname()
  return `${machine} ${dev} ${ino}`
}

function factOf(db: Db, key: string): string {
  const row = db.select().from(meta).where(eq(meta.key, key)).get()
  if (!row) throw new Error(`this database has no ${key}`)
  return row.value
}

export const heartbeatCommands = (db: Db) => ({
  /** One small row, so that a readiness check tries the disk when nobody writes. */
  heartbeat(at: number): null {
    set(db, 'heartbeat', String(at))
    return null
  },
})

function set(db: Db, key: string, value: string) {
  db.insert(meta).values({ key, value }).onConflictDoUpdate({ target: meta.key, set: { value } }).run()
}
