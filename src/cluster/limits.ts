import type { Quotas } from '../lib/http/quotas.ts'
import type { RateLimit } from '../lib/rate-limit.ts'
import type { Relay } from '../relay/relay.ts'
import { EVERYBODY } from './hints.ts'

interface Deps {
  relay: Relay
  rates: Record<string, RateLimit>
  quotas: Quotas
}

/** What was taken, by the name of the limit and by whose it is. */
type Taken = Record<string, Record<string, number>>

/** Of one limit in one word: whoever floods a node with new addresses does not flood the others with them. */
const MAX_KEYS = 1000

/** One limit for all nodes: each tells the others, twice a second, what was taken from it. */
export class ClusterLimits {
  readonly #deps: Deps
  #taken = new Map<string, Map<string, number>>()

  constructor(deps: Deps) {
    this.#deps = deps
    if (deps.relay.state === 'alone') return
    deps.quotas.onTaken = (name, key, points) => this.#note(name, key, points)
    for (const [name, rate] of Object.entries(deps.rates)) {
      rate.onTaken = (key, tokens) => this.#note(name, key, tokens)
    }
  }

  #note(name: string, key: string, tokens: number) {
    const taken = this.#taken.get(name) ?? new Map<string, number>()
    if (taken.size >= MAX_KEYS && !taken.has(key)) return
    this.#taken.set(name, taken.set(key, (taken.get(key) ?? 0) + tokens))
  }

  /** To be called twice a second. */
  tell(): void {
    if (this.#taken.size === 0) return
    const taken: Taken = Object.fromEntries([...this.#taken].map(([name, keys]) => [name, Object.fromEntries(keys)]))
    this.#taken = new Map()
    this.#deps.relay.publish(EVERYBODY, JSON.stringify({ taken }))
  }

  /** What was taken elsewhere. */
  hear({ taken }: { taken: Taken }): void {
    const { rates, quotas } = this.#deps
    for (const [name, keys] of Object.entries(taken)) {
      for (const [key, tokens] of Object.entries(keys)) {
        if (rates[name]) rates[name].takenElsewhere(key, tokens)
        else quotas.takenElsewhere(name, key, tokens)
      }
    }
  }
}
