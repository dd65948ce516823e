import { Elysia } from 'elysia'
import { type AccessAdapters, createAccess } from './access.ts'
import { accountRoutes } from './accounts/routes.ts'
import type { Settings } from './admin/model.ts'
import { adminRoutes } from './admin/routes.ts'
import type { Samples } from './admin/samples.ts'
import { Console } from './admin/service.ts'
import { authGuard } from './auth/guard.ts'
import { Hints, personChannel, roomChannel } from './cluster/hints.ts'
import { ClusterLimits } from './cluster/limits.ts'
import { ClusterNode } from './cluster/node.ts'
import { demoRoutes } from './demo/routes.ts'
import type { Publish } from './events.ts'
import type { Quotas } from './lib/http/quotas.ts'
import { failuresIn, type RecentLines } from './lib/log.ts'
import { type Rate, RateLimit } from './lib/rate-limit.ts'
import { encodeRoomChanged } from './live/app/protocol-pushes.ts'
import { APP } from './live/app/subscription.ts'
import { appSocket } from './live/app-socket.ts'
import { Connections } from './live/connections.ts'
import { Hub } from './live/hub.ts'
import { Turns } from './live/line/turns.ts'
import { roomSocket } from './live/room-socket.ts'
import { webSocketHandler } from './live/socket.ts'
import { Streams } from './live/stream-socket.ts'
import { userTopic } from './live/topics.ts'
import { messageRoutes } from './messages/routes.ts'
import { Messages } from './messages/service.ts'
import { type ApiRoute, docsRoutes } from './ops/docs.ts'
import { healthRoutes } from './ops/health.ts'
import type { Metrics } from './ops/metrics.ts'
import { jsonBodies, problems } from './ops/problems.ts'
import { requests } from './ops/requests.ts'
import { security } from './ops/security.ts'
import { Attendance } from './presence/attendance.ts'
import { presenceRoutes } from './presence/routes.ts'
import { Presence } from './presence/service.ts'
import { Typing } from './presence/typing.ts'
import { productRoutes } from './products/routes.ts'
import { Products } from './products/service.ts'
import type { Relay } from './relay/relay.ts'
import { Inboxes } from './rooms/inboxes.ts'
import { Receipts } from './rooms/receipts.ts'
import { roomRoutes } from './rooms/routes.ts'
import { Rooms } from './rooms/service.ts'
import { UserExports } from './users/export.ts'
import { userRoutes } from './users/routes.ts'
import { Users } from './users/service.ts'
import { webRoutes } from './web/routes.ts'

export interface Adapters extends AccessAdapters {
  relay: Relay
  metrics: Metrics
  version: string
  /** Hands a frame to every socket on a topic. */
  broadcast: (topic: string, frame: string) => void
}

/** What the console shows of this process. */
export interface Observed {
  samples: Samples
  recent: RecentLines
  settings: Settings['items']
}

/** Twenty at once, then five a second: more than anybody types. */
const SENDS = { burst: 20, perSecond: 5 }
/** What a person's apps ask for when they come back: 256 rooms each, and then some. */
const COMMANDS = { burst: 1500, perSecond: 100 }
/** Rooms with owners whom a customer has not written to about that product. */
const NEW_ROOMS = { burst: 60, perSecond: 60 / 3600 }
/** More than the people of one office, or of one mobile carrier's address in a town, keep open. */
const MAX_SOCKETS_PER_NETWORK = 512

/** Hints of two nodes for one room come out of order, and even on nodes at their limit hardly ever so far apart. */
const HINTS_APART_MS = 100

/** Every service meets its adapters here, and nowhere else. */
export function createServices(adapters: Adapters) {
  const { config, storage, metrics, now, uptime } = adapters
  // Whoever is told of what happens on any node, and of what happens here.
  const [listeners, ownListeners]: [Publish[], Publish[]] = [[], []]
  const tell: Publish = (event) => {
    for (const listener of listeners) listener(event)
  }
  const publish: Publish = (event) => {
    tell(event)
    for (const listener of ownListeners) listener(event)
  }
  const access = createAccess(adapters, publish)
  const limit = (rate: Rate) => new RateLimit({ rate, now: uptime, on: config.limits })
  const rates = { sends: limit(SENDS), commands: limit(COMMANDS), newRooms: limit(NEW_ROOMS) }
  const users = new Users({ ...storage, ...access, users: storage.users, publish, now })
  const products = new Products({ ...storage, now })
  const rooms = new Rooms({ ...storage, ...rates, products, publish, now })
  const messages = new Messages({ ...storage, ...rates, rooms, publish, now })
  const exports = new UserExports({ ...storage, users, now })
  const console = new Console({ ...access, stores: storage, users, products, now })
  const live = createLive(adapters, { rooms, publish })
  const { hub, inboxes, presence, typing, attendance, connections } = live
  for (const { publish } of [hub, inboxes, presence, typing, attendance, connections]) listeners.push(publish)
  const cluster = createCluster(adapters, { ...access, ...live, rooms, rates, tell })
  ownListeners.push(metrics.publish, cluster.hints.publish)
  return { ...access, ...rates, users, products, rooms, messages, exports, console, ...live, ...cluster }
}

