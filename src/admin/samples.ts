import type { Sample } from './model.ts'

/** What is read when it is asked for. */
export interface Readings {
  connections: number
  people: number
  liveRooms: number
  /** Stored through this node since it started. */
  messages: number
  writesWaiting: number
  rssBytes: number
}

interface Deps {
  /** Milliseconds since 1970, and since the start. */
  now: () => number
  uptime: () => number
}

export const SAMPLE_MS = 5000
/** A quarter of an hour. */
const SAMPLES_KEPT = 180

const NOT_YET: Readings = { connections: 0, people: 0, liveRooms: 0, messages: 0, writesWaiting: 0, rssBytes: 0 }

/** What is measured over some time: it is told once that is over. */
type Measured = Pick<Sample, 'messagesPerSecond' | 'commitP50Ms' | 'commitP99Ms' | 'eventLoopLagMs'>
const NOTHING: Measured = { messagesPerSecond: 0, commitP50Ms: 0, commitP99Ms: 0, eventLoopLagMs: 0 }

/** How this node has done lately, for the charts of the console: one sample each five seconds. */
export class Samples {
  readonly #deps: Deps
  readonly #history: Sample[] = []
  readonly #commits = new Latencies()
  #worstLagMs = 0
  #since: { at: number; messages: number }
  #read = (): Readings => NOT_YET

  constructor(deps: Deps) {
    this.#deps = deps
    this.#since = { at: deps.uptime(), messages: 0 }
  }

  /** What is there to be read. */
  watch(read: () => Readings): void {
    this.#read = read
  }

  readonly onCommit = (ms: number): void => this.#commits.add(ms)

  /** Called by the server's timer, which knows how late it was. */
  tick(lagMs: number): void {
    this.#worstLagMs = Math.max(this.#worstLagMs, lagMs)
    if (this.#deps.uptime() - this.#since.at < SAMPLE_MS) return
    const readings = this.#read()
    this.#history.push({ at: new Date(this.#deps.now()).toISOString(), ...shown(readings), ...this.#measure(readings) })
    if (this.#history.length > SAMPLES_KEPT) this.#history.shift()
  }

  #measure({ messages }: Readings): Measured {
    const at = this.#deps.uptime()
    const seconds = (at - this.#since.at) / 1000
    const measured = {
      messagesPerSecond: rounded((messages - this.#since.messages) / seconds),
      commitP50Ms: rounded(this.#commits.quantile(0.5)),
      commitP99Ms: rounded(this.#commits.quantile(0.99)),
      eventLoopLagMs: rounded(this.#worstLagMs),
    }
    this.#since = { at, messages }
    this.#commits.clear()
    this.#worstLagMs = 0
    return measured
  }

  /** Oldest first. */
  get history(): readonly Sample[] {
    return this.#history
  }

  /** As it is now; what takes time to measure is of the last sample. */
  now(): Omit<Sample, 'at'> & { messagesTotal: number } {
    const { at: _, ...last } = this.#history.at(-1) ?? { at: '', ...NOTHING }
    const readings = this.#read()
    return { ...last, ...shown(readings), messagesTotal: readings.messages }
  }
}

const shown = ({ messages: _, ...readings }: Readings) => readings

const rounded = (value: number) => Math.round(value * 100) / 100

const LEAST_MS = 0.01
const STEPS_PER_DOUBLING = 8

/** Counts by steps of a twelfth or so: a quantile is right to one half of that, whatever comes. */
class Latencies {
  readonly #counts = new Uint32Array(28 * STEPS_PER_DOUBLING)
  #total = 0

  add(ms: number): void {
    const step = Math.round(Math.log2(Math.max(ms, LEAST_MS) / LEAST_MS) * STEPS_PER_DOUBLING)
    const last = this.#counts.length - 1
    this.#counts[Math.min(step, last)] = (this.#counts[Math.min(step, last)] ?? 0) + 1
    this.#total += 1
  }

  quantile(part: number): number {
    if (this.#total === 0) return 0
    let [step, passed] = [-1, 0]
    while (passed < this.#total * part) passed += this.#counts[++step] ?? this.#total
    return LEAST_MS * 2 ** (step / STEPS_PER_DOUBLING)
  }

  clear(): void {
    this.#counts.fill(0)
    this.#total = 0
  }
}
