import { and, asc, eq, isNull, or, sql } from 'drizzle-orm'
import type { KeyStore } from '../../../keys/store.ts'
import { toKey } from '../../rows.ts'
import { auditing } from '../console/audit.ts'
import type { Db } from '../database.ts'
import { serverKeys } from '../schema.ts'
import type { Write } from '../transactions.ts'

export function postgresKeys(db: Db, write: Write): KeyStore {
  const byHash = db
    .select()
    .from(serverKeys)
    .where(and(eq(serverKeys.keyHash, sql.placeholder('hash')), isNull(serverKeys.revokedAt)))
    .prepare()

  return {
    create({ scopes, ...key }, deed) {
      const work = auditing([deed], key.createdAt, async (tx) => {
        const taken = and(eq(serverKeys.name, key.name), isNull(serverKeys.revokedAt))
        const [other] = await tx.select({ id: serverKeys.id }).from(serverKeys).where(taken)
        if (other) return false
        await tx.insert(serverKeys).values({ ...key, scopes: scopes.join(',') })
        return true
      })
      return write([key.name], work)
    },
    async find(hash) {
      const [row] = await byHash.execute({ hash })
      return row && toKey(row)
    },
    async list() {
      const rows = await db.select().from(serverKeys).orderBy(asc(serverKeys.createdAt), asc(serverKeys.id))
      return rows.map(toKey)
    },
    async touch(id, at) {
      await db.update(serverKeys).set({ lastUsedAt: at }).where(eq(serverKeys.id, id))
    },
    revoke(idOrName, at, deed) {
      const meant = and(or(eq(serverKeys.id, idOrName), eq(serverKeys.name, idOrName)), isNull(serverKeys.revokedAt))
      const work = auditing([deed], at, async (tx) => {
        const revoked = await tx.update(serverKeys).set({ revokedAt: at }).where(meant).returning({ id: serverKeys.id })
        return revoked.length > 0
      })
      return write([idOrName], work)
    },
  }
}
