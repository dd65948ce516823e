import { ChatError } from '../lib/errors.ts'

// OWASP's second choice for argon2id: 19 MiB, two passes, one lane; about 60 ms of a core.
const ARGON2ID = { algorithm: 'argon2id', memoryCost: 19_456, timeCost: 2 } as const

// The hash of a random password that nobody has, with the same cost as a real one.
const DECOY =
  '$argon2id$v=19$m=19456,t=2,p=1$ZuwFlnOSPHH3P8qlYSv3XPW444UcYoc+/XAIq2eX8CI$3n8gWZfdCTU5kygzcWEKHVLNCuKk2+/TBOwjCTfzjYA'

/** The same letters typed on another keyboard are the same password (RFC 8265 §4.2, OpaqueString). */
const composed = (password: string) => password.normalize('NFC')

const AT_ONCE = 2
const MAX_WAITING = 32

/**
 * Hashes and checks passwords off the main thread, few at a time: a rush of sign-ins waits here, and past the bound is
 * told to come back, while the chat goes on.
 */
export class Passwords {
  #running = 0
  readonly #waiting: (() => void)[] = []

  hash(password: string): Promise<string> {
    return this.#inTurn(() => Bun.password.hash(composed(password), ARGON2ID))
  }

  /** Takes as long for an account that does not exist (`hash` undefined) as for a wrong password. */
  async matches(password: string, hash: string | undefined): Promise<boolean> {
    // An unknown hash format throws: that is no match, and no reason to tell the two apart.
    const matched = await this.#inTurn(() => Bun.password.verify(composed(password), hash ?? DECOY).catch(() => false))
    return matched && hash !== undefined
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < AT_ONCE) this.#running += 1
    else await this.#turn()
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running -= 1
    }
  }

  /** Resolves when a running one hands its place over. */
  #turn(): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING) throw new ChatError('unavailable', { reason: 'busy', retryAfter: 2 })
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}
