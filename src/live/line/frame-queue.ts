type Frame = string | Buffer

const MAX_WAITING = 256
const MAX_WAITING_BYTES = 1 << 20

export interface FrameHandler {
  /** One frame, handled wholly before the next one. Does not fail: it tells of failures itself. */
  handle(frame: Frame): Promise<void>
}

/** One frame at a time, in the order they came: Bun starts the next handler while the last one still waits. */
export class FrameQueue {
  readonly #handler: FrameHandler
  // Held until `start`, so that a frame never overtakes what comes first.
  #state: 'held' | 'busy' | 'idle' = 'held'
  #isFinishing = false
  #waiting: Frame[] | undefined
  #waitingBytes = 0
  #onIdle: (() => void) | undefined

  constructor(handler: FrameHandler) {
    this.#handler = handler
  }

  /** `false` when more waits than may. */
  push(frame: Frame): boolean {
    if (this.#isFinishing) return true
    if (this.#state === 'idle') {
      void this.#run(frame)
      return true
    }
    this.#waiting ??= []
    this.#waiting.push(frame)
    this.#waitingBytes += frame.length
    return this.#waiting.length <= MAX_WAITING && this.#waitingBytes <= MAX_WAITING_BYTES
  }

  start(): void {
    void this.#run(this.#next())
  }

  /** Takes no more; resolves when what it has is handled. What is still held is not: nothing of it was begun. */
  finish(): Promise<void> {
    this.#isFinishing = true
    if (this.#state === 'held') this.clear()
    if (this.#state !== 'busy') return Promise.resolve()
    return new Promise((resolve) => {
      this.#onIdle = resolve
    })
  }

  clear(): void {
    this.#waiting = undefined
    this.#waitingBytes = 0
  }

  async #run(first: Frame | undefined) {
    this.#state = 'busy'
    for (let frame = first; frame !== undefined; frame = this.#next()) await this.#handler.handle(frame)
    this.#state = 'idle'
    this.#onIdle?.()
  }

  #next(): Frame | undefined {
    const frame = this.#waiting?.shift()
    if (frame !== undefined) this.#waitingBytes -= frame.length
    return frame
  }
}
