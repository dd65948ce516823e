import { and, eq, gt, type Placeholder, sql } from 'drizzle-orm'
import type { Role } from '../../../rooms/model.ts'
import type { Marks, RoomStore } from '../../../rooms/store.ts'
import type { Db } from '../database.ts'
import { messages, rooms } from '../schema.ts'
import type { RoomRow, RoomsInHand } from '../writer/rooms-in-hand.ts'
import type { Write } from '../writer/wire.ts'

interface Receipt {
  roomId: number
  role: Role
  seq: number
}

/** What the two sides of a room have read and received. */
export const markCommands = (db: Db, inHand: RoomsInHand) => ({
  /** Through the room in hand: a send of the same batch writes the same row. */
  markRead(roomId: number, role: Role, seq: number): Marks {
    const room = inHand.get(roomId)
    if (!room) return { readSeq: 0, deliveredSeq: 0, unread: 0, moved: false }
    const own = OWN_MARKS[role]
    const target = Math.min(seq, room.lastSeq)
    const moved = target > room[own.read]
    if (moved) {
      inHand.touch(room)
      room[own.read] = target
      room[own.count] = target === room.lastSeq ? room.lastCount : countAt(db, roomId, target)
    }
    return marksOf(room, role, moved)
  },

  markDelivered(receipts: Receipt[]): (Marks | null)[] {
    return receipts.map(({ roomId, role, seq }) => {
      const room = inHand.get(roomId)
      if (!room) return null
      const own = OWN_MARKS[role]
      const target = Math.min(seq, room.lastSeq)
      const moved = target > Math.max(room[own.delivered], room[own.read])
      if (moved) {
        inHand.touch(room)
        room[own.delivered] = target
      }
      return marksOf(room, role, moved)
    })
  },
})

const OWN_MARKS = {
  owner: { read: 'ownerReadSeq', count: 'ownerReadCount', delivered: 'ownerDeliveredSeq' },
  customer: { read: 'customerReadSeq', count: 'customerReadCount', delivered: 'customerDeliveredSeq' },
} as const

function marksOf(room: RoomRow, role: Role, moved: boolean): Marks {
  const own = OWN_MARKS[role]
  const readSeq = room[own.read]
  const unread = Math.max(0, room.lastCount - room[own.count])
  return { readSeq, deliveredSeq: Math.max(readSeq, room[own.delivered]), unread, moved }
}

const countAt = (db: Db, roomId: number, seq: number) =>
  db
    .select({ count: messages.countNo })
    .from(messages)
    .where(and(eq(messages.roomId, roomId), eq(messages.seq, seq)))
    .get()?.count ?? 0

type MarkStore = Pick<RoomStore, 'markRead' | 'markDelivered' | 'totalUnread' | 'unreadOf'>

export function sqliteMarks(db: Db, write: Write<ReturnType<typeof markCommands>>): MarkStore {
  const totals = unreadTotals(db)
  const unread = unreadRooms(db)

  return {
    markRead: (roomId, role, seq) => write('markRead', roomId, role, seq),
    // As directly as the above: marks that are written together are told in the order in which they were written.
    markDelivered: (receipts) => write('markDelivered', [...receipts]),
    async totalUnread(userId) {
      return totals.all({ userId }).reduce((sum, { total }) => sum + total, 0)
    },
    async unreadOf(userId) {
      return new Map(unread.all({ userId }).map(({ roomId, unread }) => [roomId, unread]))
    },
  }
}

/** Rooms refer to people by their numbers. */
export const numberOf = (userId: string | Placeholder) => sql<number>`(SELECT number FROM users WHERE id = ${userId})`

export const SIDE = {
  owner: { number: rooms.ownerNo, readCount: rooms.ownerReadCount },
  customer: { number: rooms.customerNo, readCount: rooms.customerReadCount },
}

const unreadOf = (role: Role) =>
  sql<number>`coalesce(sum(max(0, ${rooms.lastCount} - ${SIDE[role].readCount})), 0)`.as('total')

const unreadTotals = (db: Db) => {
  const total = (role: Role) =>
    db
      .select({ total: unreadOf(role) })
      .from(rooms)
      .where(eq(SIDE[role].number, numberOf(sql.placeholder('userId'))))
  return total('owner').unionAll(total('customer')).prepare()
}

/** Each room of a person's with something unread in it. */
const unreadRooms = (db: Db) => {
  const side = (role: Role) => {
    const { number, readCount } = SIDE[role]
    return db
      .select({ roomId: rooms.id, unread: sql<number>`${rooms.lastCount} - ${readCount}`.as('unread') })
      .from(rooms)
      .where(and(eq(number, numberOf(sql.placeholder('userId'))), gt(rooms.lastCount, readCount)))
  }
  return side('owner').unionAll(side('customer')).prepare()
}
