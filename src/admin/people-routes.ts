import { Elysia, t } from 'elysia'
import type { AuthGuard } from '../auth/guard.ts'
import { forAdmins, Nothing } from '../lib/http/operation.ts'
import { BODY_FAULTS, CALLER_FAULTS, failures } from '../lib/http/problem.ts'
import { AdminSessionPage, AdminUser, AdminUserPage, RoleChange, UserAdmission } from './model.ts'
import { pageQuery, q, userId } from './queries.ts'
import type { Console } from './service.ts'

interface Deps {
  guard: AuthGuard
  console: Console
}

export const peopleRoutes = ({ guard, console }: Deps) =>
  new Elysia()
    .use(guard)
    .get('/users', ({ query }) => console.users(query), USERS)
    .get('/users/:userId', ({ params }) => console.user(params.userId), USER)
    .put('/users/:userId/disabled', ({ me, params, body }) => console.change(me, params.userId, body), DISABLE)
    .put('/users/:userId/role', ({ me, params, body }) => console.change(me, params.userId, body), ROLE)
    .post(
      '/users/:userId/sign-out',
      async ({ me, params, status }) => status(204, await console.signOut(me, params.userId)),
      SIGN_OUT,
    )
    .get('/sessions', ({ me, query }) => console.sessions(me, query), SESSIONS)
    .delete(
      '/sessions/:sessionId',
      async ({ me, params, status }) => status(204, await console.endSession(me, params.sessionId)),
      END_SESSION,
    )

const params = t.Object({ userId })

const USERS = {
  query: t.Object(
    { q: q('Part of a name or an e-mail, or a whole id.'), ...pageQuery },
    { additionalProperties: false },
  ),
  response: { 200: AdminUserPage, ...failures('bad_request', ...CALLER_FAULTS, 'invalid') },
  detail: forAdmins(
    'Find people',
    'Newest first. A search looks at 10,000 people at a time: a page of it may have less than `limit`, or nothing, and go on all the ' +
      'same as long as there is a `nextCursor`. Whose id or e-mail is just that comes first, on top of the limit.',
  ),
}

const USER = {
  params,
  response: { 200: AdminUser, ...failures(...CALLER_FAULTS, 'not_found') },
  detail: forAdmins('One person of all', 'Whoever was erased is found by the id that is left.'),
}

const CHANGE_FAULTS = [...BODY_FAULTS, ...CALLER_FAULTS, 'origin_not_allowed', 'not_found'] as const

const DISABLE = {
  person: true as const,
  params,
  body: UserAdmission,
  response: { 200: AdminUser, ...failures(...CHANGE_FAULTS) },
  detail: forAdmins(
    'Shut a person out, or let them in',
    'Their sockets close within a second. Nobody does it to themselves.',
  ),
}

const ROLE = {
  person: true as const,
  params,
  body: RoleChange,
  response: { 200: AdminUser, ...failures(...CHANGE_FAULTS) },
  detail: forAdmins(
    'Give a person a role',
    'From the next request on. Nobody does it to themselves, so one admin always stays.',
  ),
}

const SIGN_OUT = {
  person: true as const,
  params,
  response: { 204: Nothing, ...failures(...CALLER_FAULTS, 'origin_not_allowed', 'not_found') },
  detail: forAdmins(
    'Sign a person out of everything',
    'Sessions end, tokens of the marketplace’s that were issued before are refused, sockets are closed.',
  ),
}

const SESSIONS = {
  person: true as const,
  query: t.Object({ userId: t.Optional(userId), ...pageQuery }, { additionalProperties: false }),
  response: { 200: AdminSessionPage, ...failures('bad_request', ...CALLER_FAULTS, 'invalid') },
  detail: forAdmins(
    'Open sessions',
    'Newest first. Tokens of the marketplace’s are no sessions: Parley does not store them.',
  ),
}

const END_SESSION = {
  person: true as const,
  params: t.Object({ sessionId: t.String({ examples: ['9f86d081884c7'] }) }),
  response: { 204: Nothing, ...failures(...CALLER_FAULTS, 'origin_not_allowed', 'not_found') },
  detail: forAdmins('End a session', 'Its sockets close within a second.'),
}
