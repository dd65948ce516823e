import { and, desc, eq, lt } from 'drizzle-orm'
import { alias } from 'drizzle-orm/sqlite-core'
import type { AuditStore } from '../../../admin/store.ts'
import type { Deed } from '../../../audit/model.ts'
import { isRefusal, toAuditEntry, toAuditRow } from '../../rows-console.ts'
import type { Db } from '../database.ts'
import { audit, serverKeys, users } from '../schema.ts'
import type { Item, Write } from '../writer/wire.ts'

/** `run` runs the command that the deeds are about. */
export const auditCommands = (db: Db, run: (item: Item) => unknown) => ({
  audited(deeds: Deed[], at: number, ...item: Item): unknown {
    const result = run(item)
    if (!isRefusal(result)) addDeeds(db, deeds, at)
    return result
  },

  addAudit(deeds: Deed[], at: number): null {
    addDeeds(db, deeds, at)
    return null
  },
})

/** To be called in the transaction of what was done. */
export function addDeeds(db: Db, deeds: readonly Deed[], at: number): void {
  for (const deed of deeds) db.insert(audit).values(toAuditRow(deed, at)).run()
}

export function sqliteAudit(db: Db, write: Write<ReturnType<typeof auditCommands>>): AuditStore {
  const target = alias(users, 'target')
  return {
    async add(deeds, at) {
      await write('addAudit', [...deeds], at)
    },
    async list(before, limit) {
      return db
        .select({ entry: audit, actor: users.username, key: serverKeys.name, target: target.username })
        .from(audit)
        .leftJoin(users, and(eq(audit.actorKind, 'user'), eq(users.id, audit.actorId)))
        .leftJoin(serverKeys, and(eq(audit.actorKind, 'key'), eq(serverKeys.id, audit.actorId)))
        .leftJoin(target, and(eq(audit.targetKind, 'user'), eq(target.id, audit.targetId)))
        .where(before === undefined ? undefined : lt(audit.number, before))
        .orderBy(desc(audit.number))
        .limit(limit)
        .all()
        .map(toAuditEntry)
    },
  }
}
