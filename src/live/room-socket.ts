import { Elysia } from 'elysia'
import { socketCredential, upgradeHeaders } from '../auth/credentials.ts'
import { identify, peerOf } from '../auth/guard.ts'
import type { Origins } from '../auth/origins.ts'
import { ChatError } from '../lib/errors.ts'
import { queryOf } from '../lib/http/query.ts'
import { type Locale, localeFor } from '../lib/texts.ts'
import { roomIdOf } from './protocol-plain.ts'
import { type LiveDeps, RoomSession } from './session.ts'
import { type LiveSession, turnedAway } from './socket.ts'

interface Deps extends LiveDeps {
  origins: Origins
  locale: Locale
}

/** `GET /ws/room/{roomId}/messages`: everything that is decided before the upgrade. */
export const roomSocket = ({ origins, locale: ownLocale, ...live }: Deps) =>
  new Elysia({ detail: { hide: true } }).get('/ws/room/:roomId/messages', async ({ request, server, params, set }) => {
    const { headers } = request
    if (headers.get('upgrade')?.toLowerCase() !== 'websocket') throw new ChatError('upgrade_required')
    if (live.connections.isDraining) throw new ChatError('unavailable', { reason: 'stopping', retryAfter: 1 })
    const peer = peerOf(request, server)
    origins.refuseForeign(request, peer)
    const credential = socketCredential(request)
    if (credential?.by === 'cookie') origins.requireOwn(request, peer)
    const identity = credential && (await identify(live.sessions, credential))
    const locale = localeFor(headers.get('accept-language'), ownLocale)
    const visit = { roomId: roomIdOf(params.roomId), after: afterOf(request), locale }
    const data: LiveSession = identity ? new RoomSession(live, identity, visit) : turnedAway(locale)
    if (!server?.upgrade(request, { data, headers: upgradeHeaders(request) })) throw new ChatError('bad_request')
    set.status = 101
  })

/** NaN, which is past every end, for what is no seq. */
function afterOf(request: Request): number | undefined {
  const after = queryOf(request).get('after')
  if (after === null) return undefined
  return /^(0|[1-9]\d{0,14})$/.test(after) ? Number(after) : Number.NaN
}
