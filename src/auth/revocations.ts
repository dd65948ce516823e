import type { Publish } from '../events.ts'
import type { Revocation, RevocationStore } from './store.ts'

interface Deps {
  revocations: RevocationStore
  publish: Publish
  /** What ends cannot be read: told when that begins. */
  onError: (error: unknown) => void
}

/**
 * Tells this node's sockets of what has ended. Each one is a row, written with the act itself: by this node, by another
 * one, or by a command beside it. So all of them come the same way, and each comes once.
 */
export class Revocations {
  readonly #deps: Deps
  #place: number | undefined
  #reading: Promise<void> | undefined
  #fails = false

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * Publishes what is new: called by whoever has ended something here, and twice a second for what others have. Does not
   * fail: what cannot be read now is read the next time.
   */
  async tell(): Promise<void> {
    // A reading that has begun may have missed the row that this call is about.
    while (this.#reading) await this.#reading
    this.#reading = this.#read()
      .then(
        () => {
          this.#fails = false
        },
        (error) => {
          if (!this.#fails) this.#deps.onError(error)
          this.#fails = true
        },
      )
      .finally(() => {
        this.#reading = undefined
      })
    return this.#reading
  }

  async #read() {
    const { revocations, publish } = this.#deps
    const from = this.#place
    const found = await revocations.after(from)
    for (const revocation of found.revocations) publish(eventOf(revocation))
    this.#place = found.place
    if (found.revocations.length > 0 && from !== undefined) await this.#read()
  }
}

function eventOf({ kind, subject, at }: Revocation) {
  if (kind === 'session') return { type: 'session.ended', session: subject } as const
  if (kind === 'tokens') return { type: 'tokens.revoked', userId: subject, at } as const
  return { type: 'user.removed', userId: subject, at } as const
}
