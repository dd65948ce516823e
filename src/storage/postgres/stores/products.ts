import { and, asc, desc, eq, gt, isNull, lt, sql } from 'drizzle-orm'
import type { ProductUpsert } from '../../../products/model.ts'
import type { ProductFilter, ProductStore } from '../../../products/store.ts'
import { archivedSince, type ProductRow, patternOf, toProduct } from '../../rows.ts'
import { texts } from '../arrays.ts'
import { auditing } from '../console/audit.ts'
import type { Db } from '../database.ts'
import { products, users } from '../schema.ts'
import type { Reads, Tx, Write } from '../transactions.ts'

type Upsert = ProductUpsert & { id: string }

const isPerson = async (db: Reads, id: string) => {
  const found = and(eq(users.id, id), isNull(users.erasedAt))
  return (await db.select({ id: users.id }).from(users).where(found)).length > 0
}

async function upsertAll(
  tx: Tx,
  items: Upsert[],
  at: number,
): Promise<[ProductRow, boolean][] | { ownerless: number }> {
  const people = and(
    sql`${users.id} = ANY(${texts(items.map(({ ownerId }) => ownerId))}::text[])`,
    isNull(users.erasedAt),
  )
  const found = new Set((await tx.select({ id: users.id }).from(users).where(people)).map(({ id }) => id))
  const ownerless = items.findIndex(({ ownerId }) => !found.has(ownerId))
  if (ownerless >= 0) return { ownerless }
  // Held, in one order everywhere; what is new is held by its insert.
  const known = sql`${products.id} = ANY(${texts(items.map(({ id }) => id))}::text[])`
  const rows = await tx.select().from(products).where(known).orderBy(asc(products.number)).for('update')
  const before = new Map(rows.map((row) => [row.id, row]))
  const upserted: [ProductRow, boolean][] = []
  for (const item of items) {
    const row = await upsertOne(tx, item, before.get(item.id), at)
    upserted.push([row, !before.has(item.id)])
    before.set(item.id, row)
  }
  return upserted
}

async function upsertOne(tx: Tx, { archived, ...fields }: Upsert, before: ProductRow | undefined, at: number) {
  const archivedAt = archivedSince(before, archived, at)
  const written = before
    ? tx
        .update(products)
        .set({ ...fields, archivedAt })
        .where(eq(products.number, before.number))
    : tx.insert(products).values({ ...fields, archivedAt, createdAt: at })
  const [row] = await written.returning()
  if (!row) throw new Error('a product that was just found or made is gone')
  return row
}

export function postgresProducts(db: Db, write: Write): ProductStore {
  const byId = db
    .select()
    .from(products)
    .where(eq(products.id, sql.placeholder('id')))
    .prepare()

  return {
    create: ({ at, ...product }) =>
      write([product.ownerId], async (tx) => {
        // Whoever was erased while they asked offers nothing any more.
        if (!(await isPerson(tx, product.ownerId))) return undefined
        const [row] = await tx
          .insert(products)
          .values({ ...product, createdAt: at })
          .returning()
        return row && toProduct(row)
      }),
    async find(id) {
      const [row] = await byId.execute({ id })
      return row && toProduct(row)
    },
    async list(filter) {
      const page = db.select().from(products).where(matching(filter)).orderBy(desc(products.number)).limit(filter.limit)
      return (await page).map((row) => ({ product: toProduct(row), place: row.number }))
    },
    change: (productId, ownerId, fields) =>
      write([ownerId], async (tx) => {
        const [row] = await tx.update(products).set(fields).where(owned(productId, ownerId)).returning()
        return row && toProduct(row)
      }),
    archive(productId, ownerId, at, deed) {
      const work = auditing([deed], at, async (tx) => {
        const archivedAt = sql<number>`coalesce(${products.archivedAt}, ${at})`
        const archived = tx.update(products).set({ archivedAt }).where(owned(productId, ownerId))
        return (await archived.returning({ id: products.id })).length > 0
      })
      return write([ownerId], work)
    },
    async upsert(items, at) {
      const upserted = await write([...new Set(items.map(({ ownerId }) => ownerId))], (tx) => upsertAll(tx, items, at))
      if (!Array.isArray(upserted)) return upserted
      return upserted.map(([row, created]) => ({ product: toProduct(row), created }))
    },
    async ofOwner(ownerId, after, limit) {
      const own = and(eq(products.ownerId, ownerId), gt(products.number, after))
      const rows = await db.select().from(products).where(own).orderBy(asc(products.number)).limit(limit)
      return rows.map((row) => ({ product: toProduct(row), place: row.number }))
    },
  }
}

const owned = (productId: string, ownerId: string) => and(eq(products.id, productId), eq(products.ownerId, ownerId))

/** The collation is C, so only ASCII letters are alike in both cases, as in SQLite. */
const matching = ({ q, ownerId, before }: ProductFilter) =>
  and(
    isNull(products.archivedAt),
    ownerId === undefined ? undefined : eq(products.ownerId, ownerId),
    before === undefined ? undefined : lt(products.number, before),
    q === undefined ? undefined : sql`${products.title} ILIKE ${patternOf(q)} ESCAPE '\\'`,
  )
