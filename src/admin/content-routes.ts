import { Elysia, t } from 'elysia'
import type { AuthGuard } from '../auth/guard.ts'
import { forAdmins, LIMIT, Nothing, wholeNumber } from '../lib/http/operation.ts'
import { CALLER_FAULTS, failures } from '../lib/http/problem.ts'
import { MessagePage } from '../messages/model.ts'
import { ProductId, ProductPage, ProductPath } from '../products/model.ts'
import { RoomPath } from '../rooms/model.ts'
import { AdminRoom, AdminRoomPage } from './model.ts'
import { pageQuery, q, userId } from './queries.ts'
import type { Console } from './service.ts'

interface Deps {
  guard: AuthGuard
  console: Console
}

export const contentRoutes = ({ guard, console }: Deps) =>
  new Elysia()
    .use(guard)
    .get('/rooms', ({ query }) => console.rooms(query), ROOMS)
    .get('/rooms/:roomId', ({ params }) => console.room(params.roomId), ROOM)
    .get('/rooms/:roomId/messages', ({ me, params, query }) => console.read(me, params.roomId, query), MESSAGES)
    .get('/products', ({ query }) => console.products(query), PRODUCTS)
    .delete(
      '/products/:productId',
      async ({ me, params, status }) => status(204, await console.archive(me, params.productId)),
      ARCHIVE,
    )

const ROOMS = {
  query: t.Object(
    {
      userId: t.Optional(userId),
      productId: t.Optional(ProductId),
      q: q('Part of the product’s title; without userId and productId also the number of a room.'),
      ...pageQuery,
    },
    { additionalProperties: false },
  ),
  response: { 200: AdminRoomPage, ...failures('bad_request', ...CALLER_FAULTS, 'invalid') },
  detail: forAdmins(
    'Find rooms',
    'Newest first; those of a person by their newest message. A search looks at 2,000 rooms at a time: a page of it may have less than ' +
      '`limit`, or nothing, and go on all the same as long as there is a `nextCursor`.',
  ),
}

const ROOM = {
  params: RoomPath,
  response: { 200: AdminRoom, ...failures(...CALLER_FAULTS, 'not_found') },
  detail: forAdmins('One room of all', 'Without a word of what was said in it.'),
}

const MESSAGES = {
  person: true as const,
  params: RoomPath,
  query: t.Object(
    {
      before: t.Optional(wholeNumber('before', { minimum: 1, description: 'Entries before this seq: older ones.' })),
      limit: wholeNumber('limit', LIMIT),
    },
    { additionalProperties: false },
  ),
  response: { 200: MessagePage, ...failures(...CALLER_FAULTS, 'not_found', 'invalid') },
  detail: forAdmins(
    'Read a room',
    'Ascending by seq, the newest without `before`. That it was read is in the audit log before anything is given out, once a minute ' +
      'for an admin and a room.',
  ),
}

const PRODUCTS = {
  query: t.Object({ q: q('Part of the title, or a whole id.'), ...pageQuery }, { additionalProperties: false }),
  response: { 200: ProductPage, ...failures('bad_request', ...CALLER_FAULTS, 'invalid') },
  detail: forAdmins(
    'Find products',
    'Archived ones too, newest first. A search looks at 10,000 products at a time, as for people.',
  ),
}

const ARCHIVE = {
  person: true as const,
  params: ProductPath,
  response: { 204: Nothing, ...failures(...CALLER_FAULTS, 'origin_not_allowed', 'not_found') },
  detail: forAdmins('Archive anybody’s product', 'Its rooms stay, and stay open.'),
}
