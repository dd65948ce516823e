import { Elysia } from 'elysia'
import { type Credential, socketCredential, upgradeHeaders } from '../auth/credentials.ts'
import { peerOf } from '../auth/guard.ts'
import type { Identity } from '../auth/model.ts'
import type { Origins } from '../auth/origins.ts'
import { ChatError } from '../lib/errors.ts'
import { networkOf, type Proxies } from '../lib/http/proxies.ts'
import { queryOf } from '../lib/http/query.ts'
import type { Quotas } from '../lib/http/quotas.ts'
import { type Locale, localeFor } from '../lib/texts.ts'
import { roomIdOf } from './protocol-plain.ts'
import { type LiveDeps, RoomSession } from './session.ts'
import { turnedAway } from './socket.ts'

interface Deps extends LiveDeps {
  origins: Origins
  proxies: Proxies
  quotas: Quotas
  /** Sockets that one address may have open. */
  maxPerNetwork: number
  locale: Locale
}

/** `GET /ws/room/{roomId}/messages`: everything that is decided before the upgrade. */
export const roomSocket = ({ origins, proxies, quotas, maxPerNetwork, locale: ownLocale, ...live }: Deps) =>
  new Elysia({ detail: { hide: true } }).get('/ws/room/:roomId/messages', async ({ request, server, params, set }) => {
    const { headers } = request
    if (headers.get('upgrade')?.toLowerCase() !== 'websocket') throw new ChatError('upgrade_required')
    const { connections, identities } = live
    if (connections.isDraining) throw new ChatError('unavailable', { reason: 'stopping', retryAfter: 1 })
    const peer = peerOf(request, server)
    const network = networkOf(proxies.clientOf(headers, peer).ip)
    origins.refuseForeign(request, peer)
    const credential = socketCredential(request)
    if (credential?.by === 'cookie') origins.requireOwn(request, peer)
    const refuseCrowd = () => {
      if (connections.from(network) >= maxPerNetwork) throw tooManySockets()
    }
    // Before a ticket is spent for nothing; and again, since others were let in meanwhile.
    refuseCrowd()
    const found = await personOf(credential, identities)
    // Each costs a handshake, and nobody vouches for it: no address may have that without end.
    if (found instanceof ChatError && found.code === 'unauthenticated') await quotas.take('strangers', network)
    refuseCrowd()
    const locale = localeFor(headers.get('accept-language'), ownLocale)
    const visit = { roomId: roomIdOf(params.roomId), after: afterOf(request), locale, network }
    const data = found instanceof ChatError ? turnedAway(found, locale) : new RoomSession(live, found, visit)
    if (!server?.upgrade(request, { data, headers: upgradeHeaders(request) })) throw new ChatError('bad_request')
    set.status = 101
  })

const tooManySockets = () => new ChatError('rate_limited', { reason: 'too_many_sockets', retryAfter: 10 })

/** Sockets are for people: a server key opens none. What is wrong is answered, to be told on the socket. */
async function personOf(
  credential: Credential | undefined,
  identities: LiveDeps['identities'],
): Promise<Identity | ChatError> {
  try {
    const caller = credential && (await identities.authenticate(credential))
    if (caller?.key) return new ChatError('forbidden', { reason: 'key_scope' })
    return caller?.person ?? new ChatError('unauthenticated')
  } catch (error) {
    if (error instanceof ChatError) return error
    throw error
  }
}

/** NaN, which is past every end, for what is no seq. */
function afterOf(request: Request): number | undefined {
  const after = queryOf(request).get('after')
  if (after === null) return undefined
  return /^(0|[1-9]\d{0,14})$/.test(after) ? Number(after) : Number.NaN
}
