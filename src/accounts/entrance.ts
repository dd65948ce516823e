import { Elysia } from 'elysia'
import { sessionCookie } from '../auth/credentials.ts'
import { peerOf } from '../auth/guard.ts'
import type { Origins } from '../auth/origins.ts'
import { networkOf, type Proxies } from '../lib/http/proxies.ts'
import type { QuotaName, Quotas } from '../lib/http/quotas.ts'
import type { SessionGrant } from './model.ts'

export interface EntranceDeps {
  origins: Origins
  proxies: Proxies
  quotas: Quotas
  /** Whether people reach this server by https, whatever a proxy before it says. */
  isPublicTls: boolean
}

/** For the routes that begin and end sessions: the cookie, and the quota that is given back to whoever came in. */
export const entrance = ({ origins, proxies, quotas, isPublicTls }: EntranceDeps) =>
  new Elysia().derive({ as: 'scoped' }, ({ request, server, set }) => {
    const peer = peerOf(request, server)
    const setCookie = (token: string, expires: Date) => {
      const isTls = isPublicTls || proxies.clientOf(request.headers, peer).isTls
      set.headers['set-cookie'] = sessionCookie(token, { isTls, expires })
    }
    const letIn = async (sign: () => Promise<SessionGrant>) => {
      // This sets a cookie: a foreign page may not do it for its visitor.
      origins.refuseForeign(request, peer)
      const grant = await sign()
      setCookie(grant.token, new Date(grant.expiresAt))
      return grant
    }
    const network = networkOf(proxies.clientOf(request.headers, peer).ip)
    const forgive = (quota: QuotaName) => quotas.giveBack(quota, network)
    return { setCookie, letIn, forgive }
  })
