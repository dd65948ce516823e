import { and, desc, eq, gt, or, type SQL, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/sqlite-core'
import type { Role, RoomSummary } from '../../../rooms/model.ts'
import type { InboxFilter, OpenedRoom, RoomStore, Sides } from '../../../rooms/store.ts'
import type { Db } from '../database.ts'
import { messages, products, rooms, users } from '../schema.ts'
import type { Write } from '../writer/wire.ts'
import { type markCommands, numberOf, SIDE, sqliteMarks } from './marks.ts'
import { toMessage } from './messages.ts'
import { toProduct } from './products.ts'

export const roomCommands = (db: Db) => ({
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
})

const sameRoom = ({ ownerId, customerId, productId }: Sides & { productId: string }) =>
  and(eq(rooms.ownerNo, numberOf(ownerId)), eq(rooms.customerNo, numberOf(customerId)), eq(rooms.productId, productId))

type WriteRoom = Write<ReturnType<typeof roomCommands> & ReturnType<typeof markCommands>>

export function sqliteRooms(db: Db, write: WriteRoom): RoomStore {
  const members = sides(db).prepare()
  const mine = summaries(db, isMine, 1).prepare()
  const anyones = summaries(db, isIt, 1).prepare()

  return {
    open: ({ at, ...room }) => write('openRoom', room, at),
    async find(room) {
      return db.select({ roomId: rooms.id }).from(rooms).where(sameRoom(room)).get()?.roomId
    },
    async sides(roomId) {
      return members.get({ roomId })
    },
    async summary(roomId, userId) {
      const row = mine.get({ roomId, userId })
      return row && toSummary(row, userId)
    },
    async summaries(roomId) {
      const row = anyones.get({ roomId })
      return row ? ofBoth(row) : []
    },
    async inbox(userId, filter) {
      const rows = (filter.role ? [filter.role] : (['owner', 'customer'] as const)).flatMap((role) =>
        summaries(db, inInbox(userId, role, filter), filter.limit).all(),
      )
      rows.sort((a, b) => b.room.lastMessageId - a.room.lastMessageId || b.room.id - a.room.id)
      return rows.slice(0, filter.limit).map((row) => ({
        summary: toSummary(row, userId),
        place: { lastMessageId: row.room.lastMessageId, roomId: row.room.id },
      }))
    },
    ...sqliteMarks(db, write),
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
    ...changes(db),
  }
}

/** From either side: by the indexes of the inboxes. */
function changes(db: Db): Pick<RoomStore, 'changedSince'> {
  const newest = db
    .select({ place: sql<number>`coalesce(max(${messages.id}), 0)` })
    .from(messages)
    .prepare()
  const side = (role: Role) =>
    db
      .select({ roomId: rooms.id, lastSeq: rooms.lastSeq })
      .from(users)
      .innerJoin(rooms, and(eq(SIDE[role].number, users.number), gt(rooms.lastMessageId, sql.placeholder('place'))))
      .where(sql`${users.id} IN (SELECT value FROM json_each(${sql.placeholder('userIds')}))`)
  const changed = side('owner').union(side('customer')).prepare()
  return {
    async changedSince(userIds, place) {
      const now = newest.get()?.place ?? 0
      if (place === undefined || place >= now) return { rooms: [], place: now }
      return { rooms: changed.all({ userIds: JSON.stringify(userIds), place }), place: now }
    },
  }
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

const isIt = eq(rooms.id, sql.placeholder('roomId'))
/** One room, through the asker's membership. */
const isMine = and(
  isIt,
  or(eq(rooms.ownerNo, numberOf(sql.placeholder('userId'))), eq(rooms.customerNo, numberOf(sql.placeholder('userId')))),
)

const sides = (db: Db) =>
  db
    .select({ ownerId: owners.id, customerId: customers.id })
    .from(rooms)
    .innerJoin(owners, eq(owners.number, rooms.ownerNo))
    .innerJoin(customers, eq(customers.number, rooms.customerNo))
    .where(isIt)

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
}

type SummaryRow = ReturnType<ReturnType<typeof summaries>['all']>[number]

const senderOf = (number: number | null, { room, owner, customer }: Pick<SummaryRow, 'room' | 'owner' | 'customer'>) =>
  number === room.ownerNo ? owner : number === room.customerNo ? customer : null

/** Of an owner's inbox it is no part before the first message. */
function ofBoth(row: SummaryRow) {
  const { room, owner, customer } = row
  const people = room.lastCount > 0 ? [owner.id, customer.id] : [customer.id]
  return people.map((userId) => ({ userId, summary: toSummary(row, userId) }))
}

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
