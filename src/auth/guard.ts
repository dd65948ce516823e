import { Elysia } from 'elysia'
import { ChatError } from '../lib/errors.ts'
import { type Credential, httpCredential } from './credentials.ts'
import type { Identity } from './model.ts'
import type { Origins } from './origins.ts'
import type { Sessions } from './sessions.ts'

interface Deps {
  sessions: Sessions
  origins: Origins
}

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS']

/** The one part of Bun's server that the guard and the routes need; absent only where no socket is listening. */
interface Listener {
  requestIP(request: Request): { address: string } | null
}

export const peerOf = (request: Request, server: Listener | null): string => server?.requestIP(request)?.address ?? ''

/**
 * Gives `me` to every route that asks for it with `{ auth: true }`; answers 401 for everyone else, before what they sent
 * is checked against its schema.
 */
export const authGuard = ({ sessions, origins }: Deps) => {
  // Found before the schemas are checked, and handed on after that: Elysia has no one hook that does both.
  const identities = new WeakMap<Request, Identity>()
  return new Elysia({ name: 'guard' }).macro({
    auth: {
      async transform({ request, server }) {
        const credential = httpCredential(request)
        // A page that is not ours can make a browser send the cookie, but not lie about its Origin.
        if (credential?.by === 'cookie' && !SAFE_METHODS.includes(request.method)) {
          origins.requireOwn(request, peerOf(request, server))
        }
        identities.set(request, await requireIdentity(sessions, credential))
      },
      resolve({ request }) {
        const me = identities.get(request)
        if (!me) throw new ChatError('unauthenticated')
        return { me }
      },
    },
  })
}

export type AuthGuard = ReturnType<typeof authGuard>

async function requireIdentity(sessions: Sessions, credential: Credential | undefined): Promise<Identity> {
  const me = credential && (await identify(sessions, credential))
  if (!me) throw new ChatError('unauthenticated')
  return me
}

/** Whom a credential stands for. A ticket is spent by this. */
export const identify = (sessions: Sessions, credential: Credential): Promise<Identity | undefined> =>
  credential.by === 'ticket'
    ? sessions.spendTicket(credential.ticket, credential.origin)
    : sessions.authenticate(credential.token)
