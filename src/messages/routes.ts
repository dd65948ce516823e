import { Elysia, t } from 'elysia'
import type { AuthGuard } from '../auth/guard.ts'
import { ChatError } from '../lib/errors.ts'
import { LIMIT, signedIn, signedInOrKey, wholeNumber } from '../lib/http/operation.ts'
import { BODY_FAULTS, CALLER_FAULTS, failures } from '../lib/http/problem.ts'
import { RoomPath } from '../rooms/model.ts'
import { ClientId, Message, MessagePage, NewMessage } from './model.ts'
import type { Messages } from './service.ts'

interface Deps {
  guard: AuthGuard
  messages: Messages
}

export const messageRoutes = ({ guard, messages }: Deps) =>
  new Elysia({ prefix: '/api/rooms/:roomId/messages', tags: ['messages'] })
    .use(guard)
    .get('', ({ me, params, query }) => messages.page(me, params.roomId, query), HISTORY)
    .post(
      '',
      async ({ caller, params, body, headers, status }) => {
        const draft = withKey(body, headers['idempotency-key'])
        const { message, created } = await messages.post(caller, params.roomId, draft)
        return status(created ? 201 : 200, message)
      },
      SEND,
    )

/** `Idempotency-Key` is the client id by its standard name. */
function withKey(draft: NewMessage, key: string | undefined): NewMessage {
  if (key === undefined) return draft
  if (draft.clientId !== undefined && draft.clientId !== key) {
    throw new ChatError('invalid', { reason: 'client_id_differs' })
  }
  return { ...draft, clientId: key }
}

const HISTORY = {
  person: true as const,
  params: RoomPath,
  query: t.Object(
    {
      before: t.Optional(wholeNumber('before', { minimum: 1, description: 'Entries before this seq: older ones.' })),
      after: t.Optional(wholeNumber('after', { minimum: 0, description: 'Entries after this seq: newer ones.' })),
      limit: wholeNumber('limit', LIMIT),
    },
    { additionalProperties: false },
  ),
  response: { 200: MessagePage, ...failures(...CALLER_FAULTS, 'not_found', 'invalid') },
  detail: signedIn('History', 'Ascending by seq. With neither before nor after: the newest.'),
}

const SEND = {
  caller: true as const,
  params: RoomPath,
  headers: t.Object({ 'idempotency-key': t.Optional(ClientId) }),
  body: NewMessage,
  response: {
    200: Message,
    201: Message,
    ...failures(
      ...BODY_FAULTS,
      ...CALLER_FAULTS,
      'origin_not_allowed',
      'not_found',
      'client_id_reused',
      'rate_limited',
      'unavailable',
    ),
  },
  detail: signedInOrKey(
    'messages',
    'Send a message',
    'Answered when the message is flushed to disk. A repeated clientId is answered 200 with the first message, as long ' +
      'as that is among the newest 64 of the room. From a server key it is a system message.',
  ),
}
