const SLICE_MS = 10

/**
 * So much time in one turn of the event loop for what clients ask, whoever asks it: reads are synchronous, so without this one client
 * with a long list of questions would hold up all others until the last answer.
 */
export class Turns {
  #sliceEndsAt = 0
  #isCounting = false
  readonly #waiting: (() => void)[] = []

  /** `undefined` where there is time left in this turn; else resolves in a later one: one at a time, in order. */
  next(): Promise<void> | undefined {
    const now = performance.now()
    if (!this.#isCounting) this.#begin(now)
    if (now < this.#sliceEndsAt && this.#waiting.length === 0) return undefined
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #begin(now: number) {
    this.#isCounting = true
    this.#sliceEndsAt = now + SLICE_MS
    setImmediate(this.#end)
  }

  readonly #end = () => {
    this.#isCounting = false
    const next = this.#waiting.shift()
    if (!next) return
    this.#begin(performance.now())
    next()
  }
}
