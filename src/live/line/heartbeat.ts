/** A peer has so much of the interval to show that it is there. */
const ANSWER_WITHIN = 0.4

/** When to ping a peer, and when it has been silent for too long. Times in milliseconds of a clock that never jumps. */
export class Heartbeat {
  readonly #everyMs: number
  #pingedAt: number
  #awaitsAnswer = false

  constructor(everyMs: number, now: number) {
    this.#everyMs = everyMs
    this.#pingedAt = now
  }

  /** A pong, a frame, or something that it has read: the peer is there. */
  answered(): void {
    this.#awaitsAnswer = false
  }

  /** What is to be done at this moment. A ping that is due counts as sent. */
  due(now: number): 'nothing' | 'ping' | 'end' {
    const silence = now - this.#pingedAt
    if (this.#awaitsAnswer && silence >= this.#everyMs * ANSWER_WITHIN) return 'end'
    if (silence < this.#everyMs) return 'nothing'
    this.#pingedAt = now
    this.#awaitsAnswer = true
    return 'ping'
  }
}
