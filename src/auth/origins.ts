import { ChatError } from '../lib/errors.ts'
import type { Proxies } from '../lib/http/proxies.ts'

interface Deps {
  /** Exact origins, lower case. */
  allowed: readonly string[]
  /** The server's own origin; without it, the one that the request's `Host` names. */
  publicOrigin: string | undefined
  proxies: Proxies
}

/** Bun and Elysia leave the Origin of an upgrade unchecked: without this, any page could open a person's socket. */
export class Origins {
  readonly #allowed: ReadonlySet<string>
  readonly #publicOrigin: string | undefined
  readonly #proxies: Proxies

  constructor({ allowed, publicOrigin, proxies }: Deps) {
    this.#allowed = new Set(publicOrigin === undefined ? allowed : [...allowed, publicOrigin])
    this.#publicOrigin = publicOrigin
    this.#proxies = proxies
  }

  /** Refuses a foreign Origin. None at all is a native client's, and passes. */
  refuseForeign(request: Request, peer: string): void {
    const origin = request.headers.get('origin')
    if (origin !== null && !this.#allows(origin, request, peer)) throw new ChatError('origin_not_allowed')
  }

  /** Refuses a missing one too: a cookie is sent by whatever page asks for it. */
  requireOwn(request: Request, peer: string): void {
    const origin = request.headers.get('origin')
    if (origin === null || !this.#allows(origin, request, peer)) throw new ChatError('origin_not_allowed')
  }

  /** Whether its page may read the answer: of other sites the ones on the list alone, for one's own needs no leave. */
  isAllowed({ headers }: Request): boolean {
    return this.#allowed.has(headers.get('origin') ?? '')
  }

  #allows(origin: string, request: Request, peer: string): boolean {
    if (this.#allowed.has(origin)) return true
    return this.#publicOrigin === undefined && origin === this.#hostOrigin(request, peer)
  }

  #hostOrigin({ headers }: Request, peer: string): string {
    const scheme = this.#proxies.clientOf(headers, peer).isTls ? 'https' : 'http'
    return `${scheme}://${headers.get('host')?.toLowerCase()}`
  }
}
