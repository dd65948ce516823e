import { and, desc, eq, gt, inArray, or, type SQL, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type { Role } from '../../../rooms/model.ts'
import type { InboxFilter, OpenedRoom, RoomStore, Sides } from '../../../rooms/store.ts'
import { ofBoth, toInbox, toSummary } from '../../rows-rooms.ts'
import { texts } from '../arrays.ts'
import type { Db } from '../database.ts'
import { messages, products, rooms, users } from '../schema.ts'
import type { Enqueue } from '../writer/queue.ts'
import { numberOf, postgresMarks, SIDE } from './marks.ts'

type RoomKey = Sides & { productId: string }

const sameRoom = ({ ownerId, customerId, productId }: RoomKey) =>
  and(eq(rooms.ownerNo, numberOf(ownerId)), eq(rooms.customerNo, numberOf(customerId)), eq(rooms.productId, productId))

async function find(db: Db, room: RoomKey): Promise<number | undefined> {
  const [found] = await db.select({ roomId: rooms.id }).from(rooms).where(sameRoom(room))
  return found?.roomId
}

/** Rooms are never taken away: what is not there may come, and what is there stays. */
async function open(db: Db, room: RoomKey, at: number): Promise<OpenedRoom> {
  const existing = await find(db, room)
  if (existing !== undefined) return { roomId: existing, created: false }
  const { ownerId, customerId, productId } = room
  const [made] = await db
    .insert(rooms)
    .values({ ownerNo: numberOf(ownerId), customerNo: numberOf(customerId), productId, createdAt: at })
    .onConflictDoNothing()
    .returning({ roomId: rooms.id })
  return made ? { ...made, created: true } : open(db, room, at)
}

export function postgresRooms(db: Db, enqueue: Enqueue): RoomStore {
  const members = sides(db).prepare()
  const mine = summaries(db, isMine, 1).prepare()
  const anyones = summaries(db, isIt, 1).prepare()
  const changed = changes(db)

  return {
    open: ({ at, ...room }) => open(db, room, at),
    find: (room) => find(db, room),
    async sides(roomId) {
      const [room] = await members.execute({ roomId })
      return room
    },
    async summary(roomId, userId) {
      const [row] = await mine.execute({ roomId, userId })
      return row && toSummary(row, userId)
    },
    async summaries(roomId) {
      const [row] = await anyones.execute({ roomId })
      return row ? ofBoth(row) : []
    },
    async inbox(userId, filter) {
      const roles = filter.role ? [filter.role] : (['owner', 'customer'] as const)
      const pages = roles.map((role) =>
        summaries(db, inArray(rooms.id, pageOf(db, userId, role, filter)), filter.limit),
      )
      const rows = (await Promise.all(pages)).flat()
      return toInbox(rows, userId, filter.limit)
    },
    ...postgresMarks(db, enqueue),
    async idsOf(userId) {
      const of = (role: Role) =>
        db
          .select({ id: rooms.id })
          .from(rooms)
          .where(eq(SIDE[role].number, numberOf(userId)))
      const rows = await of('owner').unionAll(of('customer'))
      return rows.map(({ id }) => id).sort((a, b) => a - b)
    },
    async changedSince(userIds, place) {
      const now = await newestPlace(db)
      if (place === undefined || place >= now) return { rooms: [], place: now }
      return { rooms: await changed.execute({ userIds: texts(userIds), place }), place: now }
    },
  }
}

/** The greatest id that a message was given: to read it there costs nothing, and no index of the ids is needed. */
async function newestPlace(db: Db): Promise<number> {
  const [row] = await db.execute<{ place: string }>(
    sql`SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS place FROM messages_id_seq`,
  )
  return Number(row?.place ?? 0)
}

/** From either side: by the indexes of the inboxes. */
function changes(db: Db) {
  const side = (role: Role) =>
    db
      .select({ roomId: rooms.id, lastSeq: rooms.lastSeq })
      .from(users)
      .innerJoin(rooms, and(eq(SIDE[role].number, users.number), gt(rooms.lastMessageId, sql.placeholder('place'))))
      .where(sql`${users.id} = ANY(${sql.placeholder('userIds')}::text[])`)
  return side('owner').union(side('customer')).prepare()
}

/**
 * The ids first, by an index of the inboxes: of how many rooms a person has, the planner knows nothing, and would rather
 * read and join all of them.
 */
const pageOf = (db: Db, userId: string, role: Role, filter: InboxFilter) =>
  db
    .select({ id: rooms.id })
    .from(rooms)
    .where(inInbox(userId, role, filter))
    .orderBy(desc(rooms.lastMessageId), desc(rooms.id))
    .limit(filter.limit)

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

/** One query for a page, whatever its length. */
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
    .leftJoin(messages, and(eq(messages.roomId, rooms.id), eq(messages.seq, rooms.lastMessageSeq)))
    .where(where)
    .orderBy(desc(rooms.lastMessageId), desc(rooms.id))
    .limit(limit)
}
