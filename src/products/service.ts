import type { Actor } from '../audit/model.ts'
import type { Caller, Identity } from '../auth/model.ts'
import { ChatError } from '../lib/errors.ts'
import { requireDistinct, requireHostId } from '../lib/http/batch.ts'
import { readCursor, writeCursor } from '../lib/http/cursor.ts'
import type { NewProduct, Product, ProductBatch, ProductChange, ProductPage, ProductUpsert } from './model.ts'
import type { ProductStore } from './store.ts'

interface Deps {
  products: ProductStore
  now: () => number
}

export interface ProductQuery {
  q?: string | undefined
  ownerId?: string | undefined
  cursor?: string | undefined
  limit: number
}

export class Products {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  async create({ user }: Identity, product: NewProduct): Promise<Product> {
    const { title, priceMinor, currency, imageUrl, url } = composed(product)
    const price = { priceMinor: priceMinor ?? null, currency: currency ?? null }
    requireWholePrice(price)
    const fields = { title, ...price, imageUrl: imageUrl ?? null, url: url ?? null }
    const { products, now } = this.#deps
    const created = await products.create({ ...fields, id: Bun.randomUUIDv7(), ownerId: user.id, at: now() })
    if (!created) throw new ChatError('unauthenticated')
    return created
  }

  async find(productId: string): Promise<Product> {
    const product = await this.#deps.products.find(productId)
    if (!product) throw new ChatError('not_found')
    return product
  }

  async list({ q, ownerId, cursor, limit }: ProductQuery): Promise<ProductPage> {
    const before = cursor === undefined ? undefined : readCursor(cursor, 1)[0]
    // One more than asked for tells whether there is a next page.
    const found = await this.#deps.products.list({
      q: q?.normalize('NFC') || undefined,
      ownerId,
      before,
      limit: limit + 1,
    })
    const items = found.slice(0, limit)
    const last = items.at(-1)
    const nextCursor = found.length > limit && last ? writeCursor(last.place) : null
    return { items: items.map(({ product }) => product), nextCursor }
  }

  async change({ user }: Identity, productId: string, change: ProductChange): Promise<Product> {
    const product = await this.find(productId)
    if (product.ownerId !== user.id) throw new ChatError('forbidden')
    const fields = withWholePrice(product, composed(change))
    const changed = await this.#deps.products.change(productId, user.id, fields)
    if (!changed) throw new ChatError('not_found')
    return changed
  }

  /** By its owner, or by the marketplace. Its rooms stay, and stay open. */
  async archive({ person }: Caller, productId: string): Promise<void> {
    const product = await this.find(productId)
    if (person && product.ownerId !== person.user.id) throw new ChatError('forbidden')
    await this.#deps.products.archive(productId, product.ownerId, this.#deps.now())
  }

  /** By an admin, whoever's it is. */
  async withdraw(productId: string, actor: Actor): Promise<void> {
    const { ownerId } = await this.find(productId)
    const target = { kind: 'product', id: productId } as const
    const { products, now } = this.#deps
    await products.archive(productId, ownerId, now(), { actor, action: 'product.archive', target })
  }

  /** As the marketplace has it. Its rooms stay with the owner that they have. */
  async put(productId: string, upsert: ProductUpsert): Promise<{ product: Product; created: boolean }> {
    requireHostId(productId, '/productId')
    const [first] = await this.#upsert([{ ...upsert, id: productId }], '')
    if (!first) throw new ChatError('internal')
    return first
  }

  /** All of them, or none. */
  async putAll({ items }: ProductBatch): Promise<Product[]> {
    requireDistinct(items)
    return (await this.#upsert(items, '/items')).map(({ product }) => product)
  }

  async #upsert(items: (ProductUpsert & { id: string })[], path: '' | '/items') {
    const pathTo = (at: number) => (path === '' ? '' : `${path}/${at}`)
    for (const [at, item] of items.entries()) requirePricePair(item, pathTo(at))
    const upserted = await this.#deps.products.upsert(items.map(composed), this.#deps.now())
    if ('ownerless' in upserted) {
      const errors = [{ path: `${pathTo(upserted.ownerless)}/ownerId`, fault: 'no_such_user' as const }]
      throw new ChatError('invalid', { errors })
    }
    return upserted
  }
}

/** In one form of Unicode, so that a search finds it, however the two were typed. */
const composed = <T extends { title?: string }>(product: T): T =>
  product.title === undefined ? product : { ...product, title: product.title.normalize('NFC') }

/** Both parts of a price are written together: beside another change, one of them alone might not fit what is there. */
function withWholePrice(product: Product, change: ProductChange): ProductChange {
  if (change.priceMinor === undefined && change.currency === undefined) return change
  const { priceMinor, currency } = { ...product, ...change }
  requireWholePrice({ priceMinor, currency })
  return { ...change, priceMinor, currency }
}

function requireWholePrice({ priceMinor, currency }: Pick<Product, 'priceMinor' | 'currency'>, at = '') {
  if ((priceMinor === null) !== (currency === null))
    throw halfAPrice(at, priceMinor === null ? 'priceMinor' : 'currency')
}

/** Where nobody has asked what is stored, both parts are sent, or neither. */
function requirePricePair({ priceMinor, currency }: ProductUpsert, at: string) {
  if (priceMinor === undefined && currency === undefined) return
  if (priceMinor === undefined) throw halfAPrice(at, 'priceMinor')
  if (currency === undefined) throw halfAPrice(at, 'currency')
  requireWholePrice({ priceMinor, currency }, at)
}

const halfAPrice = (at: string, missing: 'priceMinor' | 'currency') =>
  new ChatError('invalid', { errors: [{ path: `${at}/${missing}`, fault: 'half_a_price' }] })
