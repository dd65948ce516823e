import type { ClusterReport } from './cluster-report.ts'
import type { Rest } from './idle.ts'
import type { LoadResult } from './load.ts'
import type { Restart } from './restart.ts'
import { faultsOf, type Line } from './scenarios.ts'
import { ratioOf, type Spread, spreadOf } from './statistics.ts'
import { type Judgement, verdictOf } from './verdict.ts'
import type { Machine } from './workbench.ts'

export interface Report {
  machine: Machine
  runs: number
  seconds: number
  /** By the scenario's name. */
  load: Record<string, Summary>
  /** To the line `base` in the same round; above 1 is better than that for the first two, worse for p99. */
  ratios: Record<string, Ratios>
  /** A message's CPU over REST to that of one with a session token in the same round; above 1 is worse. */
  tokens: Record<string, Spread>
  rest: { bare: Rest; parley: Rest } | undefined
  restart: Restart | undefined
  cluster: ClusterReport | undefined
  /** Nothing was lost, doubled or refused. */
  clean: boolean
  verdict: Judgement[]
}

export interface Ratios {
  base: string
  throughput: Spread
  cpu: Spread
  p99: Spread
}

export interface Summary {
  title: string
  messagesPerSecond: Spread
  cpuMicros: Spread
  p50Ms: Spread
  p99Ms: Spread
  lost: number
  doubled: number
  errors: number
  /** Percent: taken from both cores by the hypervisor; of the server's core, spent waiting for the disk. */
  steal: Spread
  diskWait: Spread
  rssKib: Spread
  raw: LoadResult[]
}

interface Measured extends Pick<Report, 'machine' | 'runs' | 'seconds' | 'rest' | 'restart' | 'cluster'> {
  lines: Line[]
  results: Map<string, LoadResult[]>
}

export function reportOf({ lines, results, ...measured }: Measured): Report {
  const load: Report['load'] = {}
  const ratios: Report['ratios'] = {}
  const tokens: Report['tokens'] = {}
  for (const { name, title, base } of lines) {
    const raw = results.get(name) ?? []
    const compared = results.get(base) ?? []
    load[name] = summaryOf(title, raw)
    if (name === base) continue
    if (base === 'restSession') tokens[name] = ratioOf(raw, compared, (one) => one.srv_us_per_msg)
    else ratios[name] = { base, ...ratiosOf(raw, compared) }
  }
  const { rest, restart, cluster } = measured
  const faulty = [...Object.values(load), ...(restart ? [restart] : []), ...Object.values(cluster?.load ?? {})]
  const clean = faulty.every(({ lost, doubled, errors }) => lost + doubled + errors === 0)
  return { ...measured, load, ratios, tokens, clean, verdict: verdictOf({ ratios, tokens, rest, restart, cluster }) }
}

function summaryOf(title: string, raw: LoadResult[]): Summary {
  const spread = (pick: (result: LoadResult) => number) => spreadOf(raw.map(pick))
  const sum = (kind: keyof ReturnType<typeof faultsOf>) => raw.reduce((all, one) => all + faultsOf(one)[kind], 0)
  return {
    title,
    messagesPerSecond: spread((one) => one.msgs_s),
    cpuMicros: spread((one) => one.srv_us_per_msg),
    p50Ms: spread((one) => one.own.p50),
    p99Ms: spread((one) => one.own.p99),
    lost: sum('lost'),
    doubled: sum('doubled'),
    errors: sum('errors'),
    steal: spread((one) => one.steal),
    diskWait: spread((one) => one.core0_iowait),
    rssKib: spread((one) => one.rss_kb),
    raw,
  }
}

const ratiosOf = (raw: LoadResult[], base: LoadResult[]) => ({
  throughput: ratioOf(raw, base, (one) => one.msgs_s),
  cpu: ratioOf(raw, base, (one) => 1 / one.srv_us_per_msg),
  p99: ratioOf(raw, base, (one) => one.own.p99),
})
