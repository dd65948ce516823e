import { printCluster } from './cluster-table.ts'
import type { Rest } from './idle.ts'
import type { Ratios, Report, Summary } from './report.ts'
import type { Restart } from './restart.ts'
import { print, spread } from './rows.ts'
import { median } from './statistics.ts'
import { isMet, type Judgement } from './verdict.ts'
import type { Machine } from './workbench.ts'

export function machineLine({ cores, cpu, bun, kernel, pinned }: Machine): string {
  const pins = pinned ? 'server and generator on a core each' : 'NOT PINNED: figures of different runs do not compare'
  return `${cores} cores of ${cpu}, Bun ${bun}, Linux ${kernel}; ${pins}`
}

export function printReport(report: Report): void {
  const { runs, seconds, load, ratios, tokens, rest, restart, cluster, verdict, clean } = report
  const titleOf = (name: string) => load[name]?.title ?? name
  if (Object.keys(load).length > 0) {
    console.log(
      `\nMedian [range] of ${runs} interleaved runs of ${seconds} s; 100 characters, flushed each time; 200 senders, over REST 64\n`,
    )
    print([LOAD_HEADER, ...Object.values(load).map(loadRow)])
  }
  const byBase = Map.groupBy(Object.entries(ratios), ([, { base }]) => base)
  for (const [base, compared] of byBase) {
    const rows = compared.map(([name, ratio]) => ratioRow(titleOf(name), ratio))
    print([[`to ${titleOf(base)}`, 'throughput', 'CPU', 'p99'], ...rows])
  }
  const costs = Object.entries(tokens).map(([name, cpu]) => [titleOf(name), spread(cpu, 2)])
  if (costs.length > 0) print([['to REST, session token', 'CPU ×'], ...costs])
  if (rest) print([REST_HEADER, restRow('bare Bun', rest.bare), restRow('Parley', rest.parley)])
  if (restart) print([RESTART_HEADER, restartRow(restart)])
  if (cluster) printCluster(cluster, report)
  print([['', '', 'first release', 'goal'], ...verdict.map(verdictRow)])
  console.log(clean ? 'Nothing lost.' : 'MESSAGES LOST, DOUBLED OR REFUSED')
}

const LOAD_HEADER = [
  '',
  'messages/s',
  'CPU µs a message',
  'p50 ms',
  'p99 ms',
  'lost',
  'doubled',
  'errors',
  'disk wait %',
  'steal %',
]

const loadRow = (one: Summary) => [
  one.title,
  spread(one.messagesPerSecond, 0),
  spread(one.cpuMicros, 1),
  spread(one.p50Ms, 1),
  spread(one.p99Ms, 1),
  ...[one.lost, one.doubled, one.errors].map(String),
  spread(one.diskWait, 0),
  spread(one.steal, 0),
]

const ratioRow = (title: string, { throughput, cpu, p99 }: Ratios) => [
  title,
  spread(throughput, 2),
  spread(cpu, 2),
  spread(p99, 2),
]

const REST_HEADER = [
  ...['at rest', 'start to first socket s', 'RSS MB', 'own', 'mapped'],
  ...['KiB a connection (2,000 idle)', 'app socket, three rooms'],
]

const restRow = (name: string, { startMs, memory, connectionKib, appConnectionKib }: Rest) => [
  name,
  spread({ median: median(startMs), min: Math.min(...startMs), max: Math.max(...startMs) }, 3, 1000),
  ...[memory.rss, memory.anon, memory.file].map((kib) => (kib / 1024).toFixed(0)),
  connectionKib.toFixed(1),
  appConnectionKib?.toFixed(1) ?? '–',
]

const RESTART_HEADER = [
  ...['from SIGTERM', 'process gone s', 'first socket s', 'half back s', 'all back s'],
  ...['messages', 'lost', 'doubled', 'errors', 'unrecovered'],
]

const restartRow = ({ people, goneMs, upMs, halfBackMs, backMs, ...counts }: Restart) => [
  `${people.toLocaleString('en')} app sockets`,
  ...[goneMs, upMs, halfBackMs, backMs].map((ms) => (ms / 1000).toFixed(2)),
  ...[counts.sent, counts.lost, counts.doubled, counts.errors, counts.unrecovered].map(String),
]

function verdictRow(judgement: Judgement): string[] {
  const { name, value, unit, isBetter, first, goal } = judgement
  const says = (limit: number) =>
    `${isBetter === 'more' ? '≥' : '≤'} ${limit} ${isMet(judgement, limit) ? 'met' : 'MISSED'}`
  return [name, `${value.toFixed(2)} ${unit}`, says(first), goal === undefined ? '' : says(goal)]
}
