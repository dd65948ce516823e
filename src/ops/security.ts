import { cors } from '@elysiajs/cors'
import { Elysia } from 'elysia'
import type { Origins } from '../auth/origins.ts'

interface Deps {
  origins: Origins
  /** Whether people reach this server by https. */
  isTls: boolean
}

const YEAR_S = 365 * 24 * 3600

/** On every answer; a page of ours has a policy of its own. What is answered here is data: nothing may run or frame it. */
const HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** Security headers, and CORS for the origins whose pages may open sockets too. */
export const security = ({ origins, isTls }: Deps) => {
  const headers = isTls ? { ...HEADERS, 'strict-transport-security': `max-age=${YEAR_S}` } : HEADERS
  return new Elysia({ name: 'security' })
    .onRequest(({ set }) => {
      Object.assign(set.headers, headers)
    })
    .use(
      cors({
        origin: (request) => origins.isAllowed(request),
        methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
        allowedHeaders: ['authorization', 'content-type', 'idempotency-key', 'accept-language'],
        exposeHeaders: ['x-request-id', 'retry-after', 'ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'],
        maxAge: 600,
      }),
    )
}
