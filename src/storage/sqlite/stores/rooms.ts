import { and, desc, eq, gt, or, type Placeholder, type SQL, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/sqlite-core'
import type { Role, RoomSummary } from '../../../rooms/model.ts'
import type { InboxFilter, OpenedRoom, RoomStore, Sides } from '../../../rooms/store.ts'
import type { Db } from '../database.ts'
import { messages, products, rooms, users } from '../schema.ts'
import type { RoomsInHand } from '../writer/rooms-in-hand.ts'
import type { Write } from '../writer/wire.ts'
import { toMessage } from './messages.ts'
import { toProduct } from './products.ts'

type Mark = { readSeq: number; unread: number }

export const roomCommands = (db: Db, inHand: RoomsInHand) => ({
  openRoom(room: Sides & { productId: string }, at: number): OpenedRoom {
    const existing = db.select({ roomId: rooms.id }).from(rooms).where(sameRoom(room)).get()
    if (existing) return { ...existing, created: false }
    const { ownerId, customerId, productId } = room
    const { id } = db
      .insert(rooms)
      .values({ ownerNo: numberOf(ownerId), customerNo: numberOf(customerId), productId, createdAt: at })
      .returning({ id: rooms.id })
      .get()
    return { roomId: id, created: true }
  },

  /** Through the room in hand: a send of the same batch writes the same row. */
  markRead(roomId: number, role: Role, seq: number): Mark {
    const room = inHand.get(roomId)
    if (!room) return { readSeq: 0, unread: 0 }
    const own = OWN_MARK[role]
    const target = Math.min(seq, room.lastSeq)
    if (target > room[own.seq]) {
      inHand.touch(room)
      room[own.seq] = target
      room[own.count] = target === room.lastSeq ? room.lastCount : countAt(db, roomId, target)
    }
    return { readSeq: room[own.seq], unread: Math.max(0, room.lastCount - room[own.count]) }
  },
})

const OWN_MARK = {
  owner: { seq: 'ownerReadSeq', count: 'ownerReadCount' },
  customer: { seq: 'customerReadSeq', count: 'customerReadCount' },
} as const

const countAt = (db: Db, roomId: number, seq: number) =>
  db
    .select({ count: messages.countNo })
    .from(messages)
    .where(and(eq(messages.roomId, roomId), eq(messages.seq, seq)))
    .get()?.count ?? 0

const sameRoom = ({ ownerId, customerId, productId }: Sides & { productId: string }) =>
  and(eq(rooms.ownerNo, numberOf(ownerId)), eq(rooms.customerNo, numberOf(customerId)), eq(rooms.productId, productId))

/** Rooms refer to people by their numbers. */
const numberOf = (userId: string | Placeholder) => sql<number>`(SELECT number FROM users WHERE id = ${userId})`

export function sqliteRooms(db: Db, write: Write<ReturnType<typeof roomCommands>>): RoomStore {
  const members = db
    .select({ ownerId: owners.id, customerId: customers.id })
    .from(rooms)
    .innerJoin(owners, eq(owners.number, rooms.ownerNo))
    .innerJoin(customers, eq(customers.number, rooms.customerNo))
    .where(eq(rooms.id, sql.placeholder('roomId')))
    .prepare()
  const totals = unreadTotals(db)

  return {
    open: ({ at, ...room }) => write('openRoom', room, at),
    async find(room) {
      return db.select({ roomId: rooms.id }).from(rooms).where(sameRoom(room)).get()?.roomId
    },
    async sides(roomId) {
      return members.get({ roomId })
    },
    async summary(roomId, userId) {
      const mine = or(eq(rooms.ownerNo, numberOf(userId)), eq(rooms.customerNo, numberOf(userId)))
      const [row] = summaries(db, and(eq(rooms.id, roomId), mine), 1)
      return row && toSummary(row, userId)
    },
    async inbox(userId, filter) {
      const rows = (filter.role ? [filter.role] : (['owner', 'customer'] as const)).flatMap((role) =>
        summaries(db, inInbox(userId, role, filter), filter.limit),
      )
      rows.sort((a, b) => b.room.lastMessageId - a.room.lastMessageId || b.room.id - a.room.id)
      return rows.slice(0, filter.limit).map((row) => ({
        summary: toSummary(row, userId),
        place: { lastMessageId: row.room.lastMessageId, roomId: row.room.id },
      }))
    },
    markRead: (roomId, role, seq) => write('markRead', roomId, role, seq),
    async idsOf(userId) {
      const own = or(eq(rooms.ownerNo, numberOf(userId)), eq(rooms.customerNo, numberOf(userId)))
      return db
        .select({ id: rooms.id })
        .from(rooms)
        .where(own)
        .all()
        .map(({ id }) => id)
        .sort((a, b) => a - b)
    },
    async totalUnread(userId) {
      return totals.all({ userId }).reduce((sum, { total }) => sum + total, 0)
    },
  }
}

const SIDE = {
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

function inInbox(userId: string, role: Role, { productId, unread, after }: InboxFilter): SQL | undefined {
  return and(
    eq(SIDE[role].number, numberOf(userId)),
    // A room in which nobody has written yet is nothing that its owner needs to see.
    role === 'owner' ? gt(rooms.lastCount, 0) : undefined,
    productId === undefined ? undefined : eq(rooms.productId, productId),
    unread ? gt(rooms.lastCount, SIDE[role].readCount) : undefined,
    after === undefined
      ? undefined
      : sql`(${rooms.lastMessageId}, ${rooms.id}) < (${after.lastMessageId}, ${after.roomId})`,
  )
}

const owners = alias(users, 'owners')
const customers = alias(users, 'customers')
const peerColumns = (table: typeof owners | typeof customers) => ({ id: table.id, username: table.username })

/** One query for a page, whatever its length: the order comes from an inbox index, the rest by primary keys. */
function summaries(db: Db, where: SQL | undefined, limit: number) {
  return db
    .select({
      room: rooms,
      product: products,
      owner: peerColumns(owners),
      customer: peerColumns(customers),
      last: messages,
    })
    .from(rooms)
    .innerJoin(products, eq(products.id, rooms.productId))
    .innerJoin(owners, eq(owners.number, rooms.ownerNo))
    .innerJoin(customers, eq(customers.number, rooms.customerNo))
    .leftJoin(messages, eq(messages.id, rooms.lastMessageId))
    .where(where)
    .orderBy(desc(rooms.lastMessageId), desc(rooms.id))
    .limit(limit)
    .all()
}

type SummaryRow = ReturnType<typeof summaries>[number]

const senderOf = (number: number | null, { room, owner, customer }: Pick<SummaryRow, 'room' | 'owner' | 'customer'>) =>
  number === room.ownerNo ? owner : number === room.customerNo ? customer : null

function toSummary({ room, product, owner, customer, last }: SummaryRow, userId: string): RoomSummary {
  const isOwner = owner.id === userId
  const [peerReadSeq, peerDeliveredSeq] = isOwner
    ? [room.customerReadSeq, room.customerDeliveredSeq]
    : [room.ownerReadSeq, room.ownerDeliveredSeq]
  const createdAt = new Date(room.createdAt).toISOString()
  const lastMessage = last ? toMessage({ ...last, sender: senderOf(last.senderNo, { room, owner, customer }) }) : null
  return {
    id: room.id,
    product: toProduct(product),
    owner,
    customer,
    lastSeq: room.lastSeq,
    createdAt,
    role: isOwner ? 'owner' : 'customer',
    unread: Math.max(0, room.lastCount - (isOwner ? room.ownerReadCount : room.customerReadCount)),
    readSeq: isOwner ? room.ownerReadSeq : room.customerReadSeq,
    peerReadSeq,
    // What was read was received.
    peerDeliveredSeq: Math.max(peerDeliveredSeq, peerReadSeq),
    lastMessage,
    lastActivityAt: lastMessage?.createdAt ?? createdAt,
  }
}
