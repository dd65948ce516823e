import type { Keys } from '../keys/service.ts'
import { hashToken } from '../lib/tokens.ts'
import type { UserStore } from '../users/store.ts'
import type { Credential } from './credentials.ts'
import type { HostTokens } from './host/tokens.ts'
import type { Caller, Identity } from './model.ts'
import { identityOf, requireAdmitted, type Sessions } from './sessions.ts'
import type { TicketBasis } from './store.ts'
import type { Tickets } from './tickets.ts'

interface Deps {
  users: UserStore
  sessions: Sessions
  hostTokens: HostTokens | undefined
  keys: Keys
  tickets: Tickets
  now: () => number
}

/** Whom a credential stands for. */
export class Identities {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * `undefined` for what is unknown, expired or revoked. A ticket is spent by this.
   * @throws ChatError `forbidden` for a person who was disabled or erased.
   */
  async authenticate(credential: Credential): Promise<Caller | undefined> {
    if (credential.by === 'bearer' && credential.token.startsWith('plk_')) {
      const key = await this.#deps.keys.authenticate(credential.token)
      return key && { key }
    }
    const person = await this.#personOf(credential)
    return person && { person }
  }

  async #personOf(credential: Credential): Promise<Identity | undefined> {
    const { sessions, hostTokens, tickets } = this.#deps
    if (credential.by === 'ticket') {
      const spent = await tickets.spend(credential.ticket, credential.origin)
      return spent && this.#ofBasis(spent.userId, spent.basis)
    }
    const { token } = credential
    if (token.startsWith('pls_')) return sessions.check(hashToken(token))
    return hostTokens?.authenticate(token)
  }

  /** The same person as they are now, if what they came with is still good. @throws ChatError `forbidden` */
  check({ user, session, ...token }: Identity): Promise<Identity | undefined> {
    return this.#ofBasis(user.id, session === undefined ? token : { session })
  }

  /** Whether a caller whose answer takes long may still have it. */
  async isStill({ person, key }: Caller): Promise<boolean> {
    if (key) return this.#deps.keys.isLive(key)
    const still = await this.check(person).catch(() => undefined)
    return still?.role === person.role
  }

  async #ofBasis(userId: string, basis: TicketBasis): Promise<Identity | undefined> {
    const { sessions, users, now } = this.#deps
    if ('session' in basis) return sessions.check(basis.session)
    const user = await users.find(userId)
    if (!user) return undefined
    requireAdmitted(user)
    if (user.tokensFrom >= basis.seenAt || basis.expiresAt <= now()) return undefined
    const { seenAt, expiresAt } = basis
    return identityOf(user, { session: undefined, seenAt, expiresAt })
  }
}
