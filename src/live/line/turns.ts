const SLICE_MS = 10
/** Each of them does one thing at least, which may take as long as all the rest. */
const RELEASED_A_TURN = 16

/**
 * So much time in one turn of the event loop for what clients ask, whoever asks it: reads are synchronous, so without this one client
 * with a long list of questions would hold up all others until the last answer.
 */
export class Turns {
  #sliceEndsAt = 0
  #isCounting = false
  readonly #waiting: (() => void)[] = []

  /** `undefined` where there is time left in this turn, and nobody waits; else resolves in its turn, or in a later one. */
  next(): Promise<void> | undefined {
    const now = performance.now()
    if (!this.#isCounting) this.#begin(now)
    if (now < this.#sliceEndsAt && this.#waiting.length === 0) return undefined
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      if (now < this.#sliceEndsAt) this.#waiting.shift()?.()
    })
  }

  #begin(now: number) {
    this.#isCounting = true
    this.#sliceEndsAt = now + SLICE_MS
    setImmediate(this.#end)
  }

  readonly #end = () => {
    this.#isCounting = false
    if (this.#waiting.length === 0) return
    this.#begin(performance.now())
    for (const next of this.#waiting.splice(0, RELEASED_A_TURN)) next()
  }
}
