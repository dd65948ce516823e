import { Elysia } from 'elysia'
import { peerOf } from '../auth/guard.ts'
import type { Proxies } from '../lib/http/proxies.ts'
import type { Log } from '../lib/log.ts'

interface Deps {
  log: Log
  proxies: Proxies
  onRequest: (route: string, status: number, ms: number) => void
}

/** An id for each request, and a line in the log with the route's template, never with what was sent to it. */
export const requests = ({ log, proxies, onRequest }: Deps) => {
  const arrivals = new WeakMap<Request, { at: number; ip: string }>()
  return new Elysia({ name: 'requests' })
    .onRequest(({ request, server, set }) => {
      // Taken now: Bun forgets the address once it has answered.
      const { ip } = proxies.clientOf(request.headers, peerOf(request, server))
      arrivals.set(request, { at: performance.now(), ip })
      set.headers['x-request-id'] = Bun.randomUUIDv7()
      // What a person is answered is theirs; a page of ours that may be kept says so itself.
      set.headers['cache-control'] = 'no-store'
    })
    .onAfterResponse({ as: 'global' }, ({ request, route, set, responseValue }) => {
      const { at, ip } = arrivals.get(request) ?? { at: performance.now(), ip: '' }
      const ms = Math.round((performance.now() - at) * 10) / 10
      // A Response that a route made itself has a status that Elysia doesn't take over.
      const status = responseValue instanceof Response ? responseValue.status : Number(set.status ?? 200)
      const template = route || 'none'
      onRequest(template, status, ms)
      log.info('request', {
        requestId: String(set.headers['x-request-id'] ?? ''),
        method: request.method,
        route: template,
        status,
        ms,
        ip,
      })
    })
}
