import { Elysia } from 'elysia'
import { Accounts } from './auth/accounts.ts'
import { authGuard } from './auth/guard.ts'
import { Origins } from './auth/origins.ts'
import { Passwords } from './auth/passwords.ts'
import { authRoutes } from './auth/routes.ts'
import { Sessions } from './auth/sessions.ts'
import type { Config } from './config.ts'
import type { ChatEvent } from './events.ts'
import { Proxies } from './lib/http/proxies.ts'
import type { Log } from './lib/log.ts'
import { RateLimit } from './lib/rate-limit.ts'
import { Connections } from './live/connections.ts'
import { Hub } from './live/hub.ts'
import { roomSocket } from './live/room-socket.ts'
import { webSocketHandler } from './live/socket.ts'
import { messageRoutes } from './messages/routes.ts'
import { Messages } from './messages/service.ts'
import { type ApiRoute, docsRoutes } from './ops/docs.ts'
import { healthRoutes } from './ops/health.ts'
import type { Metrics } from './ops/metrics.ts'
import { jsonBodies, problems } from './ops/problems.ts'
import { requests } from './ops/requests.ts'
import { productRoutes } from './products/routes.ts'
import { Products } from './products/service.ts'
import { roomRoutes } from './rooms/routes.ts'
import { Rooms } from './rooms/service.ts'
import type { Storage } from './storage/storage.ts'

export interface Adapters {
  config: Config
  storage: Storage
  metrics: Metrics
  log: Log
  version: string
  /** Milliseconds since 1970. */
  now: () => number
  /** Milliseconds since the start: it never jumps. */
  uptime: () => number
  /** Hands a frame to every socket on a topic. */
  broadcast: (topic: string, frame: string) => void
}

/** Twenty at once, then five a second: more than anybody types. */
const SENDS = { burst: 20, perSecond: 5 }

/** Every service meets its adapters here, and nowhere else. */
export function createServices({ config, storage, metrics, log, now, uptime, broadcast }: Adapters) {
  const listeners: ((event: ChatEvent) => void)[] = []
  const publish = (event: ChatEvent) => {
    for (const listener of listeners) listener(event)
  }
  const proxies = new Proxies(config.trustedProxies, config.tls !== undefined)
  const origins = new Origins({ allowed: config.allowedOrigins, publicOrigin: config.publicOrigin, proxies })
  const sessions = new Sessions({ ...storage, publish, now })
  const passwords = new Passwords()
  const accounts = new Accounts({ ...storage, sessions, passwords, publish, now, signUp: config.accounts })
  const products = new Products({ ...storage, now })
  const rooms = new Rooms({ ...storage, products, now })
  const sends = new RateLimit({ rate: SENDS, now: uptime, on: config.limits })
  const messages = new Messages({ ...storage, rooms, sends, publish, now })
  const hub = new Hub({
    history: storage.messages,
    publish: broadcast,
    onError: (error) => log.error('repair_failed', { error }),
  })
  const connections = new Connections()
  listeners.push(hub.publish, connections.publish, metrics.publish)
  return { proxies, origins, sessions, accounts, products, rooms, messages, hub, connections }
}

export type Services = ReturnType<typeof createServices>

/** One `.use()` a feature. */
export function createApp(services: Services, { config, storage, metrics, log, version, now, uptime }: Adapters) {
  const { locale, pingIntervalMs: pingEveryMs } = config
  const frames = config.limits ? SENDS : undefined
  const guard = authGuard(services)
  const app = new Elysia({ normalize: false, handler: { standardHostname: false } })
    .use(requests({ log, proxies: services.proxies, onRequest: metrics.onRequest }))
    .use(problems({ log, locale }))
    .use(jsonBodies())
    .use(authRoutes({ guard, ...services, isPublicTls: config.publicOrigin?.startsWith('https:') ?? false }))
    .use(productRoutes({ guard, ...services }))
    .use(roomRoutes({ guard, ...services }))
    .use(messageRoutes({ guard, ...services }))
    .use(roomSocket({ ...services, ...metrics.ofSockets, log, now, uptime, frames, pingEveryMs, locale }))
    .use(healthRoutes({ ...config, ...services, storage, metrics }))
    .use(docsRoutes({ version, routes: (): ApiRoute[] => app.routes }))
    .get('/', ({ redirect }) => redirect('/docs'), { detail: { hide: true } })
  return app
}

export type App = ReturnType<typeof createApp>

/** Bun's WebSocket handler for the sockets of this app. */
export const createSockets = ({ metrics, log }: Adapters) => webSocketHandler({ log, onClosed: metrics.onClosed })
