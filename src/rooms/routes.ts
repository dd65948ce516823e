import { Elysia, t } from 'elysia'
import type { AuthGuard } from '../auth/guard.ts'
import { LIMIT, signedIn, signedInOrKey, wholeNumber } from '../lib/http/operation.ts'
import { BODY_FAULTS, CALLER_FAULTS, failures } from '../lib/http/problem.ts'
import { ProductId } from '../products/model.ts'
import { NewReadMark, NewRoom, ReadMark, Role, Room, RoomPage, RoomPath, RoomSummary } from './model.ts'
import type { Rooms } from './service.ts'

interface Deps {
  guard: AuthGuard
  rooms: Rooms
}

export const roomRoutes = ({ guard, rooms }: Deps) =>
  new Elysia({ prefix: '/api/rooms', tags: ['rooms'] })
    .use(guard)
    .post(
      '',
      async ({ caller, body, status }) => {
        const { room, created } = await rooms.open(caller, body)
        return status(created ? 201 : 200, room)
      },
      OPEN,
    )
    .get('', ({ me, query }) => rooms.inbox(me.user.id, query), INBOX)
    .get('/:roomId', ({ me, params }) => rooms.summary(me.user.id, params.roomId), SUMMARY)
    .put('/:roomId/read-mark', ({ me, params, body }) => rooms.markRead(me.user.id, params.roomId, body.seq), READ_MARK)

const OPEN = {
  caller: true as const,
  body: NewRoom,
  response: {
    200: Room,
    201: Room,
    ...failures(
      ...BODY_FAULTS,
      ...CALLER_FAULTS,
      'origin_not_allowed',
      'not_found',
      'conflict',
      'rate_limited',
      'unavailable',
    ),
  },
  detail: signedInOrKey(
    'rooms',
    'Open a room',
    'Who asks becomes the customer. There is one room for an owner, a customer and a product: 201 the first time, 200 ' +
      'the same room after. One’s own product is 422; an archived one is 409 unless the room exists. A server key ' +
      'names the customer in customerId.',
  ),
}

const INBOX = {
  person: true as const,
  query: t.Object(
    {
      role: t.Optional(Role),
      productId: t.Optional(ProductId),
      unread: t.Optional(t.Boolean({ description: 'Only rooms with something unread.' })),
      cursor: t.Optional(t.String({ maxLength: 200, description: 'nextCursor of the page before.' })),
      limit: wholeNumber('limit', LIMIT),
    },
    { additionalProperties: false },
  ),
  response: { 200: RoomPage, ...failures('bad_request', ...CALLER_FAULTS, 'invalid') },
  detail: signedIn('My inbox', 'Newest activity first. An owner sees a room from its first message on.'),
}

const SUMMARY = {
  person: true as const,
  params: RoomPath,
  response: { 200: RoomSummary, ...failures(...CALLER_FAULTS, 'not_found') },
  detail: signedIn('One room', 'As I see it.'),
}

const READ_MARK = {
  person: true as const,
  params: RoomPath,
  body: NewReadMark,
  response: {
    200: ReadMark,
    ...failures(...BODY_FAULTS, ...CALLER_FAULTS, 'origin_not_allowed', 'not_found', 'unavailable'),
  },
  detail: signedIn('I have read up to here', 'The mark only moves forward, and never past the end.'),
}
