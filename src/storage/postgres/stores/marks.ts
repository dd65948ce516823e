import { and, eq, gt, type Placeholder, sql } from 'drizzle-orm'
import type { Role } from '../../../rooms/model.ts'
import type { RoomStore } from '../../../rooms/store.ts'
import type { Db } from '../database.ts'
import { rooms } from '../schema.ts'
import type { Enqueue } from '../writer/queue.ts'

type MarkStore = Pick<RoomStore, 'markRead' | 'markDelivered' | 'totalUnread' | 'unreadOf'>

const NO_MARKS = { readSeq: 0, deliveredSeq: 0, unread: 0, moved: false }

export function postgresMarks(db: Db, enqueue: Enqueue): MarkStore {
  const totals = unreadTotals(db)
  const unread = unreadRooms(db)

  return {
    async markRead(roomId, role, seq) {
      const [marks] = await enqueue({ kind: 'mark', receipts: [{ roomId, role, seq, isRead: true }] })
      return marks ?? NO_MARKS
    },
    // As directly as the above: marks that are written together are told in the order in which they were written.
    markDelivered: (receipts) =>
      enqueue({ kind: 'mark', receipts: receipts.map((receipt) => ({ ...receipt, isRead: false })) }),
    async totalUnread(userId) {
      const rows = await totals.execute({ userId })
      return rows.reduce((sum, { total }) => sum + Number(total), 0)
    },
    async unreadOf(userId) {
      const rows = await unread.execute({ userId })
      return new Map(rows.map(({ roomId, unread }) => [roomId, Number(unread)]))
    },
  }
}

/** Rooms refer to people by their numbers. */
export const numberOf = (userId: string | Placeholder) => sql<number>`(SELECT number FROM users WHERE id = ${userId})`

export const SIDE = {
  owner: { number: rooms.ownerNo, readCount: rooms.ownerReadCount },
  customer: { number: rooms.customerNo, readCount: rooms.customerReadCount },
}

const unreadTotals = (db: Db) => {
  const total = (role: Role) => {
    const { number, readCount } = SIDE[role]
    return db
      .select({ total: sql<string>`coalesce(sum(greatest(0, ${rooms.lastCount} - ${readCount})), 0)`.as('total') })
      .from(rooms)
      .where(eq(number, numberOf(sql.placeholder('userId'))))
  }
  return total('owner').unionAll(total('customer')).prepare()
}

/** Each room of a person's with something unread in it. */
const unreadRooms = (db: Db) => {
  const side = (role: Role) => {
    const { number, readCount } = SIDE[role]
    return db
      .select({ roomId: rooms.id, unread: sql<string>`${rooms.lastCount} - ${readCount}`.as('unread') })
      .from(rooms)
      .where(and(eq(number, numberOf(sql.placeholder('userId'))), gt(rooms.lastCount, readCount)))
  }
  return side('owner').unionAll(side('customer')).prepare()
}
