import { Type as t } from '@sinclair/typebox'
import { batchOf, HostId } from '../lib/http/batch.ts'
import { LINE } from '../users/model.ts'

const nullable = <T extends Parameters<typeof t.Union>[0][number]>(schema: T) => t.Union([schema, t.Null()])

// http and https only: a `javascript:` link would run in the page of whoever clicks it.
const Link = t.String({ pattern: '^https?://[^\\s<>"\\u0000-\\u001f]+$', fault: 'no_link', maxLength: 2000 })
const Title = t.String({ minLength: 1, maxLength: 200, ...LINE, examples: ['Road bike, 54 cm'] })
const PriceMinor = t.Integer({
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'In the minor unit of the currency: cents, pence; won as they are.',
  examples: [15000],
})
const Currency = t.String({ pattern: '^[A-Z]{3}$', fault: 'no_currency', description: 'ISO 4217', examples: ['KRW'] })
// A path has no empty part and no backslash: `//shop.example` and `/\shop.example` are other servers to a browser.
const ImageUrl = t.String({
  pattern: `${Link.pattern}|^(?:/[^\\s<>"/\\\\\\u0000-\\u001f]+)+$`,
  fault: 'no_image_link',
  maxLength: 2000,
  description: 'An http or https URL, or a path on this server.',
  examples: ['https://shop.example/bike.jpg'],
})
const Url = { ...Link, examples: ['https://shop.example/bikes/54'] }

/** In a path: what nobody could have made is not found. */
export const ProductPath = t.Object({ productId: t.String({ examples: ['0193f3a2-7b1c-7000-8000-0000000000b1'] }) })

export const ProductId = t.String({ minLength: 1, maxLength: 200, examples: ['0193f3a2-7b1c-7000-8000-0000000000b1'] })

/** Nothing, as an empty search box sends it, is no search. SQLite would end the text at a NUL. */
export const SearchText = t.String({
  maxLength: 100,
  pattern: '^[^\\u0000-\\u001f\\u007f]*$',
  fault: 'no_controls',
  description: 'Part of the title, without regard to the case of A to Z.',
})

export const Product = t.Object(
  {
    id: ProductId,
    ownerId: t.String({ examples: ['0193f3a2-7b1c-7000-8000-0000000000a1'] }),
    title: t.String({ examples: Title.examples }),
    priceMinor: nullable(PriceMinor),
    currency: nullable(Currency),
    imageUrl: nullable(ImageUrl),
    url: nullable(Url),
    createdAt: t.String({ format: 'date-time', examples: ['2026-11-22T10:20:00.000Z'] }),
    archivedAt: nullable(t.String({ format: 'date-time' })),
  },
  { title: 'Product', additionalProperties: false },
)
export type Product = typeof Product.static

/** A price needs its currency: the service refuses one without the other. */
export const NewProduct = t.Object(
  {
    title: Title,
    priceMinor: t.Optional(nullable(PriceMinor)),
    currency: t.Optional(nullable(Currency)),
    imageUrl: t.Optional(nullable(ImageUrl)),
    url: t.Optional(nullable(Url)),
  },
  { title: 'NewProduct', additionalProperties: false },
)
export type NewProduct = typeof NewProduct.static

export const ProductChange = t.Partial(NewProduct, {
  title: 'ProductChange',
  additionalProperties: false,
  minProperties: 1,
})
export type ProductChange = typeof ProductChange.static

const upsert = {
  ownerId: { ...HostId, description: 'Whose it is: somebody whom Parley knows by now.' },
  ...NewProduct.properties,
  archived: t.Optional(t.Boolean({ description: 'true: it is no longer offered; false: it is again.' })),
}

/** What is left out stays; a new product has none of it. */
export const ProductUpsert = t.Object(upsert, { title: 'ProductUpsert', additionalProperties: false })
export type ProductUpsert = typeof ProductUpsert.static

export const ProductBatch = batchOf('ProductBatch', upsert)
export type ProductBatch = typeof ProductBatch.static

export const ProductList = t.Object(
  { items: t.Array(Product, { description: 'In the order in which they were sent.' }) },
  { title: 'ProductList', additionalProperties: false },
)
export type ProductList = typeof ProductList.static

export const ProductPage = t.Object(
  { items: t.Array(Product), nextCursor: nullable(t.String({ description: 'Opaque; null on the last page.' })) },
  { title: 'ProductPage', additionalProperties: false },
)
export type ProductPage = typeof ProductPage.static
