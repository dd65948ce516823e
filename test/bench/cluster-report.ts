import type { Settings } from './cluster-backends.ts'
import type { NodeMetrics } from './cluster-metrics.ts'
import type { ClusterLoad } from './load.ts'
import { faultsOf } from './scenarios.ts'
import { ratioOf, type Spread, spreadOf } from './statistics.ts'

/** What is measured, and the name of what it is compared with. */
export interface Setup {
  name: string
  title: string
  base: string
  nodes: number
  /** Or else SQLite; or else no Redis. */
  postgres?: boolean
  redis?: boolean
  /** Both of a room are on one node; or else on two, and every message goes from one to the other. */
  isTogether?: boolean
  /** Each node has as many people as one alone; or else all nodes together have. */
  isGrown?: boolean
  /** What no goal is about: only the long form has it. */
  isExtra?: boolean
}

export type ClusterResult = ClusterLoad & NodeMetrics

export interface ClusterReport {
  settings: Settings
  runs: number
  /** By the setup's name. */
  load: Record<string, ClusterSummary>
  ratios: Record<string, ClusterRatios>
}

/** To the setup `base` in the same round; above 1 is better for throughput, and worse for all others. */
export interface ClusterRatios {
  base: string
  throughput: Spread
  /** Of the nodes; and of the nodes, Redis and PostgreSQL. */
  cpu: Spread
  allCpu: Spread
  p99: Spread
}

export interface ClusterSummary {
  title: string
  messagesPerSecond: Spread
  /** From the sending until the other person has it. */
  p50Ms: Spread
  p99Ms: Spread
  longestMs: Spread
  /** Microseconds of CPU time a message: of all nodes, of Redis, of all PostgreSQL's processes, of all three. */
  cpuMicros: Spread
  redisMicros: Spread
  postgresMicros: Spread
  allMicros: Spread
  /** Where a node heard another one. */
  hintLagMs: { p50: Spread; p99: Spread } | undefined
  /** Percent of the messages that a node read from the database, since a later one was there before their hint. */
  repaired: Spread
  lost: number
  doubled: number
  errors: number
  /** Percent: taken from both cores by the hypervisor; of the servers' core, spent waiting for the disk. */
  steal: Spread
  diskWait: Spread
  raw: ClusterResult[]
}

export function clusterReportOf(
  setups: Setup[],
  results: Map<string, ClusterResult[]>,
  { settings, runs }: Pick<ClusterReport, 'settings' | 'runs'>,
): ClusterReport {
  const load: ClusterReport['load'] = {}
  const ratios: ClusterReport['ratios'] = {}
  for (const { name, title, base } of setups) {
    const raw = results.get(name) ?? []
    load[name] = summaryOf(title, raw)
    if (name !== base) ratios[name] = { base, ...ratiosOf(raw, results.get(base) ?? []) }
  }
  return { settings, runs, load, ratios }
}

const redisMicros = (one: ClusterResult) => one.beside_us_per_msg[0] ?? 0
const postgresMicros = (one: ClusterResult) => one.beside_us_per_msg[1] ?? 0
const allMicros = (one: ClusterResult) => one.srv_us_per_msg + redisMicros(one) + postgresMicros(one)

function summaryOf(title: string, raw: ClusterResult[]): ClusterSummary {
  const spread = (pick: (result: ClusterResult) => number) => spreadOf(raw.map(pick))
  const sum = (kind: keyof ReturnType<typeof faultsOf>) => raw.reduce((all, one) => all + faultsOf(one)[kind], 0)
  const lags = raw.flatMap(({ hintLag }) => hintLag ?? [])
  return {
    title,
    messagesPerSecond: spread((one) => one.msgs_s),
    p50Ms: spread((one) => one.peer.p50),
    p99Ms: spread((one) => one.peer.p99),
    longestMs: spread((one) => one.peer.max),
    cpuMicros: spread((one) => one.srv_us_per_msg),
    redisMicros: spread(redisMicros),
    postgresMicros: spread(postgresMicros),
    allMicros: spread(allMicros),
    hintLagMs:
      lags.length === 0
        ? undefined
        : { p50: spreadOf(lags.map(({ p50 }) => p50)), p99: spreadOf(lags.map(({ p99 }) => p99)) },
    repaired: spread(({ repaired, stored }) => (100 * repaired) / Math.max(1, stored)),
    lost: sum('lost'),
    doubled: sum('doubled'),
    errors: sum('errors'),
    steal: spread((one) => one.steal),
    diskWait: spread((one) => one.core0_iowait),
    raw,
  }
}

const ratiosOf = (raw: ClusterResult[], base: ClusterResult[]) => ({
  throughput: ratioOf(raw, base, (one) => one.msgs_s),
  cpu: ratioOf(raw, base, (one) => one.srv_us_per_msg),
  allCpu: ratioOf(raw, base, allMicros),
  p99: ratioOf(raw, base, (one) => one.peer.p99),
})
