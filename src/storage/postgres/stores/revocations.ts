import { and, asc, desc, gt, inArray, lt, type SQL, sql } from 'drizzle-orm'
import type { Revocation, RevocationStore } from '../../../auth/store.ts'
import { REVOCATIONS_KEPT_MS } from '../../rows-limits.ts'
import type { Db } from '../database.ts'
import { revocations, sessions } from '../schema.ts'
import type { Tx } from '../transactions.ts'

/** How many old ones are cleared away beside each that is read as new: so they never pile up. */
const CLEARED_FOR_EACH = 2
const PAGE = 1000

/** Whoever leaves word holds it until the commit, and waits for nobody meanwhile but those whom they hold. */
const LOCK = 0x7061_726d

/**
 * To be called in the transaction that ends what is named. Numbers are taken under the lock, and are visible before
 * the next ones are taken: whoever asks for what came after a place misses nothing.
 */
export async function addRevocations(tx: Tx, kind: Revocation['kind'], subjects: string[], at: number): Promise<void> {
  if (subjects.length === 0) return
  await tx.execute(sql`SELECT pg_advisory_xact_lock(${LOCK})`)
  await tx.insert(revocations).values(subjects.map((subject) => ({ kind, subject, at })))
}

/** Ends sessions of people whom the transaction holds, and leaves word of each. */
export async function endSessions(tx: Tx, which: SQL | undefined, at: number): Promise<void> {
  const ended = await tx.delete(sessions).where(which).returning({ hash: sessions.tokenHash })
  const hashes = ended.map(({ hash }) => hash)
  await addRevocations(tx, 'session', hashes, at)
}

export function postgresRevocations(db: Db): RevocationStore {
  const newest = db.select({ place: revocations.number }).from(revocations).orderBy(desc(revocations.number)).limit(1)
  const top = newest.prepare()
  const since = db
    .select()
    .from(revocations)
    .where(gt(revocations.number, sql.placeholder('place')))
    .orderBy(asc(revocations.number))
    .limit(PAGE)
    .prepare()

  return {
    async after(place) {
      if (place === undefined) {
        const [last] = await top.execute()
        return { revocations: [], place: last?.place ?? 0 }
      }
      const rows = await since.execute({ place })
      const last = rows.at(-1)
      // Here, and not where they are added: there everybody waits.
      if (last) await clear(db, last.at - REVOCATIONS_KEPT_MS, rows.length * CLEARED_FOR_EACH)
      return { revocations: rows.map(({ number: _, ...row }) => row), place: last?.number ?? place }
    },
  }
}

/** The oldest few, by the primary key: a search for old ones would read them all where none is. */
async function clear(db: Db, before: number, limit: number): Promise<void> {
  const oldest = db
    .select({ number: revocations.number })
    .from(revocations)
    .orderBy(asc(revocations.number))
    .limit(limit)
    .for('update', { skipLocked: true })
  await db.delete(revocations).where(and(inArray(revocations.number, oldest), lt(revocations.at, before)))
}
