import { and, desc, eq, lt } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type { AuditStore } from '../../../admin/store.ts'
import type { Deed } from '../../../audit/model.ts'
import { isRefusal, toAuditEntry, toAuditRow } from '../../rows-console.ts'
import type { Db } from '../database.ts'
import { audit, serverKeys, users } from '../schema.ts'
import type { Tx } from '../transactions.ts'

/** The same work, with these deeds in its transaction, if it does anything. */
export const auditing =
  <T>(deeds: readonly (Deed | undefined)[], at: number, work: (tx: Tx) => Promise<T>) =>
  async (tx: Tx): Promise<T> => {
    const result = await work(tx)
    const told = deeds.filter((deed) => deed !== undefined)
    if (told.length > 0 && !isRefusal(result)) await addDeeds(tx, told, at)
    return result
  }

/** To be called in the transaction of what was done. */
export async function addDeeds(db: Pick<Db, 'insert'>, deeds: readonly Deed[], at: number): Promise<void> {
  await db.insert(audit).values(deeds.map((deed) => toAuditRow(deed, at)))
}

export function postgresAudit(db: Db): AuditStore {
  const target = alias(users, 'target')
  return {
    add: (deeds, at) => addDeeds(db, deeds, at),
    async list(before, limit) {
      const rows = await db
        .select({ entry: audit, actor: users.username, key: serverKeys.name, target: target.username })
        .from(audit)
        .leftJoin(users, and(eq(audit.actorKind, 'user'), eq(users.id, audit.actorId)))
        .leftJoin(serverKeys, and(eq(audit.actorKind, 'key'), eq(serverKeys.id, audit.actorId)))
        .leftJoin(target, and(eq(audit.targetKind, 'user'), eq(target.id, audit.targetId)))
        .where(before === undefined ? undefined : lt(audit.number, before))
        .orderBy(desc(audit.number))
        .limit(limit)
      return rows.map(toAuditEntry)
    },
  }
}
