import { Passwords } from './accounts/passwords.ts'
import { Accounts } from './accounts/service.ts'
import { AdminLinks } from './admin/links.ts'
import { Jwks } from './auth/host/jwks.ts'
import { type HostTokenConfig, rulesOf } from './auth/host/rules.ts'
import { HostTokens } from './auth/host/tokens.ts'
import { Identities } from './auth/identities.ts'
import { Origins } from './auth/origins.ts'
import { Revocations } from './auth/revocations.ts'
import { Sessions } from './auth/sessions.ts'
import { Tickets } from './auth/tickets.ts'
import type { Config } from './config.ts'
import type { Publish } from './events.ts'
import { Keys } from './keys/service.ts'
import { Proxies } from './lib/http/proxies.ts'
import { Quotas } from './lib/http/quotas.ts'
import { failuresIn, type Log } from './lib/log.ts'
import type { Storage } from './storage/storage.ts'

export interface AccessAdapters {
  config: Config
  storage: Storage
  log: Log
  /** Milliseconds since 1970. */
  now: () => number
  /** Milliseconds since the start: it never jumps. */
  uptime: () => number
}

/** Who is asking, and from where. */
export function createAccess({ config, storage, log, now, uptime }: AccessAdapters, publish: Publish) {
  const proxies = new Proxies(config.trustedProxies, config.tls !== undefined, (ip) =>
    log.warn('proxy_not_trusted', { ip, note: 'add it to PARLEY_TRUSTED_PROXIES if it is a proxy of yours' }),
  )
  const origins = new Origins({ allowed: config.allowedOrigins, publicOrigin: config.publicOrigin, proxies })
  const quotas = new Quotas(config.limits)
  const revocations = new Revocations({ ...storage, publish, onError: failuresIn(log)('revocations_failed') })
  const mode = config.accounts
  const sessions = new Sessions({ ...storage, revocations, passwordsCount: mode !== 'off', now })
  const passwords = new Passwords()
  const accounts = new Accounts({ ...storage, sessions, passwords, revocations, quotas, publish, now, mode })
  const keys = new Keys({ ...storage, now })
  const tickets = new Tickets({ ...storage, now })
  const hostTokens = config.hostTokens && createHostTokens(config.hostTokens, { storage, log, now, uptime }, publish)
  const identities = new Identities({ ...storage, sessions, hostTokens, keys, tickets, now })
  const links = new AdminLinks({ ...storage, sessions, now })
  return { proxies, origins, quotas, revocations, sessions, accounts, keys, tickets, identities, links }
}

type HostDeps = Omit<AccessAdapters, 'config'>

function createHostTokens(config: HostTokenConfig, { storage, log, now, uptime }: HostDeps, publish: Publish) {
  const rules = rulesOf(config, (url) => {
    const jwks = new Jwks({ url, uptime, onError: (error) => log.error('jwks_failed', { error }) })
    // Now, so that a wrong address is in the log before the first person comes.
    void jwks.refresh()
    return jwks
  })
  return new HostTokens({
    rules,
    users: storage.users,
    onProfile: (user) => publish({ type: 'user.renamed', user }),
    onRefused: (check) => log.info('host_token_refused', { note: check }),
    now,
  })
}
