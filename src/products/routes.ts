import { Elysia, t } from 'elysia'
import type { AuthGuard } from '../auth/guard.ts'
import { forKeys, LIMIT, Nothing, signedIn, signedInOrKey, wholeNumber } from '../lib/http/operation.ts'
import { BODY_FAULTS, CALLER_FAULTS, failures } from '../lib/http/problem.ts'
import {
  NewProduct,
  Product,
  ProductBatch,
  ProductChange,
  ProductList,
  ProductPage,
  ProductPath,
  ProductUpsert,
  SearchText,
} from './model.ts'
import type { Products } from './service.ts'

interface Deps {
  guard: AuthGuard
  products: Products
}

export const productRoutes = ({ guard, products }: Deps) =>
  new Elysia({ prefix: '/api/products', tags: ['products'] })
    .use(guard)
    .post('', async ({ me, body, status }) => status(201, await products.create(me, body)), CREATE)
    .get('', ({ query }) => products.list(query), LIST)
    .get('/:productId', ({ params }) => products.find(params.productId), FIND)
    .patch('/:productId', ({ me, params, body }) => products.change(me, params.productId, body), CHANGE)
    .delete(
      '/:productId',
      async ({ caller, params, status }) => status(204, await products.archive(caller, params.productId)),
      ARCHIVE,
    )
    .put(
      '/:productId',
      async ({ params, body, status }) => {
        const { product, created } = await products.put(params.productId, body)
        return status(created ? 201 : 200, product)
      },
      PUT,
    )
    .put('', async ({ body }) => ({ items: await products.putAll(body) }), PUT_ALL)

const params = ProductPath

const CREATE = {
  person: true as const,
  body: NewProduct,
  response: { 201: Product, ...failures(...BODY_FAULTS, ...CALLER_FAULTS, 'origin_not_allowed', 'unavailable') },
  detail: signedIn('Offer a product', 'It is owned by who asks. priceMinor and currency go together.'),
}

const LIST = {
  query: t.Object(
    {
      q: t.Optional(SearchText),
      ownerId: t.Optional(t.String({ maxLength: 200, description: 'Only what this person offers.' })),
      cursor: t.Optional(t.String({ maxLength: 200, description: 'nextCursor of the page before.' })),
      limit: wholeNumber('limit', LIMIT),
    },
    { additionalProperties: false },
  ),
  response: { 200: ProductPage, ...failures('bad_request', ...CALLER_FAULTS, 'invalid') },
  detail: signedInOrKey('products', 'What is offered', 'Newest first, without what is archived.'),
}

const FIND = {
  params,
  response: { 200: Product, ...failures(...CALLER_FAULTS, 'not_found') },
  detail: signedInOrKey('products', 'One product', 'An archived one too.'),
}

const CHANGE = {
  person: true as const,
  params,
  body: ProductChange,
  response: {
    200: Product,
    ...failures(...BODY_FAULTS, ...CALLER_FAULTS, 'origin_not_allowed', 'not_found', 'unavailable'),
  },
  detail: signedIn('Change my product', 'Its owner only. What is left out stays; null clears.'),
}

const ARCHIVE = {
  caller: true as const,
  params,
  response: {
    204: Nothing,
    ...failures(...CALLER_FAULTS, 'origin_not_allowed', 'not_found', 'unavailable'),
  },
  detail: signedInOrKey(
    'products',
    'Archive a product',
    'Its owner only. It is no longer offered; its rooms stay. Idempotent.',
  ),
}

const PUT = {
  params,
  body: ProductUpsert,
  response: {
    200: Product,
    201: Product,
    ...failures(...BODY_FAULTS, ...CALLER_FAULTS, 'unavailable'),
  },
  detail: forKeys(
    'products',
    'Make or change a product',
    'Under the marketplace’s own id. What is left out stays, `null` clears; priceMinor and currency are sent together. ' +
      'With another owner its rooms stay with the one they have. Idempotent.',
  ),
}

const PUT_ALL = {
  body: ProductBatch,
  response: { 200: ProductList, ...failures(...BODY_FAULTS, ...CALLER_FAULTS, 'unavailable') },
  detail: forKeys('products', 'Make or change many products', 'Up to 100: all of them, or none. Idempotent.'),
}
