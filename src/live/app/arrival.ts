import type { Credential } from '../../auth/credentials.ts'
import type { Identity } from '../../auth/model.ts'
import { ChatError } from '../../lib/errors.ts'
import { personOf } from '../handshake.ts'
import { userTopic } from '../topics.ts'
import type { AppConnection } from './connection.ts'
import { encodeReply, type RequestOf } from './protocol.ts'
import type { Welcome } from './protocol-pushes.ts'

/** Lets the person in, and puts them on their own channel. The reply is sent here: what is new follows it. */
export async function connect(session: AppConnection, id: number, { token }: RequestOf<'connect'>): Promise<undefined> {
  const { deps, line } = session
  if (session.isConnected) throw new ChatError('bad_request', { reason: 'already_connected' })
  // An empty token is none, as everywhere in this protocol.
  const found = token ? await personOf(credentialOf(token, session), deps.identities) : session.upgrade.found
  if (!line.isOpen) return
  if (!found || found instanceof ChatError) return refuseStranger(session, found)
  deps.connections.identify(session, found)
  // Whoever signed out or took another name before the line above was not found here: look again.
  const identity = await stillGood(session, found)
  if (!identity || !line.isOpen) return
  session.identity = identity
  session.isByToken = Boolean(token)
  const { user } = identity
  // First, so that nothing that changes from now on is missed.
  await session.arrive(identity)
  const welcome: Welcome = {
    user: { id: user.id, username: user.username },
    totalUnread: await deps.rooms.totalUnread(user.id),
  }
  if (!line.isOpen) return
  line.send(encodeReply(id, 'connect', JSON.stringify({ ...introduction(session), data: welcome })))
  line.subscribe(userTopic(user.id))
  session.isConnected = true
}

const introduction = ({ client, deps, identity, isByToken, upgrade }: AppConnection) => ({
  client,
  version: deps.version,
  ...(identity && isByToken ? lifeOf(identity, deps.now()) : {}),
  subs: identity ? { [userTopic(identity.user.id)]: {} } : {},
  ping: Math.max(1, Math.ceil(deps.pingEveryMs / 1000)),
  pong: true,
  ...upgrade.emulation,
})

/** Another token of the same person, before the one they came with has ended for good. */
export async function refresh(session: AppConnection, { token }: RequestOf<'refresh'>): Promise<string | undefined> {
  const { deps, me } = session
  const found = await personOf(credentialOf(token, session), deps.identities)
  if (found instanceof ChatError) {
    if (found.code === 'unavailable') throw found
    // To a refused refresh clients do not come back; to this end they do, and then ask for a token.
    return void session.end(found.code === 'forbidden' ? 'forbidden' : 'unauthenticated')
  }
  if (found.user.id !== me.user.id) return void session.end('invalidToken')
  session.identity = found
  const identity = await stillGood(session, found)
  if (!identity) return
  session.identity = identity
  session.isByToken = true
  return JSON.stringify({ client: session.client, version: deps.version, ...lifeOf(identity, deps.now()) })
}

/** The person as they are now; otherwise the connection is ended. */
async function stillGood(session: AppConnection, found: Identity): Promise<Identity | undefined> {
  try {
    const identity = await session.deps.identities.check(found)
    if (!identity) session.end('unauthenticated')
    return identity
  } catch (error) {
    if (!(error instanceof ChatError) || error.code !== 'forbidden') throw error
    session.end('forbidden')
  }
}

/** `ttl` in seconds: then the client brings another token. */
const lifeOf = ({ expiresAt }: Identity, now: number) => ({
  expires: true,
  ttl: Math.max(1, Math.ceil((expiresAt - now) / 1000)),
})

const credentialOf = (token: string, { upgrade }: AppConnection): Credential =>
  token.startsWith('plt_') ? { by: 'ticket', ticket: token, origin: upgrade.origin } : { by: 'bearer', token }

/**
 * What is good no more is told apart: its client is to get another one. The socket stays open for another try; each costs an
 * address as much as a handshake without a credential.
 */
async function refuseStranger({ deps, network }: AppConnection, why: ChatError | undefined): Promise<never> {
  const isUnknown = why === undefined || why.code === 'unauthenticated'
  if (isUnknown) await deps.quotas.take('strangers', network)
  if (why && !isUnknown) throw why
  throw new ChatError('unauthenticated', why ? { reason: 'token_expired' } : {})
}
