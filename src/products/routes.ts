import { Elysia, t } from 'elysia'
import type { AuthGuard } from '../auth/guard.ts'
import { LIMIT, Nothing, signedIn, wholeNumber } from '../lib/http/operation.ts'
import { BODY_FAULTS, failures } from '../lib/http/problem.ts'
import { NewProduct, Product, ProductChange, ProductId, ProductPage, SearchText } from './model.ts'
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
      async ({ me, params, status }) => status(204, await products.archive(me, params.productId)),
      ARCHIVE,
    )

const params = t.Object({ productId: ProductId })

const CREATE = {
  auth: true as const,
  body: NewProduct,
  response: { 201: Product, ...failures(...BODY_FAULTS, 'unauthenticated', 'origin_not_allowed', 'unavailable') },
  detail: signedIn('Offer a product', 'It is owned by who asks. priceMinor and currency go together.'),
}

const LIST = {
  auth: true as const,
  query: t.Object(
    {
      q: t.Optional(SearchText),
      ownerId: t.Optional(t.String({ maxLength: 200, description: 'Only what this person offers.' })),
      cursor: t.Optional(t.String({ maxLength: 200, description: 'nextCursor of the page before.' })),
      limit: wholeNumber('limit', LIMIT),
    },
    { additionalProperties: false },
  ),
  response: { 200: ProductPage, ...failures('bad_request', 'unauthenticated', 'invalid') },
  detail: signedIn('What is offered', 'Newest first, without what is archived.'),
}

const FIND = {
  auth: true as const,
  params,
  response: { 200: Product, ...failures('unauthenticated', 'not_found') },
  detail: signedIn('One product', 'An archived one too.'),
}

const CHANGE = {
  auth: true as const,
  params,
  body: ProductChange,
  response: {
    200: Product,
    ...failures(...BODY_FAULTS, 'unauthenticated', 'forbidden', 'origin_not_allowed', 'not_found', 'unavailable'),
  },
  detail: signedIn('Change my product', 'Its owner only. What is left out stays; null clears.'),
}

const ARCHIVE = {
  auth: true as const,
  params,
  response: {
    204: Nothing,
    ...failures('unauthenticated', 'forbidden', 'origin_not_allowed', 'not_found', 'unavailable'),
  },
  detail: signedIn('Archive my product', 'Its owner only. It is no longer offered; its rooms stay. Idempotent.'),
}
