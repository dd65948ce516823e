import RateLimiterMemory from 'rate-limiter-flexible/lib/RateLimiterMemory.js'
import RateLimiterRes from 'rate-limiter-flexible/lib/RateLimiterRes.js'
import { ChatError } from '../errors.ts'

/** So many in a window that begins with the first one. */
export interface Quota {
  points: number
  seconds: number
}

/** What is counted, and for whom: an address's network, or a person. */
export const QUOTAS = {
  signUps: { points: 30, seconds: 3600 },
  /** That failed: a house full of people signs in from one address. */
  signIns: { points: 30, seconds: 300 },
  /** Wrong passwords for one e-mail, from wherever. */
  guesses: { points: 100, seconds: 3600 },
  /** Upgrades that show no good credential: a client with an old one may try every other second. */
  strangers: { points: 120, seconds: 60 },
  tickets: { points: 60, seconds: 60 },
  /** To be here, and then not, and then to be here. */
  hides: { points: 20, seconds: 60 },
} as const satisfies Record<string, Quota>
export type QuotaName = keyof typeof QUOTAS

/** What is left of a quota (draft-ietf-httpapi-ratelimit-headers-06): `reset` in seconds from now. */
export interface QuotaState {
  limit: number
  remaining: number
  reset: number
}

/** Counts what one caller may not do without end, over HTTP. A reconnect, or another token of the same person, changes nothing. */
export class Quotas {
  readonly #limiters: Record<QuotaName, RateLimiterMemory> | undefined
  /** To be told of what is taken, and of what is given back as less than nothing: others who share the quotas have to know. */
  onTaken: ((name: QuotaName, key: string, points: number) => void) | undefined

  /** `isOn` is PARLEY_LIMITS. */
  constructor(isOn: boolean) {
    const limiter = ({ points, seconds }: Quota) => new RateLimiterMemory({ points, duration: seconds })
    const { signUps, signIns, guesses, strangers, tickets, hides } = QUOTAS
    this.#limiters = isOn
      ? {
          signUps: limiter(signUps),
          signIns: limiter(signIns),
          guesses: limiter(guesses),
          strangers: limiter(strangers),
          tickets: limiter(tickets),
          hides: limiter(hides),
        }
      : undefined
  }

  /** @throws ChatError `rate_limited` where nothing is left. */
  async take(name: QuotaName, key: string): Promise<QuotaState | undefined> {
    if (!this.#limiters) return undefined
    try {
      const used = await this.#limiters[name].consume(key)
      this.onTaken?.(name, key, 1)
      return stateOf(name, used)
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error
      const quota = stateOf(name, error)
      throw new ChatError('rate_limited', { retryAfter: quota.reset, quota })
    }
  }

  /** @throws ChatError `rate_limited` where nothing is left; takes nothing. */
  async requireSome(name: QuotaName, key: string): Promise<void> {
    const used = await this.#limiters?.[name].get(key)
    if (!used || used.remainingPoints > 0) return
    const quota = stateOf(name, used)
    throw new ChatError('rate_limited', { retryAfter: quota.reset, quota })
  }

  /** For what went well, and was taken as if it would not. */
  async giveBack(name: QuotaName, key: string): Promise<void> {
    await this.#limiters?.[name].reward(key)
    this.onTaken?.(name, key, -1)
  }

  /** Of names that this release does not know nothing is counted. */
  takenElsewhere(name: string, key: string, points: number): void {
    if (Object.hasOwn(QUOTAS, name)) void this.#limiters?.[name as QuotaName].penalty(key, points)
  }
}

const stateOf = (name: QuotaName, { remainingPoints, msBeforeNext }: RateLimiterRes): QuotaState => ({
  limit: QUOTAS[name].points,
  remaining: remainingPoints,
  reset: Math.max(1, Math.ceil(msBeforeNext / 1000)),
})

export const quotaHeaders = ({ limit, remaining, reset }: QuotaState): Record<string, string> => ({
  'ratelimit-limit': String(limit),
  'ratelimit-remaining': String(remaining),
  'ratelimit-reset': String(reset),
})
