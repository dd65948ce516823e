import { Elysia } from 'elysia'
import { type EntranceDeps, entrance } from '../accounts/entrance.ts'
import { SessionGrant } from '../accounts/model.ts'
import type { AuthGuard } from '../auth/guard.ts'
import { open } from '../lib/http/operation.ts'
import { BODY_FAULTS, CALLER_FAULTS, failures } from '../lib/http/problem.ts'
import { contentRoutes } from './content-routes.ts'
import type { AdminLinks } from './links.ts'
import { LinkToken } from './model.ts'
import { peopleRoutes } from './people-routes.ts'
import { type ServerDeps, serverRoutes } from './server-routes.ts'
import type { Console } from './service.ts'

interface Deps extends EntranceDeps, ServerDeps {
  guard: AuthGuard
  links: AdminLinks
  console: Console
}

/** Everything that the console asks for. */
export const adminRoutes = (deps: Deps) =>
  new Elysia({ prefix: '/api/admin', tags: ['admin'] })
    .use(linkRoutes(deps))
    .use(serverRoutes(deps))
    .use(peopleRoutes(deps))
    .use(contentRoutes(deps))

const linkRoutes = ({ guard, links, ...entering }: Deps) =>
  new Elysia()
    .use(guard)
    .use(entrance(entering))
    .post(
      '/sessions',
      async ({ body, letIn, forgive, status }) => {
        const grant = await letIn(() => links.spend(body.token))
        await forgive('signIns')
        return status(201, grant)
      },
      SIGN_IN,
    )

const SIGN_IN = {
  body: LinkToken,
  response: {
    201: SessionGrant,
    ...failures(...BODY_FAULTS, ...CALLER_FAULTS, 'origin_not_allowed', 'rate_limited'),
  },
  detail: open(
    'Sign in by a link',
    'With what `parley admin link` has printed: good once, for half an hour, as long as its person is an admin. Answers as ' +
      '`POST /api/sessions` does, also where nobody signs in with a password.',
  ),
}
