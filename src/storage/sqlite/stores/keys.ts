import { and, asc, eq, isNull, or, sql } from 'drizzle-orm'
import type { ServerKey } from '../../../keys/model.ts'
import type { KeyStore } from '../../../keys/store.ts'
import { toKey } from '../../rows.ts'
import type { Db } from '../database.ts'
import { serverKeys } from '../schema.ts'
import { auditing, type Write } from '../writer/wire.ts'

type NewKey = ServerKey & { keyHash: string; createdAt: number }

export const keyCommands = (db: Db) => ({
  createKey({ scopes, ...key }: NewKey): boolean {
    const taken = and(eq(serverKeys.name, key.name), isNull(serverKeys.revokedAt))
    if (db.select({ id: serverKeys.id }).from(serverKeys).where(taken).get()) return false
    db.insert(serverKeys)
      .values({ ...key, scopes: scopes.join(',') })
      .run()
    return true
  },

  touchKey(id: string, at: number): null {
    db.update(serverKeys).set({ lastUsedAt: at }).where(eq(serverKeys.id, id)).run()
    return null
  },

  revokeKey(idOrName: string, at: number): boolean {
    const meant = and(or(eq(serverKeys.id, idOrName), eq(serverKeys.name, idOrName)), isNull(serverKeys.revokedAt))
    return (
      db.update(serverKeys).set({ revokedAt: at }).where(meant).returning({ id: serverKeys.id }).get() !== undefined
    )
  },
})

export function sqliteKeys(db: Db, write: Write<ReturnType<typeof keyCommands>>): KeyStore {
  const byHash = db
    .select()
    .from(serverKeys)
    .where(and(eq(serverKeys.keyHash, sql.placeholder('hash')), isNull(serverKeys.revokedAt)))
    .prepare()

  return {
    create: (key, deed) => auditing(write, [deed], key.createdAt)('createKey', key),
    async find(hash) {
      const row = byHash.get({ hash })
      return row && toKey(row)
    },
    async list() {
      return db.select().from(serverKeys).orderBy(asc(serverKeys.createdAt), asc(serverKeys.id)).all().map(toKey)
    },
    async touch(id, at) {
      await write('touchKey', id, at)
    },
    revoke: (idOrName, at, deed) => auditing(write, [deed], at)('revokeKey', idOrName, at),
  }
}
