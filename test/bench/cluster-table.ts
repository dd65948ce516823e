import type { ClusterRatios, ClusterReport, ClusterSummary } from './cluster-report.ts'
import { print, spread } from './rows.ts'
import type { Machine } from './workbench.ts'

interface Run {
  machine: Machine
  runs: number
  seconds: number
}

export function printCluster({ settings, load, ratios }: ClusterReport, { machine, runs, seconds }: Run): void {
  console.log(`\nScenario A on one node and on several: median [range] of ${runs} interleaved runs of ${seconds} s`)
  console.log(machine.pinned ? PINNED : NOT_PINNED)
  console.log(`SQLite ${settings.sqlite}; PostgreSQL ${settings.postgres}`)
  console.log(`Redis ${settings.redis}; ${settings.isSameDisk ? SAME_DISK : OTHER_DISK}\n`)
  print([HEADER, ...Object.values(load).map(row)])
  print([CPU_HEADER, ...Object.values(load).map(cpuRow)])
  for (const [base, compared] of Map.groupBy(Object.entries(ratios), ([, { base }]) => base)) {
    const rows = compared.map(([name, ratio]) => ratioRow(load[name]?.title ?? name, ratio))
    print([[`to ${load[base]?.title ?? base}`, 'throughput', 'CPU × (nodes)', 'CPU × (all)', 'p99 ×'], ...rows])
  }
}

const PINNED =
  'All nodes, Redis and PostgreSQL have core 0 together, the generator has core 1: messages/s cannot grow with the nodes here.\n' +
  'What counts is CPU µs a message (P14).'
const NOT_PINNED =
  'NOT PINNED: all nodes, Redis, PostgreSQL and the generator share the cores. Trust CPU µs a message alone.'
const SAME_DISK = 'PostgreSQL and SQLite are on the same disk'
const OTHER_DISK = 'PostgreSQL AND SQLITE ARE ON DIFFERENT DISKS'

const HEADER = [
  ...['', 'messages/s', 'p50 ms to the other', 'p99 ms', 'longest ms'],
  ...['hint lag p50 ms', 'p99 ms', 'read again %'],
  ...['lost', 'doubled', 'errors', 'disk wait %', 'steal %'],
]

const row = (one: ClusterSummary) => [
  one.title,
  spread(one.messagesPerSecond, 0),
  ...[one.p50Ms, one.p99Ms, one.longestMs].map(oneDigit),
  one.hintLagMs ? oneDigit(one.hintLagMs.p50) : '–',
  one.hintLagMs ? oneDigit(one.hintLagMs.p99) : '–',
  oneDigit(one.repaired),
  ...[one.lost, one.doubled, one.errors].map(String),
  spread(one.diskWait, 0),
  spread(one.steal, 0),
]

const CPU_HEADER = ['CPU µs a message', 'nodes', 'Redis', 'PostgreSQL', 'all']

const cpuRow = ({ title, cpuMicros, redisMicros, postgresMicros, allMicros }: ClusterSummary) => [
  title,
  ...[cpuMicros, redisMicros, postgresMicros, allMicros].map(oneDigit),
]

const oneDigit = (value: Parameters<typeof spread>[0]) => spread(value, 1)

const ratioRow = (title: string, { throughput, cpu, allCpu, p99 }: ClusterRatios) => [
  title,
  ...[throughput, cpu, allCpu, p99].map((ratio) => spread(ratio, 2)),
]
