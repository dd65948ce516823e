import { ChatError } from './errors.ts'

/** A token bucket: `burst` at once, then `perSecond`. */
export interface Rate {
  burst: number
  perSecond: number
}

/** One bucket, in milliseconds of the caller's clock. */
export class Bucket {
  #tokens: number
  #at: number

  constructor({ burst }: Rate, now: number) {
    this.#tokens = burst
    this.#at = now
  }

  /** Takes one token if there is one. */
  take(rate: Rate, now: number): boolean {
    this.#fill(rate, now)
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }

  #fill({ burst, perSecond }: Rate, now: number) {
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) / 1000) * perSecond)
    this.#at = now
  }

  /** Takes more, also what is not there yet: the next ones have to wait for it. */
  charge(rate: Rate, now: number, tokens: number): void {
    this.#fill(rate, now)
    this.#tokens -= tokens
  }

  isFull({ burst, perSecond }: Rate, now: number): boolean {
    return this.#tokens + ((now - this.#at) / 1000) * perSecond >= burst
  }
}

interface Limit {
  rate: Rate
  /** Milliseconds of a clock that never jumps. */
  now: () => number
  /** `false` lets everything through (PARLEY_LIMITS=off). */
  on: boolean
}

/** A bucket for each key (a person, an address). Full buckets are forgotten, so its size follows the recent callers. */
export class RateLimit {
  readonly #limit: Limit
  readonly #buckets = new Map<string, Bucket>()
  #sweepAt = 0

  constructor(limit: Limit) {
    this.#limit = limit
  }

  /** @throws ChatError `rate_limited` where the bucket is empty. */
  take(key: string): void {
    const { burst, perSecond } = this.#limit.rate
    if (this.#has(key)) return
    const reset = Math.ceil(1 / perSecond)
    throw new ChatError('rate_limited', { retryAfter: reset, quota: { limit: burst, remaining: 0, reset } })
  }

  /** Takes so many, whether they are there or not. */
  charge(key: string, tokens: number): void {
    const { rate, now, on } = this.#limit
    if (on) this.#bucket(key).charge(rate, now(), tokens)
  }

  #has(key: string): boolean {
    const { rate, now, on } = this.#limit
    return !on || this.#bucket(key).take(rate, now())
  }

  #bucket(key: string): Bucket {
    const { rate, now } = this.#limit
    const at = now()
    if (at >= this.#sweepAt) this.#sweep(at)
    let bucket = this.#buckets.get(key)
    if (!bucket) {
      bucket = new Bucket(rate, at)
      this.#buckets.set(key, bucket)
    }
    return bucket
  }

  #sweep(at: number) {
    this.#sweepAt = at + 10_000
    for (const [key, bucket] of this.#buckets) if (bucket.isFull(this.#limit.rate, at)) this.#buckets.delete(key)
  }
}
