import { and, asc, desc, eq, gt, isNull, lt, sql } from 'drizzle-orm'
import type { NewProduct, ProductUpsert } from '../../../products/model.ts'
import type { ProductFilter, ProductStore } from '../../../products/store.ts'
import { archivedSince, type ProductRow, patternOf, toProduct } from '../../rows.ts'
import type { Db } from '../database.ts'
import { products, users } from '../schema.ts'
import { auditing, type Write } from '../writer/wire.ts'

type Fields = Partial<Required<NewProduct>>

export const productCommands = (db: Db) => ({
  createProduct(product: Omit<typeof products.$inferInsert, 'number'>): ProductRow | null {
    // Whoever was erased while they asked offers nothing any more.
    return isPerson(db, product.ownerId) ? db.insert(products).values(product).returning().get() : null
  },

  changeProduct(productId: string, ownerId: string, fields: Fields): ProductRow | null {
    return db.update(products).set(fields).where(owned(productId, ownerId)).returning().get() ?? null
  },

  archiveProduct(productId: string, ownerId: string, at: number): boolean {
    const archivedAt = sql<number>`coalesce(${products.archivedAt}, ${at})`
    return db.update(products).set({ archivedAt }).where(owned(productId, ownerId)).returning().get() !== undefined
  },

  upsertProducts(
    items: (ProductUpsert & { id: string })[],
    at: number,
  ): [ProductRow, boolean][] | { ownerless: number } {
    const ownerless = items.findIndex(({ ownerId }) => !isPerson(db, ownerId))
    if (ownerless >= 0) return { ownerless }
    return items.map((item) => upsertOne(db, item, at))
  },
})

const isPerson = (db: Db, id: string) =>
  db
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.id, id), isNull(users.erasedAt)))
    .get() !== undefined

function upsertOne(db: Db, { archived, ...fields }: ProductUpsert & { id: string }, at: number): [ProductRow, boolean] {
  const before = db.select().from(products).where(eq(products.id, fields.id)).get()
  const archivedAt = archivedSince(before, archived, at)
  if (!before)
    return [
      db
        .insert(products)
        .values({ ...fields, archivedAt, createdAt: at })
        .returning()
        .get(),
      true,
    ]
  db.update(products)
    .set({ ...fields, archivedAt })
    .where(eq(products.id, fields.id))
    .run()
  // What was left out came through JSON, and so is not there at all.
  return [{ ...before, ...fields, archivedAt }, false]
}

export function sqliteProducts(db: Db, write: Write<ReturnType<typeof productCommands>>): ProductStore {
  const byId = db
    .select()
    .from(products)
    .where(eq(products.id, sql.placeholder('id')))
    .prepare()

  return {
    async create({ at, ...product }) {
      const row = await write('createProduct', { ...product, createdAt: at })
      return row ? toProduct(row) : undefined
    },
    async find(id) {
      const row = byId.get({ id })
      return row && toProduct(row)
    },
    async list(filter) {
      const rows = db
        .select()
        .from(products)
        .where(matching(filter))
        .orderBy(desc(products.number))
        .limit(filter.limit)
        .all()
      return rows.map((row) => ({ product: toProduct(row), place: row.number }))
    },
    async change(productId, ownerId, fields) {
      const row = await write('changeProduct', productId, ownerId, fields)
      return row ? toProduct(row) : undefined
    },
    archive: (productId, ownerId, at, deed) => auditing(write, [deed], at)('archiveProduct', productId, ownerId, at),
    async upsert(items, at) {
      const upserted = await write('upsertProducts', items, at)
      if (!Array.isArray(upserted)) return upserted
      return upserted.map(([row, created]) => ({ product: toProduct(row), created }))
    },
    async ofOwner(ownerId, after, limit) {
      const own = and(eq(products.ownerId, ownerId), gt(products.number, after))
      const rows = db.select().from(products).where(own).orderBy(asc(products.number)).limit(limit).all()
      return rows.map((row) => ({ product: toProduct(row), place: row.number }))
    },
  }
}

const owned = (productId: string, ownerId: string) => and(eq(products.id, productId), eq(products.ownerId, ownerId))

const matching = ({ q, ownerId, before }: ProductFilter) =>
  and(
    isNull(products.archivedAt),
    ownerId === undefined ? undefined : eq(products.ownerId, ownerId),
    before === undefined ? undefined : lt(products.number, before),
    q === undefined ? undefined : sql`${products.title} LIKE ${patternOf(q)} ESCAPE '\\'`,
  )
