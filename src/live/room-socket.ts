import { Elysia } from 'elysia'
import { upgradeHeaders } from '../auth/credentials.ts'
import { ChatError } from '../lib/errors.ts'
import { queryOf } from '../lib/http/query.ts'
import { type Locale, localeFor } from '../lib/texts.ts'
import { arrive, type HandshakeDeps, requireUpgrade } from './handshake.ts'
import { roomIdOf } from './plain/protocol.ts'
import { type PlainDeps, RoomSession, turnedAway } from './plain/session.ts'

interface Deps extends PlainDeps, HandshakeDeps {
  locale: Locale
}

/** `GET /ws/room/{roomId}/messages`: a WebSocket for one room, for the simplest client there is. */
export const roomSocket = (deps: Deps) =>
  new Elysia({ detail: { hide: true } }).get('/ws/room/:roomId/messages', async ({ request, server, params, set }) => {
    requireUpgrade(request)
    const { found = new ChatError('unauthenticated'), network } = await arrive({ request, server }, deps)
    const locale = localeFor(request.headers.get('accept-language'), deps.locale)
    const visit = { roomId: roomIdOf(params.roomId), after: afterOf(request), locale, network }
    const data = found instanceof ChatError ? turnedAway(found, locale) : new RoomSession(deps, found, visit).line
    if (!server?.upgrade(request, { data, headers: upgradeHeaders(request) })) throw new ChatError('bad_request')
    set.status = 101
  })

/** NaN, which is past every end, for what is no seq. */
function afterOf(request: Request): number | undefined {
  const after = queryOf(request).get('after')
  if (after === null) return undefined
  return /^(0|[1-9]\d{0,14})$/.test(after) ? Number(after) : Number.NaN
}
