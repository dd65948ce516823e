import type { ClusterReport } from './cluster-report.ts'
import type { Rest } from './idle.ts'
import type { LoadResult } from './load.ts'
import type { Part } from './parts.ts'
import type { Restart } from './restart.ts'
import { faultsOf, type Line } from './scenarios.ts'
import { ratioOf, type Spread, spreadOf } from './statistics.ts'
import { type Judgement, verdictOf } from './verdict.ts'
import type { Machine } from './workbench.ts'

export interface Report {
  machine: Machine
  /** When, and by which command; how long it took. */
  date: string
  command: string
  tookSeconds: number
  /** Parley's. */
  version: string
  runs: number
  seconds: number
  /** Parts that were not measured, and why. */
  skipped: Partial<Record<Part, string>>
  /** By the scenario's name. */
  load: Record<string, Summary>
  /** To the line `base` in the same round. */
  ratios: Record<string, Ratios>
  rest: { bare: Rest; parley: Rest } | undefined
  restart: Restart | undefined
  cluster: ClusterReport | undefined
  /** Nothing was lost, doubled or refused. */
  clean: boolean
  verdict: Judgement[]
}

/** Above 1 is better for the first two, worse for the latencies. */
export interface Ratios {
  base: string
  throughput: Spread
  cpu: Spread
  p50: Spread
  p99: Spread
}

export interface Summary {
  part: Part
  title: string
  messagesPerSecond: Spread
  deliveriesPerSecond: Spread | undefined
  cpuMicros: Spread
  /** From the sending to the sender's own echo, or to the answer. */
  p50Ms: Spread
  p99Ms: Spread
  /** From the sending until the others have it. */
  peerP99Ms: Spread | undefined
  lost: number
  doubled: number
  errors: number
  /** Percent of its core that the generator took. */
  generatorBusy: Spread
  /** Percent: taken from both cores by the hypervisor; of the server's core, spent waiting for the disk. */
  steal: Spread
  diskWait: Spread
  rssKib: Spread
  raw: LoadResult[]
}

interface Measured extends Omit<Report, 'load' | 'ratios' | 'clean' | 'verdict'> {
  lines: Line[]
  results: Map<string, LoadResult[]>
}

/** The Django Channels chat loses messages, and nobody else may. */
const MAY_LOSE: Part = 'channels'

export function reportOf({ lines, results, ...measured }: Measured): Report {
  const load: Report['load'] = {}
  const ratios: Report['ratios'] = {}
  for (const { part, name, title, base } of lines) {
    const raw = results.get(name) ?? []
    load[name] = summaryOf({ part, title }, raw)
    if (name !== base) ratios[name] = { base, ...ratiosOf(raw, results.get(base) ?? []) }
  }
  const { restart, cluster } = measured
  const own = Object.values(load).filter(({ part }) => part !== MAY_LOSE)
  const faulty = [...own, ...(restart ? [restart] : []), ...Object.values(cluster?.load ?? {})]
  const clean = faulty.every(({ lost, doubled, errors }) => lost + doubled + errors === 0)
  const report = { ...measured, load, ratios, clean }
  return { ...report, verdict: verdictOf(report) }
}

function summaryOf(line: Pick<Line, 'part' | 'title'>, raw: LoadResult[]): Summary {
  const spread = (pick: (result: LoadResult) => number) => spreadOf(raw.map(pick))
  const spreadIfAny = (pick: (result: LoadResult) => number | undefined) => {
    const values = raw.flatMap((one) => pick(one) || [])
    return values.length === 0 ? undefined : spreadOf(values)
  }
  const sum = (kind: keyof ReturnType<typeof faultsOf>) => raw.reduce((all, one) => all + faultsOf(one)[kind], 0)
  return {
    ...line,
    messagesPerSecond: spread((one) => one.msgs_s),
    deliveriesPerSecond: spreadIfAny((one) => one.deliv_s),
    cpuMicros: spread((one) => one.srv_us_per_msg),
    p50Ms: spread((one) => one.own.p50),
    p99Ms: spread((one) => one.own.p99),
    peerP99Ms: spreadIfAny((one) => one.peer?.p99),
    lost: sum('lost'),
    doubled: sum('doubled'),
    errors: sum('errors'),
    generatorBusy: spread((one) => one.gen_cpu_pct),
    steal: spread((one) => one.steal),
    diskWait: spread((one) => one.core0_iowait),
    rssKib: spread((one) => one.rss_kb),
    raw,
  }
}

const ratiosOf = (raw: LoadResult[], base: LoadResult[]) => ({
  throughput: ratioOf(raw, base, (one) => one.msgs_s),
  cpu: ratioOf(raw, base, (one) => 1 / one.srv_us_per_msg),
  p50: ratioOf(raw, base, (one) => one.own.p50),
  p99: ratioOf(raw, base, (one) => one.own.p99),
})
