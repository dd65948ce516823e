import type { ClusterRatios, ClusterReport, ClusterSummary } from './cluster-report.ts'
import { PARTS } from './parts.ts'
import { type Section, spread } from './rows.ts'
import type { Machine } from './workbench.ts'

interface Run {
  machine: Machine
  seconds: number
}

export function clusterSection({ settings, load, ratios, runs }: ClusterReport, { machine, seconds }: Run): Section {
  const compared = Map.groupBy(Object.entries(ratios), ([, { base }]) => base)
  const ratioTables = [...compared].map(([base, lines]) => [
    [`to ${load[base]?.title ?? base}`, 'throughput', 'CPU × (nodes)', 'CPU × (all)', 'p99 ×'],
    ...lines.map(([name, ratio]) => ratioRow(load[name]?.title ?? name, ratio)),
  ])
  return {
    title: PARTS.cluster,
    notes: [
      `Scenario A, median [range] of ${runs} interleaved runs of ${seconds} s. ${machine.pinned ? PINNED : NOT_PINNED}`,
      `SQLite ${settings.sqlite}; PostgreSQL ${settings.postgres}.`,
      `Redis ${settings.redis}; ${settings.isSameDisk ? SAME_DISK : OTHER_DISK}.`,
    ],
    tables: [
      [HEADER, ...Object.values(load).map(row)],
      [CPU_HEADER, ...Object.values(load).map(cpuRow)],
      ...ratioTables,
    ],
  }
}

const PINNED =
  'All nodes, Redis and PostgreSQL have core 0 together, the generator has core 1: messages/s cannot grow with the nodes here. ' +
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
