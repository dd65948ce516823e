import { Elysia, t } from 'elysia'
import { type AuthGuard, peerOf } from '../auth/guard.ts'
import { Ticket, TicketRequest } from '../auth/model.ts'
import type { Sessions } from '../auth/sessions.ts'
import type { Tickets } from '../auth/tickets.ts'
import { Nothing, open, signedIn } from '../lib/http/operation.ts'
import { BODY_FAULTS, CALLER_FAULTS, failures } from '../lib/http/problem.ts'
import { User } from '../users/model.ts'
import { type EntranceDeps, entrance } from './entrance.ts'
import { Credentials, NewAccount, PasswordChange, ProfileChange, SessionGrant } from './model.ts'
import type { Accounts } from './service.ts'

interface Deps extends EntranceDeps {
  guard: AuthGuard
  accounts: Accounts
  sessions: Sessions
  tickets: Tickets
}

export const accountRoutes = (deps: Deps) =>
  new Elysia({ prefix: '/api', tags: ['accounts'] }).use(sessionRoutes(deps)).use(personRoutes(deps))

const sessionRoutes = ({ guard, accounts, sessions, ...entering }: Deps) =>
  new Elysia()
    .use(guard)
    .use(entrance(entering))
    .post(
      '/accounts',
      async ({ body, letIn, status }) => status(201, await letIn(() => accounts.signUp(body))),
      SIGN_UP,
    )
    .post(
      '/sessions',
      async ({ body, letIn, forgive, status }) => {
        const grant = await letIn(() => accounts.signIn(body))
        await forgive('signIns')
        return status(201, grant)
      },
      SIGN_IN,
    )
    .delete(
      '/sessions/current',
      async ({ me, setCookie, status }) => {
        await sessions.end(me)
        setCookie('', new Date(0))
        return status(204, undefined)
      },
      SIGN_OUT,
    )

const personRoutes = ({ guard, accounts, tickets, origins }: Deps) =>
  new Elysia()
    .use(guard)
    .get('/me', ({ me }) => accounts.me(me), ME)
    .patch('/me', ({ me, body }) => accounts.rename(me, body.username), RENAME)
    .put('/me/password', async ({ me, body, status }) => status(204, await accounts.changePassword(me, body)), PASSWORD)
    .post(
      '/tickets',
      async ({ me, body, request, server, status }) => {
        // A ticket that is bound to a foreign Origin would open nothing.
        origins.refuseForeign(request, peerOf(request, server))
        return status(201, await tickets.issue(me, body?.origin ?? request.headers.get('origin') ?? undefined))
      },
      TICKET,
    )

const SIGN_UP = {
  body: NewAccount,
  response: {
    201: SessionGrant,
    ...failures(...BODY_FAULTS, 'forbidden', 'origin_not_allowed', 'email_taken', 'rate_limited', 'unavailable'),
  },
  detail: open('Sign up', 'Makes an account and its first session, and sets the session cookie.'),
}

const SIGN_IN = {
  body: Credentials,
  response: {
    201: SessionGrant,
    ...failures(...BODY_FAULTS, ...CALLER_FAULTS, 'origin_not_allowed', 'rate_limited', 'unavailable'),
  },
  detail: open('Sign in', 'An unknown e-mail and a wrong password get the same answer, in the same time.'),
}

const SIGN_OUT = {
  person: true as const,
  response: { 204: Nothing, ...failures(...CALLER_FAULTS, 'origin_not_allowed', 'unavailable') },
  detail: signedIn('Sign out', 'Ends this session and closes its sockets.'),
}

const ME = {
  person: true as const,
  response: { 200: User, ...failures(...CALLER_FAULTS) },
  detail: signedIn('Who I am'),
}

const RENAME = {
  person: true as const,
  body: ProfileChange,
  response: {
    200: User,
    ...failures(...BODY_FAULTS, ...CALLER_FAULTS, 'origin_not_allowed', 'unavailable'),
  },
  detail: signedIn('Change my name'),
}

const PASSWORD = {
  person: true as const,
  body: PasswordChange,
  response: {
    204: Nothing,
    ...failures(...BODY_FAULTS, ...CALLER_FAULTS, 'origin_not_allowed', 'rate_limited', 'unavailable'),
  },
  detail: signedIn(
    'Change my password',
    'Every other session of mine ends, with its sockets. A wrong current password is 403.',
  ),
}

const TICKET = {
  person: true as const,
  body: t.Optional(TicketRequest),
  response: {
    201: Ticket,
    ...failures(...BODY_FAULTS, ...CALLER_FAULTS, 'origin_not_allowed', 'rate_limited', 'unavailable'),
  },
  detail: signedIn(
    'A ticket for one socket',
    'For a client that can set neither a header nor a cookie: `?ticket=…` opens one socket, once, within 30 s. It is ' +
      'bound to an Origin if this request carries or names one.',
  ),
}
