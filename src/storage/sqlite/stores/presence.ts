import { and, eq, exists, gt, inArray, isNotNull, isNull, or, sql } from 'drizzle-orm'
import type { PresenceStore } from '../../../presence/store.ts'
import { toPresence, toSeen } from '../../rows.ts'
import type { Db } from '../database.ts'
import { presence, rooms, users } from '../schema.ts'
import type { Write } from '../writer/wire.ts'

const readNumber = (db: Db, userId: string) =>
  db.select({ number: users.number }).from(users).where(eq(users.id, userId)).get()?.number

export const presenceCommands = (db: Db) => ({
  ...noting(db),

  hidePresence(userId: string, isHidden: boolean, at: number): boolean {
    const userNo = readNumber(db, userId)
    if (userNo === undefined) return false
    const before = db.select().from(presence).where(eq(presence.userNo, userNo)).get()
    if ((before?.hiddenAt != null) === isHidden) return false
    const state = isHidden ? { hiddenAt: at, lastSeenAt: null } : { hiddenAt: null }
    db.insert(presence)
      .values({ userNo, ...state })
      .onConflictDoUpdate({ target: presence.userNo, set: state })
      .run()
    return true
  },
})

/** Prepared, for it is done for everybody at once: when a crowd comes, or goes. */
function noting(db: Db) {
  const find = db
    .select({ number: users.number })
    .from(users)
    // Of whoever was erased, nothing is kept any more.
    .where(and(eq(users.id, sql.placeholder('userId')), isNull(users.erasedAt)))
    .prepare()
  const note = db
    .insert(presence)
    .values({ userNo: sql.placeholder('userNo'), lastSeenAt: sql.placeholder('at') })
    .onConflictDoUpdate({
      target: presence.userNo,
      set: { lastSeenAt: sql`max(coalesce(last_seen_at, 0), excluded.last_seen_at)` },
      // Of whoever hides it, it is not kept.
      setWhere: isNull(presence.hiddenAt),
    })
    .prepare()
  return {
    noteSeen(seen: { userId: string; at: number }[]): null {
      for (const { userId, at } of seen) {
        const userNo = find.get({ userId })?.number
        if (userNo !== undefined) note.run({ userNo, at })
      }
      return null
    },
  }
}

export function sqlitePresence(
  db: Db,
  write: Write<ReturnType<typeof presenceCommands>>,
  now: () => number,
): PresenceStore {
  const hidden = db
    .select({ userNo: presence.userNo })
    .from(presence)
    .innerJoin(users, eq(users.number, presence.userNo))
    .where(and(eq(users.id, sql.placeholder('userId')), isNotNull(presence.hiddenAt)))
    .prepare()

  return {
    async ofPeers(askerId, userIds) {
      const askerNo = readNumber(db, askerId)
      if (askerNo === undefined || userIds.length === 0) return []
      const rows = db
        .select({ userId: users.id, lastSeenAt: presence.lastSeenAt, hiddenAt: presence.hiddenAt })
        .from(users)
        .leftJoin(presence, eq(presence.userNo, users.number))
        .where(and(inArray(users.id, [...userIds]), exists(roomsWith(db, askerNo))))
        .all()
      return toSeen(userIds, rows)
    },
    async note(seen) {
      await write('noteSeen', [...seen])
    },
    async find(userId) {
      const row = db
        .select({ lastSeenAt: presence.lastSeenAt, hiddenAt: presence.hiddenAt })
        .from(presence)
        .innerJoin(users, eq(users.number, presence.userNo))
        .where(eq(users.id, userId))
        .get()
      return row && toPresence(row)
    },
    async isHidden(userId) {
      return hidden.get({ userId }) !== undefined
    },
    hide: (userId, isHidden) => write('hidePresence', userId, isHidden, now()),
  }
}

/** Of the person in `users`, with this one; from either side. */
const roomsWith = (db: Db, askerNo: number) =>
  db
    .select({ id: rooms.id })
    .from(rooms)
    .where(
      and(
        or(
          and(eq(rooms.ownerNo, askerNo), eq(rooms.customerNo, users.number)),
          and(eq(rooms.ownerNo, users.number), eq(rooms.customerNo, askerNo)),
        ),
        // To look at a product is nothing for which its owner would show when they are here.
        gt(rooms.lastCount, 0),
      ),
    )
