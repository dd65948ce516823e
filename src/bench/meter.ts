import { createHistogram } from 'node:perf_hooks'
import type { Target, Usage } from './target.ts'

/** Milliseconds. */
export interface Latency {
  p50: number
  p99: number
  max: number
}

const LONGEST_MICROS = 3_600_000_000

/** Durations, to three digits. */
export class Latencies {
  readonly #histogram = createHistogram({ lowest: 1, highest: LONGEST_MICROS, figures: 3 })

  record(ms: number): void {
    this.#histogram.record(Math.min(LONGEST_MICROS, Math.max(1, Math.round(1000 * ms))))
  }

  get count(): number {
    return this.#histogram.count
  }

  /** `undefined` where there were none. */
  summary(): Latency | undefined {
    const { count, max } = this.#histogram
    if (count === 0) return undefined
    // A percentile is the upper end of its bucket, which may be past the longest one of all.
    const [p50 = 0, p99 = 0] = [50, 99].map((part) => Math.min(this.#histogram.percentile(part), max) / 1000)
    return { p50, p99, max: max / 1000 }
  }
}

/** What something took. CPU is in cores: 1 is one core all of the time. */
export interface Cost {
  /** Where the server tells. */
  server?: { cpu: number; residentBytes: number }
  generatorCpu: number
}

/** Looks at the server and at this process, and at both again. */
export class Meter {
  readonly #target: Target
  readonly #before: Usage | undefined
  readonly #at = performance.now()
  readonly #own = process.cpuUsage()

  private constructor(target: Target, before: Usage | undefined) {
    this.#target = target
    this.#before = before
  }

  static async start(target: Target): Promise<Meter> {
    return new Meter(target, await target.usage())
  }

  async stop(): Promise<Cost> {
    const { user, system } = process.cpuUsage(this.#own)
    const generatorCpu = (user + system) / 1000 / (performance.now() - this.#at)
    const after = await this.#target.usage()
    if (!after || !this.#before) return { generatorCpu }
    const cpu = ((after.cpuSeconds - this.#before.cpuSeconds) * 1000) / (performance.now() - this.#at)
    return { server: { cpu, residentBytes: after.residentBytes }, generatorCpu }
  }
}