interface Clustered extends ReturnType<typeof createLive> {
  rooms: Rooms
  rates: Record<string, RateLimit>
  quotas: Quotas
  tell: Publish
}

/** What other nodes are told of, and hear. */
function createCluster({ relay, metrics, log, uptime }: Adapters, { rooms, rates, quotas, tell, ...live }: Clustered) {
  const hints = new Hints({ relay, rooms, tell, onError: (error) => log.error('hint_failed', { error }), uptime })
  const clusterLimits = new ClusterLimits({ relay, rates, quotas })
  const onCommand = (session: string, data: string) => live.streams.find(session)?.onMessage(data)
  const parts = { ...live, ...metrics.ofRelay, relay, hints, limits: clusterLimits, onCommand, log, uptime }
  return { hints, clusterLimits, clusterNode: new ClusterNode(parts) }
}

/** What is told to whoever is there. */
function createLive(
  { storage, relay, metrics, log, now, uptime, broadcast }: Adapters,
  { rooms, publish }: { rooms: Rooms; publish: Publish },
) {
  const failed = failuresIn(log)
  const streams = new Streams()
  const tellAll = (topic: string, frame: string) => {
    broadcast(topic, frame)
    streams.publish(topic, frame)
  }
  const onMissed = (roomId: number) => publish({ type: 'room.missed', roomId })
  const hub = new Hub({
    history: storage.messages,
    publish: tellAll,
    listen: (roomId) => relay.listen(roomChannel(roomId)),
    ignore: (roomId) => relay.ignore(roomChannel(roomId)),
    patienceMs: HINTS_APART_MS,
    onMissed,
    onRepaired: metrics.onRepaired,
    onError: failed('repair_failed'),
  })
  const presence = new Presence({ ...storage, relay, publish, onError: failed('presence_failed'), now, uptime })
  const attendees = (roomId: number) => hub.members(roomId, APP)
  const there = { relay, presence, rooms, attendees, roomIds: () => hub.roomIds() }
  const attendance = new Attendance({ ...there, publish, onError: failed('attendance_failed'), uptime })
  const typing = new Typing({ rooms, publish, uptime })
  const receipts = new Receipts({ rooms, store: storage.rooms, publish, onError: failed('receipts_failed') })
  const inboxes = new Inboxes({
    rooms,
    store: storage.rooms,
    hasOthers: relay.state !== 'alone',
    listen: (userId) => relay.listen(personChannel(userId)),
    ignore: (userId) => relay.ignore(personChannel(userId)),
    tell: (userId, room, total) => tellAll(userTopic(userId), encodeRoomChanged(userId, room, total)),
    onError: failed('inbox_failed'),
  })
  const isAdmitted = async (userId: string) => (await storage.users.find(userId))?.disabledAt === undefined
  const connections = new Connections(isAdmitted)
  return { hub, streams, presence, attendance, typing, receipts, inboxes, connections }
}

export type Services = ReturnType<typeof createServices>

/** One `.use()` a feature. */
export function createApp(services: Services, adapters: Adapters, observed: Observed) {
  const { config, storage, relay, metrics, log, version, now, uptime } = adapters
  const { locale, pingIntervalMs: pingEveryMs } = config
  const frames = config.limits ? SENDS : undefined
  const isPublicTls = config.publicOrigin?.startsWith('https:') ?? false
  const maxPerNetwork = config.limits ? MAX_SOCKETS_PER_NETWORK : Number.POSITIVE_INFINITY
  const guard = authGuard(services)
  const sockets = {
    ...services,
    ...metrics.ofSockets,
    onClosed: metrics.onClosed,
    ...{ log, now, uptime, frames, maxPerNetwork, pingEveryMs, locale },
  }
  const app = new Elysia({ normalize: false, handler: { standardHostname: false } })
    .use(requests({ log, proxies: services.proxies, onRequest: metrics.onRequest }))
    .use(security({ origins: services.origins, isTls: isPublicTls || config.tls !== undefined }))
    .use(problems({ log, locale }))
    .use(jsonBodies())
    .use(accountRoutes({ guard, ...services, isPublicTls }))
    .use(userRoutes({ guard, ...services }))
    .use(productRoutes({ guard, ...services }))
    .use(roomRoutes({ guard, ...services }))
    .use(messageRoutes({ guard, ...services }))
    .use(presenceRoutes({ guard, ...services }))
    .use(adminRoutes({ guard, ...services, ...observed, storage, relay, version, uptime, isPublicTls }))
    .use(roomSocket(sockets))
    .use(appSocket({ ...sockets, epoch: storage.epoch, version, turns: new Turns() }))
    .use(healthRoutes({ ...config, ...services, storage, relay, metrics }))
    .use(docsRoutes({ version, routes: (): ApiRoute[] => app.routes }))
    .use(demoRoutes())
    .use(webRoutes(config))
  return app
}

export type App = ReturnType<typeof createApp>

/** Bun's WebSocket handler for the sockets of this app. */
export const createSockets = ({ metrics, log }: Adapters) => webSocketHandler({ log, onClosed: metrics.onClosed })
