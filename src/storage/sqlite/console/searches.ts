import { and, desc, eq, gt, gte, isNotNull, lt, notInArray, or, type SQL, sql } from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'
import type { ConsoleStore, Search, SessionSearch } from '../../../admin/store.ts'
import { toProduct } from '../../rows.ts'
import { LOOKED_THROUGH, pageOf, placeOfSession, toListed, toSeenUser } from '../../rows-console.ts'
import type { Db } from '../database.ts'
import { presence, products, sessions, users } from '../schema.ts'
import { findRoom, searchRooms } from './rooms.ts'
import { contains } from './text.ts'

export const sqliteConsole = (db: Db): ConsoleStore => ({
  users: async (search) => searchUsers(db, search),
  rooms: async (search) => searchRooms(db, search),
  room: async (roomId) => findRoom(db, roomId),
  products: async (search) => searchProducts(db, search),
  sessions: async (search, at) => searchSessions(db, search, at),
  async sessionHash(id) {
    const own = and(gte(sessions.tokenHash, id), lt(sessions.tokenHash, `${id}g`))
    return db.select({ hash: sessions.tokenHash }).from(sessions).where(own).get()?.hash
  },
})

function searchUsers(db: Db, { q, after, limit }: Search<number>) {
  const find = (where: SQL | undefined) =>
    db
      .select({ user: users, lastSeenAt: presence.lastSeenAt })
      .from(users)
      .leftJoin(presence, eq(presence.userNo, users.number))
      .where(where)
      .orderBy(desc(users.number))
      .limit(limit + 1)
      .all()
  const placeOf = ({ user }: { user: { number: number } }) => user.number
  const before = after === undefined ? undefined : lt(users.number, after)
  if (q === undefined) return pageOf({ rows: find(before), limit, placeOf }, toSeenUser)
  const isIt = or(eq(users.id, q), and(eq(users.email, q.toLowerCase()), isNotNull(users.passwordHash)))
  const exact = find(isIt)
  const end = endOf(db, users, before)
  const isLike = or(contains(users.username, q), contains(users.email, q))
  const rows = find(and(before, down(users.number, end), isLike, notInArray(users.number, exact.map(placeOf))))
  return pageOf({ exact: after === undefined ? exact : [], rows, limit, placeOf, end }, toSeenUser)
}

function searchProducts(db: Db, { q, after, limit }: Search<number>) {
  const find = (where: SQL | undefined) =>
    db
      .select()
      .from(products)
      .where(where)
      .orderBy(desc(products.number))
      .limit(limit + 1)
      .all()
  const placeOf = ({ number }: { number: number }) => number
  const before = after === undefined ? undefined : lt(products.number, after)
  if (q === undefined) return pageOf({ rows: find(before), limit, placeOf }, toProduct)
  const exact = find(eq(products.id, q))
  const end = endOf(db, products, before)
  const others = notInArray(products.number, exact.map(placeOf))
  const rows = find(and(before, down(products.number, end), contains(products.title, q), others))
  return pageOf({ exact: after === undefined ? exact : [], rows, limit, placeOf, end }, toProduct)
}

/** Where a search gives up, if there are so many. */
const endOf = (db: Db, table: typeof users | typeof products, before: SQL | undefined): number | undefined =>
  db
    .select({ number: table.number })
    .from(table)
    .where(before)
    .orderBy(desc(table.number))
    .limit(1)
    .offset(LOOKED_THROUGH - 1)
    .get()?.number

const down = (column: SQLiteColumn, end: number | undefined) => (end === undefined ? undefined : gte(column, end))

function searchSessions(db: Db, { userId, after, limit }: SessionSearch, at: number) {
  const rows = db
    .select({ session: sessions, username: users.username })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(
      and(
        gt(sessions.expiresAt, at),
        userId === undefined ? undefined : eq(sessions.userId, userId),
        after && sql`(${sessions.expiresAt}, ${sessions.tokenHash}) < (${after.expiresAt}, ${after.id})`,
      ),
    )
    .orderBy(desc(sessions.expiresAt), desc(sessions.tokenHash))
    .limit(limit + 1)
    .all()
  return pageOf({ rows, limit, placeOf: placeOfSession }, toListed)
}
