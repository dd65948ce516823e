import { type Credential, socketCredential } from '../auth/credentials.ts'
import { peerOf } from '../auth/guard.ts'
import type { Identities } from '../auth/identities.ts'
import type { Identity } from '../auth/model.ts'
import type { Origins } from '../auth/origins.ts'
import { ChatError } from '../lib/errors.ts'
import { networkOf, type Proxies } from '../lib/http/proxies.ts'
import type { Quotas } from '../lib/http/quotas.ts'
import type { Connections } from './connections.ts'

export interface HandshakeDeps {
  identities: Identities
  connections: Connections
  origins: Origins
  proxies: Proxies
  quotas: Quotas
  /** Sockets that one address may have open. */
  maxPerNetwork: number
}

/** The part of Bun's server that a handshake needs. */
type Listener = Parameters<typeof peerOf>[1]

interface Asked {
  request: Request
  server: Listener
  mayTellLater?: boolean
}

/** Of the sockets of an address, this part may be of people who have not said yet who they are. */
const STRANGERS_SHARE = 4

/** Who asks for a socket. */
export interface Arrival {
  /** The person; or what is wrong with the credential, to be told on the socket; `undefined` where none was shown. */
  found: Identity | ChatError | undefined
  network: string
  origin: string | undefined
}

/**
 * Everything that is decided before an upgrade, whatever will be spoken on the socket. `mayTellLater`: who is there may
 * be told on the socket, and only then is it a stranger's.
 * @throws ChatError for what gets no socket
 */
export async function arrive({ request, server, mayTellLater = false }: Asked, deps: HandshakeDeps): Promise<Arrival> {
  const { identities, connections, origins, proxies, quotas, maxPerNetwork } = deps
  const { headers } = request
  const peer = peerOf(request, server)
  const network = networkOf(proxies.clientOf(headers, peer).ip)
  origins.refuseForeign(request, peer)
  const credential = socketCredential(request)
  if (credential?.by === 'cookie') origins.requireOwn(request, peer)
  const refuseCrowd = () => {
    const tooMany = mayTellLater && connections.strangersFrom(network) >= maxPerNetwork / STRANGERS_SHARE
    if (tooMany || connections.from(network) >= maxPerNetwork) throw tooManySockets()
  }
  // Before a ticket is spent for nothing; and again, since others were let in meanwhile.
  refuseCrowd()
  const found = credential && (await personOf(credential, identities))
  // Each costs a handshake, and nobody vouches for it: no address may have that without end.
  if (isUnknown(found) && mayTellLater) await quotas.requireSome('strangers', network)
  else if (isUnknown(found)) await quotas.take('strangers', network)
  refuseCrowd()
  return { found, network, origin: headers.get('origin') ?? undefined }
}

export const requireUpgrade = ({ headers }: Request): void => {
  if (headers.get('upgrade')?.toLowerCase() !== 'websocket') throw new ChatError('upgrade_required')
}

const isUnknown = (found: Arrival['found']) =>
  found === undefined || (found instanceof ChatError && found.code === 'unauthenticated')

const tooManySockets = () => new ChatError('rate_limited', { reason: 'too_many_sockets', retryAfter: 10 })

/** Sockets are for people: a server key opens none. What is wrong is answered, to be told on the socket. */
export async function personOf(credential: Credential, identities: Identities): Promise<Identity | ChatError> {
  try {
    const caller = await identities.authenticate(credential)
    if (caller?.key) return new ChatError('forbidden', { reason: 'key_scope' })
    return caller?.person ?? new ChatError('unauthenticated')
  } catch (error) {
    if (error instanceof ChatError) return error
    throw error
  }
}
