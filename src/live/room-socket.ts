import { Elysia } from 'elysia'
import { socketCredential, upgradeHeaders } from '../auth/credentials.ts'
import { identify, peerOf } from '../auth/guard.ts'
import type { Origins } from '../auth/origins.ts'
import type { Sessions } from '../auth/sessions.ts'
import { ChatError } from '../lib/errors.ts'
import { type Locale, localeFor } from '../lib/texts.ts'
import { CLOSE, CLOSE_REASON, type Connections } from './connections.ts'
import { encodeError, roomIdOf } from './protocol-plain.ts'
import { type Handshake, type LiveDeps, RoomSession } from './session.ts'

interface Deps {
  sessions: Sessions
  origins: Origins
  connections: Connections
  locale: Locale
}

/** What a socket carries in Bun: first its handshake, from the moment it opens its session. */
export interface SocketData {
  handshake: Handshake
  session?: RoomSession
}

/** `GET /ws/room/{roomId}/messages`: everything that is decided before the upgrade. */
export const roomSocket = ({ sessions, origins, connections, locale }: Deps) =>
  new Elysia({ detail: { hide: true } }).get('/ws/room/:roomId/messages', async ({ request, server, params, set }) => {
    const { headers } = request
    if (headers.get('upgrade')?.toLowerCase() !== 'websocket') throw new ChatError('upgrade_required')
    if (connections.isDraining) throw new ChatError('unavailable', { retryAfter: 1 })
    const peer = peerOf(request, server)
    origins.refuseForeign(request, peer)
    const credential = socketCredential(request)
    if (credential?.by === 'cookie') origins.requireOwn(request, peer)
    const after = new URL(request.url).searchParams.get('after')
    const handshake: Handshake = {
      identity: credential && (await identify(sessions, credential)),
      roomId: roomIdOf(params.roomId),
      after: after === null ? undefined : readAfter(after),
      locale: localeFor(headers.get('accept-language'), locale),
    }
    const data: SocketData = { handshake }
    if (!server?.upgrade(request, { data, headers: upgradeHeaders(request) })) throw new ChatError('bad_request')
    set.status = 101
  })

/** NaN, which is past every end, for what is no seq. */
const readAfter = (raw: string) => (/^\d{1,15}$/.test(raw) ? Number(raw) : Number.NaN)

/**
 * Bun's own WebSocket handler. Elysia's `.ws()` would parse texts such as "123", swallow errors, make a wrapper for each
 * event, and cost three times the memory (docs/decisions/0002).
 */
export const webSocketHandler = (deps: LiveDeps): Bun.WebSocketHandler<SocketData> => ({
  maxPayloadLength: 64 << 10,
  backpressureLimit: 1 << 20,
  // Otherwise Bun drops frames for a slow client in silence, and leaves it connected with a gap.
  closeOnBackpressureLimit: true,
  // Our own pings have a deadline; Bun's are satisfied by what we send ourselves.
  sendPings: false,
  idleTimeout: 0,
  open(socket) {
    const { handshake } = socket.data
    const { identity } = handshake
    if (!identity) {
      // A browser cannot read a failed upgrade, so it is told here.
      socket.send(encodeError(new ChatError('unauthenticated'), handshake.locale))
      socket.close(CLOSE.unauthenticated, CLOSE_REASON[CLOSE.unauthenticated])
      return
    }
    const session = new RoomSession(deps, socket, { ...handshake, identity })
    socket.data.session = session
    session.open(handshake.after).catch((error) => deps.log.error('socket_failed', { error }))
  },
  message: (socket, raw) => socket.data.session?.receive(raw),
  drain: (socket) => socket.data.session?.onDrain(),
  pong: (socket) => socket.data.session?.onPong(),
  close(socket, code) {
    deps.onClosed(code)
    socket.data.session?.onClose()
  },
})
