import { ChatError } from '../../../lib/errors.ts'
import type { StorageEvents, StorageHealth } from '../../storage.ts'
import type { Opening, Outcome, Write } from './wire.ts'

const MAX_WAITING = 8192
const MAX_WAITING_BYTES = 32 << 20
const MAX_BATCH = 512
/** Waiters of two batches, from which on telling them takes longer than flushing. */
const MANY = 64
/** Turns of the event loop: in one the frames leave, in the next one the answers come. */
const TURNS_TO_ANSWER = 2

interface Waiter {
  json: string
  resolve: (value: never) => void
  reject: (error: Error) => void
}

/**
 * The main thread's side of the writer: group commit without a timer. Whatever arrives while one commit is being
 * flushed goes into the next one.
 */
export class WriteQueue<C> {
  readonly #worker: Worker
  #waiting: Waiter[] = []
  #waitingBytes = 0
  #flight: Waiter[] = []
  #scheduled = false
  #idle: (() => void)[] = []
  #fail: (error: Error) => void = () => {}
  readonly failed = new Promise<Error>((resolve) => {
    this.#fail = resolve
  })
  readonly #events: StorageEvents
  #problem: string | undefined
  #okAt = 0
  #shippedAt = 0

  private constructor(worker: Worker, events: StorageEvents) {
    this.#worker = worker
    this.#events = events
    worker.onmessage = ({ data }: MessageEvent<string>) => this.#settle(data)
    worker.onerror = (event) => this.#stop(new Error(`the writer stopped: ${event.message}`))
  }

  static async open<C>(workerUrl: string, opening: Opening, events: StorageEvents): Promise<WriteQueue<C>> {
    const worker = new Worker(workerUrl)
    await new Promise<void>((resolve, reject) => {
      worker.onmessage = () => resolve()
      worker.onerror = (event) => reject(new Error(`the writer did not start: ${event.message}`))
      worker.postMessage(JSON.stringify(opening))
    })
    return new WriteQueue<C>(worker, events)
  }

  get health(): StorageHealth {
    return { ok: this.#problem === undefined, problem: this.#problem, waiting: this.#waiting.length }
  }

  /** Whether a commit went well within the last `ms`, and none failed since. */
  wasWellWithin(ms: number): boolean {
    return this.#problem === undefined && performance.now() - this.#okAt < ms
  }

  /** A read has met damage: the file is no sounder for writes. */
  reportDamage(code: string): void {
    this.#turn('damaged', code)
  }

  readonly write: Write<C> = (...item) =>
    new Promise((resolve, reject) => {
      if (this.#problem === 'stopped' || this.#waiting.length >= MAX_WAITING || this.#isHeavy) {
        reject(new ChatError('unavailable', { retryAfter: 1 }))
        return
      }
      const json = JSON.stringify(item)
      this.#waiting.push({ json, resolve, reject })
      this.#waitingBytes += json.length
      if (this.#flight.length === 0) this.#shipIn(1)
    })

  #shipIn(turns: number) {
    if (this.#scheduled) return
    this.#scheduled = true
    const ship = () => (--turns === 0 ? this.#ship() : void setImmediate(ship))
    setImmediate(ship)
  }

  get #isHeavy() {
    return this.#waitingBytes > MAX_WAITING_BYTES
  }

  readonly #ship = () => {
    this.#scheduled = false
    if (this.#flight.length > 0) return
    if (this.#waiting.length === 0) {
      for (const resolve of this.#idle.splice(0)) resolve()
      return
    }
    this.#flight = this.#waiting.length <= MAX_BATCH ? this.#waiting : this.#waiting.slice(0, MAX_BATCH)
    this.#waiting = this.#waiting.length <= MAX_BATCH ? [] : this.#waiting.slice(MAX_BATCH)
    const batch = `[${this.#flight.map(({ json }) => json).join(',')}]`
    this.#waitingBytes = this.#waiting.length === 0 ? 0 : this.#waitingBytes - batch.length
    this.#shippedAt = performance.now()
    this.#worker.postMessage(batch)
  }

  #settle(data: string) {
    const outcome: Outcome = JSON.parse(data)
    const flight = this.#flight
    this.#flight = []
    this.#note(outcome, flight.length)
    // Where there are many the next batch leaves first: the writer flushes it while this thread tells the waiters of the last
    // one. Where there are few it has time: whoever is told may answer at once, and then needs no flush of its own.
    if (this.#waiting.length === 0 || flight.length + this.#waiting.length >= MANY) this.#ship()
    else this.#shipIn(TURNS_TO_ANSWER)
    if ('problem' in outcome) {
      const error = new ChatError('unavailable', { retryAfter: 1, cause: new Error(outcome.code) })
      for (const { reject } of flight) reject(error)
      return
    }
    for (const [at, waiter] of flight.entries()) {
      const fault = outcome.failed[at]
      if (fault === undefined) waiter.resolve(outcome.results[at] as never)
      else waiter.reject(new Error(`a write failed: ${fault}`))
    }
  }

  #note(outcome: Outcome, writes: number) {
    if ('problem' in outcome) return this.#turn(outcome.problem, outcome.code)
    this.#turn(undefined)
    this.#okAt = performance.now()
    this.#events.onCommit?.(this.#okAt - this.#shippedAt, writes)
  }

  #turn(problem: string | undefined, code?: string) {
    // A writer that has stopped stays so. Another page may well be sound, but a damaged file does not mend itself.
    const isFinal = this.#problem === 'stopped' || (this.#problem === 'damaged' && problem !== 'stopped')
    if (isFinal || problem === this.#problem) return
    this.#problem = problem
    this.#events.onHealth?.(this.health.problem, code)
  }

  #stop(error: Error) {
    this.#turn('stopped', error.message)
    for (const { reject } of [...this.#flight, ...this.#waiting]) reject(new ChatError('unavailable', { cause: error }))
    this.#flight = []
    this.#waiting = []
    for (const resolve of this.#idle.splice(0)) resolve()
    this.#fail(error)
  }

  /** Commits what waits, then ends the thread. */
  async close(): Promise<void> {
    if (this.#problem !== 'stopped') {
      if (this.#flight.length > 0 || this.#waiting.length > 0) {
        await new Promise<void>((resolve) => this.#idle.push(resolve))
      }
      this.#problem = 'stopped'
      await new Promise((resolve) => {
        this.#worker.onmessage = resolve
        this.#worker.postMessage('close')
      })
    }
    // Its connection is closed when its thread has ended, and not before.
    const ended = new Promise((resolve) => this.#worker.addEventListener('close', resolve))
    this.#worker.terminate()
    await ended
  }
}
