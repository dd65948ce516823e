import { asc, desc, gt, inArray, lt, sql } from 'drizzle-orm'
import type { Revocation, RevocationStore } from '../../../auth/store.ts'
import type { Db } from '../database.ts'
import { revocations } from '../schema.ts'

/** Much longer than any node takes to read them. */
const KEPT_MS = 24 * 3600 * 1000
/** How many old ones a new one clears away. */
const CLEARED_AT_ONCE = 20
const PAGE = 1000

/** To be called in the transaction that ends what is named. */
export function addRevocations(db: Db, kind: Revocation['kind'], subjects: string[], at: number): void {
  if (subjects.length === 0) return
  const old = db
    .select({ number: revocations.number })
    .from(revocations)
    .where(lt(revocations.at, at - KEPT_MS))
    .limit(CLEARED_AT_ONCE)
  db.delete(revocations).where(inArray(revocations.number, old)).run()
  for (const subject of subjects) db.insert(revocations).values({ kind, subject, at }).run()
}

export function sqliteRevocations(db: Db): RevocationStore {
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
      if (place === undefined) return { revocations: [], place: top.get()?.place ?? 0 }
      const rows = since.all({ place })
      return { revocations: rows.map(({ number: _, ...row }) => row), place: rows.at(-1)?.number ?? place }
    },
  }
}
