import { and, desc, eq, gt, or, type SQL, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/sqlite-core'
import type { Role } from '../../../rooms/model.ts'
import type { InboxFilter, OpenedRoom, RoomStore, Sides } from '../../../rooms/store.ts'
import { ofBoth, toInbox, toSummary } from '../../rows-rooms.ts'
import type { Db } from '../database.ts'
import { messages, products, rooms, users } from '../schema.ts'
import type { Write } from '../writer/wire.ts'
import { type markCommands, numberOf, SIDE, sqliteMarks } from './marks.ts'

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
      return toInbox(rows, userId, filter.limit)
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
