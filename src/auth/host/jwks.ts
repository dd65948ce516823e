import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { ChatError } from '../../lib/errors.ts'
import { Bucket } from '../../lib/rate-limit.ts'

interface Deps {
  url: string
  /** Milliseconds of a clock that never jumps. */
  uptime: () => number
  /** A fetch failed: the keys from before stay in use. */
  onError: (error: unknown) => void
}

/** After this a set is renewed while it is used; a key that was withdrawn opens until then. */
const FRESH_MS = 5 * 60 * 1000
/** Where nobody asked for so long, whoever does waits for the new one. */
const LATE_MS = 10 * 60 * 1000
/** While the address gives nothing, the last good set is used for so long. */
const KEPT_MS = 24 * 3600 * 1000
/** After a failed fetch nobody makes another one for so long. */
const PAUSE_MS = 5 * 1000
/** Fetches for keys that the set does not have: a rotation needs one, a flood of made-up ids gets no more than these. */
const UNKNOWN_KEYS = { burst: 3, perSecond: 1 / 20 }
const TIMEOUT_MS = 5000
const MAX_BYTES = 64 << 10
const MAX_KEYS = 100

/**
 * The marketplace's public keys (RFC 7517), by their ids. jose has a remote set of its own; it has no bound for the size
 * of one, forgets the last good one when the address fails, and lets a failing address be asked by every request
 * (docs/decisions/0007).
 */
export class Jwks {
  readonly #deps: Deps
  readonly #unknown: Bucket
  #keys: ReturnType<typeof createLocalJWKSet> | undefined
  #fetchedAt = 0
  #failedAt = Number.NEGATIVE_INFINITY
  #pending: Promise<void> | undefined

  constructor(deps: Deps) {
    this.#deps = deps
    this.#unknown = new Bucket(UNKNOWN_KEYS, deps.uptime())
  }

  /** The key for a token's header. @throws ChatError `unavailable` where no set was ever to be had; jose's errors. */
  readonly keyFor: JWTVerifyGetKey = async (header, token) => {
    const keys = await this.#current()
    try {
      return await keys(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !this.#mayAskAgain()) throw error
      await this.refresh()
      return (this.#keys ?? keys)(header, token)
    }
  }

  async #current() {
    const age = this.#deps.uptime() - this.#fetchedAt
    if (this.#keys && age < FRESH_MS) return this.#keys
    const refreshed = this.refresh()
    // An address that has failed lately keeps nobody waiting while the old set is good.
    const mayWait = this.#failedAt < this.#fetchedAt && age >= LATE_MS
    if (!this.#keys || mayWait || age >= KEPT_MS) await refreshed
    if (!this.#keys || this.#deps.uptime() - this.#fetchedAt >= KEPT_MS) {
      throw new ChatError('unavailable', { reason: 'keys_away', retryAfter: PAUSE_MS / 1000 })
    }
    return this.#keys
  }

  #mayAskAgain(): boolean {
    return this.#pending !== undefined || this.#unknown.take(UNKNOWN_KEYS, this.#deps.uptime())
  }

  /** Fetches the set, unless that is going on, or failed a moment ago. Does not fail: it tells of failures. */
  refresh(): Promise<void> {
    const { uptime, onError } = this.#deps
    if (uptime() - this.#failedAt < PAUSE_MS) return Promise.resolve()
    this.#pending ??= this.#fetch()
      .catch((error: unknown) => {
        this.#failedAt = uptime()
        onError(error)
      })
      .finally(() => {
        this.#pending = undefined
      })
    return this.#pending
  }

  async #fetch() {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const headers = { accept: 'application/jwk-set+json, application/json' }
    // Not Bun's own error: its text has the address in it, with whatever secret that has.
    const response = await fetch(this.#deps.url, { headers, signal, redirect: 'error' }).catch((error: unknown) => {
      throw new Error(`the JWKS address cannot be reached (${reasonOf(error)})`)
    })
    if (response.status !== 200) throw new Error(`the JWKS address answered ${response.status}`)
    const set: JSONWebKeySet = JSON.parse(await readBounded(response))
    const keys = createLocalJWKSet(set)
    if (set.keys.length > MAX_KEYS) throw new Error(`the JWKS has more than ${MAX_KEYS} keys`)
    if (set.keys.length === 0) throw new Error('the JWKS has no keys')
    this.#keys = keys
    this.#fetchedAt = this.#deps.uptime()
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > MAX_BYTES) throw new Error(`the JWKS has more than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
