import { and, desc, eq, lt, ne, type SQL, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type { RoomPlace, RoomSearch } from '../../../admin/store.ts'
import type { Role } from '../../../rooms/model.ts'
import { inOrder, pageOf, placeOfRoom, ROOMS_LOOKED_THROUGH, roomIdIn, toAdminRoom } from '../../rows-console.ts'
import { int8s } from '../arrays.ts'
import type { Db } from '../database.ts'
import { messages, products, rooms, users } from '../schema.ts'
import { numberOf, SIDE } from '../stores/marks.ts'
import { contains } from './text.ts'

export async function findRoom(db: Db, roomId: number) {
  const [row] = await joined(db, eq(rooms.id, roomId))
  return row && toAdminRoom(row)
}

/** Some ids first, by an index that has their order; then what is shown of them. */
export async function searchRooms(db: Db, search: RoomSearch) {
  const { q, userId, after, limit } = search
  const most = q === undefined ? limit + 1 : ROOMS_LOOKED_THROUGH
  const places = userId === undefined ? await placesOfAll(db, search, most) : await placesOf(db, userId, search, most)
  const among = sql`${rooms.id} = ANY(${int8s(places.map(({ id }) => id))}::int8[])`
  const order = userId === undefined ? [] : [desc(rooms.lastMessageId)]
  const find = (where: SQL | undefined) =>
    joined(db, where)
      .orderBy(...order, desc(rooms.id))
      .limit(limit + 1)
  if (q === undefined) return pageOf({ rows: await find(among), limit, placeOf: placeOfRoom }, toAdminRoom)
  const number = roomIdIn(search)
  const exact = number === undefined || after ? [] : await find(eq(rooms.id, number))
  const others = number === undefined ? undefined : ne(rooms.id, number)
  const rows = await find(and(among, contains(products.title, q), others))
  const end = places.length === most ? places.at(-1) : undefined
  return pageOf({ exact, rows, limit, placeOf: placeOfRoom, end }, toAdminRoom)
}

const columns = { activity: rooms.lastMessageId, id: rooms.id }

function placesOfAll(db: Db, { productId, after }: RoomSearch, limit: number): Promise<RoomPlace[]> {
  const where = and(
    productId === undefined ? undefined : eq(rooms.productId, productId),
    after && lt(rooms.id, after.id),
  )
  // A product's are found by its index and sorted: all rooms in their order are far more, whatever the planner thinks.
  const order = productId === undefined ? rooms.id : sql`${rooms.id} + 0`
  return db.select(columns).from(rooms).where(where).orderBy(desc(order)).limit(limit)
}

async function placesOf(db: Db, userId: string, { productId, after }: RoomSearch, limit: number): Promise<RoomPlace[]> {
  const side = (role: Role) =>
    db
      .select(columns)
      .from(rooms)
      .where(
        and(
          eq(SIDE[role].number, numberOf(userId)),
          productId === undefined ? undefined : eq(rooms.productId, productId),
          after && sql`(${rooms.lastMessageId}, ${rooms.id}) < (${after.activity}, ${after.id})`,
        ),
      )
      .orderBy(desc(rooms.lastMessageId), desc(rooms.id))
      .limit(limit)
  const sides = await Promise.all([side('owner'), side('customer')])
  return inOrder(sides.flat()).slice(0, limit)
}

const owners = alias(users, 'owners')
const customers = alias(users, 'customers')
const peer = (table: typeof owners | typeof customers) => ({ id: table.id, username: table.username })

const joined = (db: Db, where: SQL | undefined) =>
  db
    .select({
      room: rooms,
      product: products,
      owner: peer(owners),
      customer: peer(customers),
      lastAt: messages.createdAt,
    })
    .from(rooms)
    .innerJoin(products, eq(products.id, rooms.productId))
    .innerJoin(owners, eq(owners.number, rooms.ownerNo))
    .innerJoin(customers, eq(customers.number, rooms.customerNo))
    .leftJoin(messages, and(eq(messages.roomId, rooms.id), eq(messages.seq, rooms.lastMessageSeq)))
    .where(where)
