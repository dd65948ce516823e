import type { Rest } from './idle.ts'
import type { Report } from './report.ts'
import { median, type Spread } from './statistics.ts'
import type { Machine } from './workbench.ts'

export function machineLine({ cores, cpu, bun, kernel, pinned }: Machine): string {
  const pins = pinned ? 'server and generator on a core each' : 'NOT PINNED: figures of different runs do not compare'
  return `${cores} cores of ${cpu}, Bun ${bun}, Linux ${kernel}; ${pins}`
}

export function printReport({ runs, seconds, load, ratios, tokens, rest, verdict }: Report): void {
  console.log(
    `\nMedian [range] of ${runs} interleaved runs of ${seconds} s; 100 characters, flushed each time; 200 senders, over REST 64\n`,
  )
  const header = [
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
  const rows = Object.values(load).map((one) => [
    one.title,
    spread(one.messagesPerSecond, 0),
    spread(one.cpuMicros, 1),
    spread(one.p50Ms, 1),
    spread(one.p99Ms, 1),
    ...[one.lost, one.doubled, one.errors].map(String),
    spread(one.diskWait, 0),
    spread(one.steal, 0),
  ])
  print([header, ...rows])
  const compared = Object.entries(ratios).map(([name, { throughput, cpu, p99 }]) => [
    load[name]?.title ?? name,
    spread(throughput, 2),
    spread(cpu, 2),
    spread(p99, 2),
  ])
  print([['to A bare Bun', 'throughput', 'CPU', 'p99'], ...compared])
  const costs = Object.entries(tokens).map(([name, cpu]) => [load[name]?.title ?? name, spread(cpu, 2)])
  print([['to REST, session token', 'CPU ×'], ...costs])
  print([REST_HEADER, restRow('bare Bun', rest.bare), restRow('Parley', rest.parley)])
  console.log(verdict.text)
}

const REST_HEADER = ['at rest', 'start to first socket s', 'RSS MB', 'own', 'mapped', 'KiB a connection (2,000 idle)']

const restRow = (name: string, { startMs, memory, connectionKib }: Rest) => [
  name,
  spread({ median: median(startMs), min: Math.min(...startMs), max: Math.max(...startMs) }, 3, 1000),
  ...[memory.rss, memory.anon, memory.file].map((kib) => (kib / 1024).toFixed(0)),
  connectionKib.toFixed(1),
]

function spread({ median, min, max }: Spread, digits: number, per = 1): string {
  const [middle, low, high] = [median, min, max].map((value) => (value / per).toFixed(digits))
  return `${middle} [${low}–${high}]`
}

function print(rows: string[][]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      (column === 0 ? cell.padEnd : cell.padStart).call(cell, widths[column] ?? 0),
    )
    console.log(cells.join('  '))
  }
  console.log()
}
