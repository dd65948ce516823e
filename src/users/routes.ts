import { Elysia, t } from 'elysia'
import { actorOf } from '../audit/model.ts'
import type { AuthGuard } from '../auth/guard.ts'
import type { Identities } from '../auth/identities.ts'
import { forKeysAnd, Nothing } from '../lib/http/operation.ts'
import { BODY_FAULTS, CALLER_FAULTS, failures } from '../lib/http/problem.ts'
import type { UserExports } from './export.ts'
import { Erasure, ManagedUser, ManagedUsers, UserBatch, UserProfile } from './model.ts'
import type { Users } from './service.ts'

interface Deps {
  guard: AuthGuard
  identities: Identities
  users: Users
  exports: UserExports
}

export const userRoutes = ({ guard, identities, users, exports }: Deps) =>
  new Elysia({ prefix: '/api/users', tags: ['users'] })
    .use(guard)
    .put('', async ({ caller, body }) => ({ items: await users.putAll(body, actorOf(caller)) }), PUT_ALL)
    .get('/:userId', ({ params }) => users.find(params.userId), FIND)
    .put(
      '/:userId',
      async ({ caller, params, body, status }) => {
        const { user, created } = await users.put(params.userId, body, actorOf(caller))
        return status(created ? 201 : 200, user)
      },
      PUT,
    )
    .post(
      '/:userId/disconnect',
      async ({ caller, params, status }) => status(204, await users.disconnect(params.userId, actorOf(caller))),
      DISCONNECT,
    )
    .get(
      '/:userId/export',
      async ({ params, caller }) => {
        const stream = await exports.of(params.userId, actorOf(caller), () => identities.isStill(caller))
        return new Response(stream, { headers: { 'content-type': 'application/x-ndjson' } })
      },
      EXPORT,
    )
    .delete(
      '/:userId',
      async ({ caller, params, query, request, server, status }) => {
        // It may take longer than a silent connection is kept.
        server?.timeout(request, 0)
        return status(204, await users.erase(params.userId, query.messages ?? 'keep', actorOf(caller)))
      },
      ERASE,
    )

const params = t.Object({ userId: t.String({ examples: ['user-4711'] }) })

const FIND = {
  params,
  response: { 200: ManagedUser, ...failures(...CALLER_FAULTS, 'not_found') },
  detail: forKeysAnd('moderators', 'users', 'One person', 'Who was erased is not found.'),
}

const PUT = {
  caller: true as const,
  params,
  body: UserProfile,
  response: {
    200: ManagedUser,
    201: ManagedUser,
    ...failures(...BODY_FAULTS, ...CALLER_FAULTS, 'origin_not_allowed', 'conflict', 'unavailable'),
  },
  detail: forKeysAnd(
    'admins',
    'users',
    'Make or change a person',
    'Under the marketplace’s own id. What is left out stays; `email: null` clears. `disabled: true` signs them out ' +
      'everywhere. The e-mail of somebody who signs in here with a password stays as it is. Idempotent.',
  ),
}

const PUT_ALL = {
  caller: true as const,
  body: UserBatch,
  response: {
    200: ManagedUsers,
    ...failures(...BODY_FAULTS, ...CALLER_FAULTS, 'origin_not_allowed', 'conflict', 'unavailable'),
  },
  detail: forKeysAnd('admins', 'users', 'Make or change many people', 'Up to 100: all of them, or none. Idempotent.'),
}

const DISCONNECT = {
  caller: true as const,
  params,
  response: { 204: Nothing, ...failures(...CALLER_FAULTS, 'origin_not_allowed', 'not_found', 'invalid') },
  detail: forKeysAnd(
    'moderators',
    'users',
    'Sign a person out everywhere',
    'Sessions end, tokens of the marketplace’s that were issued before are refused, sockets are closed (4401). A new ' +
      'token opens again. Somebody who has never been here is known from then on; who was erased is not found.',
  ),
}

const EXPORT = {
  caller: true as const,
  params,
  response: {
    200: t.String({
      contentMediaType: 'application/x-ndjson',
      description:
        'Newline-delimited JSON: `user`, `product`s, and each `room` with its `message`s; the last line is `end`.',
      examples: ['{"type":"end","products":0,"rooms":0,"messages":0}'],
    }),
    ...failures(...CALLER_FAULTS, 'not_found', 'unavailable'),
  },
  detail: forKeysAnd(
    'admins',
    'privacy',
    'Export a person',
    'Everything that is stored of them and that they can see, as `application/x-ndjson`, streamed. Without the last line, ' +
      '`{"type":"end",…}`, it is not whole.',
  ),
}

const ERASE = {
  caller: true as const,
  params,
  query: t.Object({ messages: t.Optional(Erasure) }, { additionalProperties: false }),
  response: {
    204: Nothing,
    ...failures(...CALLER_FAULTS, 'origin_not_allowed', 'invalid'),
  },
  detail: forKeysAnd(
    'admins',
    'privacy',
    'Erase a person',
    'For good: name, e-mail, password and sessions go, products are archived, sockets are closed (4403), and the id opens ' +
      'nothing any more. Their messages stay, without a name; with `?messages=delete` the texts go too, and entries of ' +
      'the kind `deleted` stay in their places. Ask again where no answer came: it does what is left to do.',
  ),
}
