import { Elysia } from 'elysia'
import { ChatError } from '../lib/errors.ts'
import { networkOf, type Proxies } from '../lib/http/proxies.ts'
import { type Quotas, quotaHeaders } from '../lib/http/quotas.ts'
import { USER_ROLES } from '../users/model.ts'
import { httpCredential } from './credentials.ts'
import type { Identities } from './identities.ts'
import type { Caller, Identity } from './model.ts'
import type { Origins } from './origins.ts'
import { type Access, accessTo } from './policy.ts'

interface Deps {
  identities: Identities
  origins: Origins
  proxies: Proxies
  quotas: Quotas
}

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS']

/** The one part of Bun's server that the guard and the routes need; absent only where no socket is listening. */
interface Listener {
  requestIP(request: Request): { address: string } | null
}

export const peerOf = (request: Request, server: Listener | null): string => server?.requestIP(request)?.address ?? ''

/**
 * Lets in whom the policy lets in, before what they sent is checked against its schema: 401 for who is nobody, 403 for
 * who may not, 429 for who asks too often. Gives `me` to the routes of people (`{ person: true }`) and `caller` to those
 * that the marketplace's backend may call too (`{ caller: true }`).
 */
export const authGuard = ({ identities, origins, proxies, quotas }: Deps) => {
  // Found before the schemas are checked, and handed on after that: Elysia has no one hook that does both.
  const callers = new WeakMap<Request, Caller>()

  async function callerOf(request: Request, peer: string): Promise<Caller> {
    const credential = httpCredential(request)
    // A page that is not ours can make a browser send the cookie, but not lie about its Origin.
    if (credential?.by === 'cookie' && !SAFE_METHODS.includes(request.method)) origins.requireOwn(request, peer)
    const caller = credential && (await identities.authenticate(credential))
    if (!caller) throw new ChatError('unauthenticated')
    callers.set(request, caller)
    return caller
  }

  return new Elysia({ name: 'guard' })
    .onTransform({ as: 'global' }, async ({ request, server, route, set }) => {
      const access = accessTo(request.method, route)
      if (!access) throw new ChatError('forbidden')
      const peer = peerOf(request, server)
      const caller = access.open ? undefined : await callerOf(request, peer)
      if (caller && !mayCall(caller, access)) throw new ChatError('forbidden', { reason: reasonFor(caller) })
      if (!access.quota) return
      const network = networkOf(proxies.clientOf(request.headers, peer).ip)
      // An id may look like an address.
      const key = caller?.person ? `person ${caller.person.user.id}` : network
      const state = await quotas.take(access.quota, key)
      if (state) Object.assign(set.headers, quotaHeaders(state))
    })
    .macro({
      person: { resolve: ({ request }) => ({ me: personIn(callers.get(request)) }) },
      caller: { resolve: ({ request }) => ({ caller: known(callers.get(request)) }) },
    })
}

export type AuthGuard = ReturnType<typeof authGuard>

function mayCall({ person, key }: Caller, { people, keys }: Access): boolean {
  if (key) return keys !== undefined && key.scopes.includes(keys)
  return people !== undefined && USER_ROLES.indexOf(person.role) >= USER_ROLES.indexOf(people)
}

const reasonFor = ({ key }: Caller) => (key ? 'key_scope' : 'role')

function known(caller: Caller | undefined): Caller {
  if (!caller) throw new ChatError('unauthenticated')
  return caller
}

function personIn(caller: Caller | undefined): Identity {
  const { person } = known(caller)
  if (!person) throw new ChatError('forbidden', { reason: 'key_scope' })
  return person
}
