import { and, asc, desc, gt, inArray, lt, sql } from 'drizzle-orm'
import type { Revocation, RevocationStore } from '../../../auth/store.ts'
import { REVOCATIONS_KEPT_MS } from '../../rows-limits.ts'
import type { Db } from '../database.ts'
import { revocations } from '../schema.ts'

/** How many old ones are cleared away beside each that is added: so they never pile up. */
const CLEARED_FOR_EACH = 2
const PAGE = 1000

/** To be called in the transaction that ends what is named. */
export function addRevocations(db: Db, kind: Revocation['kind'], subjects: string[], at: number): void {
  if (subjects.length === 0) return
  // The oldest few, by the primary key: a search for old ones would read them all where none is.
  const oldest = db
    .select({ number: revocations.number })
    .from(revocations)
    .orderBy(asc(revocations.number))
    .limit(CLEARED_FOR_EACH * subjects.length)
  const isOld = and(inArray(revocations.number, oldest), lt(revocations.at, at - REVOCATIONS_KEPT_MS))
  db.delete(revocations).where(isOld).run()
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
