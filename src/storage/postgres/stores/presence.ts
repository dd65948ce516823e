import { and, eq, exists, gt, isNotNull, or, type SQL, sql } from 'drizzle-orm'
import type { PresenceStore } from '../../../presence/store.ts'
import { toPresence, toSeen } from '../../rows.ts'
import { int8s, texts } from '../arrays.ts'
import type { Db } from '../database.ts'
import { presence, rooms, users } from '../schema.ts'
import type { Reads, Tx, Write } from '../transactions.ts'

const readNumber = async (db: Reads, userId: string) => {
  const [row] = await db.select({ number: users.number }).from(users).where(eq(users.id, userId))
  return row?.number
}

export function postgresPresence(db: Db, write: Write, now: () => number): PresenceStore {
  const hidden = db
    .select({ userNo: presence.userNo })
    .from(presence)
    .innerJoin(users, eq(users.number, presence.userNo))
    .where(and(eq(users.id, sql.placeholder('userId')), isNotNull(presence.hiddenAt)))
    .prepare()

  return {
    async ofPeers(askerId, userIds) {
      if (userIds.length === 0) return []
      const askerNo = await readNumber(db, askerId)
      if (askerNo === undefined) return []
      const rows = await db
        .select({ userId: users.id, lastSeenAt: presence.lastSeenAt, hiddenAt: presence.hiddenAt })
        .from(users)
        .leftJoin(presence, eq(presence.userNo, users.number))
        .where(and(sql`${users.id} = ANY(${texts(userIds)}::text[])`, hasRoomWith(db, askerNo)))
      return toSeen(userIds, rows)
    },
    async note(seen) {
      if (seen.length > 0) await db.execute(noting(seen))
    },
    async find(userId) {
      const [row] = await db
        .select({ lastSeenAt: presence.lastSeenAt, hiddenAt: presence.hiddenAt })
        .from(presence)
        .innerJoin(users, eq(users.number, presence.userNo))
        .where(eq(users.id, userId))
      return row && toPresence(row)
    },
    async isHidden(userId) {
      return (await hidden.execute({ userId })).length > 0
    },
    hide: (userId, isHidden) => write([userId], (tx) => hide(tx, userId, isHidden ? now() : null)),
  }
}

async function hide(tx: Tx, userId: string, hiddenAt: number | null): Promise<boolean> {
  const userNo = await readNumber(tx, userId)
  if (userNo === undefined) return false
  const [before] = await tx.select().from(presence).where(eq(presence.userNo, userNo))
  if ((before?.hiddenAt != null) === (hiddenAt !== null)) return false
  const state = hiddenAt === null ? { hiddenAt } : { hiddenAt, lastSeenAt: null }
  await tx
    .insert(presence)
    .values({ userNo, ...state })
    .onConflictDoUpdate({ target: presence.userNo, set: state })
  return true
}

/**
 * One statement for everybody at once, in the order of their numbers: when a crowd comes, or goes. Of whoever was erased,
 * nothing is kept any more: that their rows are held keeps those from being erased meanwhile of whom it is.
 */
const noting = (seen: readonly { userId: string; at: number }[]) => sql`
  WITH present AS (
    SELECT users.number, seen.at
    FROM unnest(${texts(seen.map(({ userId }) => userId))}::text[], ${int8s(seen.map(({ at }) => at))}::int8[])
      AS seen(user_id, at)
    JOIN users ON users.id = seen.user_id AND users.erased_at IS NULL
    ORDER BY users.number FOR SHARE OF users
  )
  INSERT INTO presence (user_no, last_seen_at)
  SELECT number, max(at) FROM present GROUP BY number ORDER BY number
  ON CONFLICT (user_no) DO UPDATE SET last_seen_at = greatest(presence.last_seen_at, excluded.last_seen_at)
  -- Of whoever hides it, it is not kept.
  WHERE presence.hidden_at IS NULL`

/** Of the person in `users`, with this one; each side by the index of pairs. */
const hasRoomWith = (db: Reads, askerNo: number) =>
  or(
    exists(roomsOf(db, eq(rooms.ownerNo, askerNo), eq(rooms.customerNo, users.number))),
    exists(roomsOf(db, eq(rooms.ownerNo, users.number), eq(rooms.customerNo, askerNo))),
  )

const roomsOf = (db: Reads, owner: SQL, customer: SQL) =>
  db
    .select({ id: rooms.id })
    .from(rooms)
    // To look at a product is nothing for which its owner would show when they are here.
    .where(and(owner, customer, gt(rooms.lastCount, 0)))
