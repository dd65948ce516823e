import { Elysia } from 'elysia'
import type { AuthGuard } from '../auth/guard.ts'
import { signedIn } from '../lib/http/operation.ts'
import { BODY_FAULTS, CALLER_FAULTS, failures } from '../lib/http/problem.ts'
import { PresenceChange, PresenceSetting } from './model.ts'
import type { Presence } from './service.ts'

interface Deps {
  guard: AuthGuard
  presence: Presence
}

export const presenceRoutes = ({ guard, presence }: Deps) =>
  new Elysia({ prefix: '/api/me/presence', tags: ['accounts'] })
    .use(guard)
    .get('', ({ me }) => presence.setting(me.user.id), READ)
    .put('', ({ me, body }) => presence.hide(me.user.id, body.hidden), HIDE)

const READ = {
  person: true as const,
  response: { 200: PresenceSetting, ...failures(...CALLER_FAULTS) },
  detail: signedIn('Whether I hide when I am here'),
}

const HIDE = {
  person: true as const,
  body: PresenceChange,
  response: {
    200: PresenceSetting,
    ...failures(...BODY_FAULTS, ...CALLER_FAULTS, 'origin_not_allowed', 'rate_limited', 'unavailable'),
  },
  detail: signedIn(
    'Hide when I am here, or show it',
    'Whoever hides is offline to others, everywhere and at once, and when they were here is not kept.',
  ),
}
