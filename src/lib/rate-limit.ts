import { ChatError } from './errors.ts'

/** A token bucket: `burst` at once, then `perSecond`. */
export interface Rate {
  burst: number
  perSecond: number
}

/** Whoever takes less than this part of a burst now and then is nobody of whom others have to know. */
const TOLD_PART = 1 / 4

/** One bucket, in milliseconds of the caller's clock. */
export class Bucket {
  /** What was taken and others do not know of. */
  untold = 0
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
  /** To be told of what is taken, some of it at a time: others who share the limit have to know. */
  onTaken: ((key: string, tokens: number) => void) | undefined

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
    if (this.#limit.on) this.#tell(key, this.#charge(key, tokens), tokens)
  }

  takenElsewhere(key: string, tokens: number): void {
    if (this.#limit.on) this.#charge(key, tokens)
  }

  #charge(key: string, tokens: number): Bucket {
    const bucket = this.#bucket(key)
    bucket.charge(this.#limit.rate, this.#limit.now(), tokens)
    return bucket
  }

  #has(key: string): boolean {
    const { rate, now, on } = this.#limit
    if (!on) return true
    const bucket = this.#bucket(key)
    if (!bucket.take(rate, now())) return false
    this.#tell(key, bucket, 1)
    return true
  }

  #tell(key: string, bucket: Bucket, tokens: number) {
    if (!this.onTaken) return
    bucket.untold += tokens
    if (bucket.untold < this.#limit.rate.burst * TOLD_PART) return
    this.onTaken(key, bucket.untold)
    bucket.untold = 0
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
