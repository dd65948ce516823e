import { clusterSection } from './cluster-table.ts'
import type { Rest } from './idle.ts'
import { PARTS, type Part } from './parts.ts'
import type { Ratios, Report, Summary } from './report.ts'
import type { Restart } from './restart.ts'
import { type Section, spread, type Table } from './rows.ts'
import { type Spread, spreadOf } from './statistics.ts'
import { type Figure, isMet, type Judgement } from './verdict.ts'
import type { Machine } from './workbench.ts'

export function machineLine({ cores, cpu, bun, sqlite, kernel, pinned }: Machine): string {
  const pins = pinned ? 'server and generator on a core each' : 'NOT PINNED: figures of different runs do not compare'
  return `${cores} cores of ${cpu}, Linux ${kernel}, Bun ${bun} with SQLite ${sqlite}; ${pins}`
}

/** The whole report, by whoever shows it. */
export function sectionsOf(report: Report): Section[] {
  const { rest, restart, cluster } = report
  const loads = LOADS.filter((part) => Object.values(report.load).some((one) => one.part === part))
  return [
    verdictSection(report),
    ...(rest ? [section('idle', [], [restTable(rest)])] : []),
    ...loads.map((part) => loadSection(part, report)),
    ...(restart ? [section('restart', [], [[RESTART_HEADER, restartRow(restart)]])] : []),
    ...(cluster ? [clusterSection(cluster, report)] : []),
  ]
}

const section = (part: Part, notes: string[], tables: Table[]): Section => ({ title: PARTS[part], notes, tables })

const LOADS: Part[] = ['sockets', 'fanout', 'channels', 'pages', 'growth', 'http']

/** What is to be known of a part beside its figures. */
const NOTES: Partial<Record<Part, string>> = {
  sockets:
    '200 senders, each of which sends its next 100 characters when its last message came back; flushed each time.',
  fanout: 'Four of the sockets send, as above; every message goes to all of them.',
  channels: 'The same as A. It loses messages when many come at once; those are not counted against this run.',
  pages: '64 kept connections, each of which asks for its next page when its last one came; pages of 30.',
  growth:
    '200 sockets as in A. In the first two lines a message goes to a random room of its sender, and back to the sender alone.',
  http: '64 kept connections, each of which sends its next 100 characters when the last were answered.',
}

function loadSection(part: Part, report: Report): Section {
  const lines = Object.values(report.load).filter((one) => one.part === part)
  const notes = [NOTES[part] ?? '', busiest(lines), ...slowNote(lines)].filter((note) => note !== '')
  return section(part, notes, [loadTable(lines), ...ratioTables(part, report)])
}

/** What the generator could do at most: it is not what limits a line, unless this comes near to all of its core. */
function busiest(lines: Summary[]): string {
  const [most] = lines.toSorted((a, b) => b.generatorBusy.median - a.generatorBusy.median)
  if (!most) return ''
  const { title, generatorBusy, messagesPerSecond, deliveriesPerSecond } = most
  const ceiling = Math.round((100 * (deliveriesPerSecond ?? messagesPerSecond).median) / generatorBusy.median)
  const what = deliveriesPerSecond ? 'deliveries' : 'answers'
  return `The generator took at most ${generatorBusy.median.toFixed(0)} % of its core (${title.trim()}): it could do about ${ceiling.toLocaleString('en')} ${what} a second there.`
}

/** Whether it was one: what is not read has to become too much for the server within the run. */
function slowNote(lines: Summary[]): string[] {
  const runs = lines.flatMap(({ raw }) => raw.flatMap(({ slow_cut }) => slow_cut ?? []))
  const cut = runs.filter((wasCut) => wasCut).length
  return runs.length === 0
    ? []
    : [`The one that stopped reading was closed by the server in ${cut} of ${runs.length} runs.`]
}

function loadTable(lines: Summary[]): Table {
  const isOverSockets = lines.some(({ deliveriesPerSecond }) => deliveriesPerSecond !== undefined)
  const what = isOverSockets ? 'message' : 'answer'
  const header = [
    ...['', `${what}s/s`, ...(isOverSockets ? ['deliveries/s'] : []), `CPU µs a${isOverSockets ? '' : 'n'} ${what}`],
    ...['p50 ms', 'p99 ms', ...(isOverSockets ? ['p99 ms to others'] : []), 'lost', 'doubled', 'errors'],
    ...['generator %', 'disk wait %', 'steal %', 'runs'],
  ]
  const row = (one: Summary) => [
    ...[one.title, whole(one.messagesPerSecond), ...(isOverSockets ? [maybe(one.deliveriesPerSecond, 0)] : [])],
    ...[one.cpuMicros, one.p50Ms, one.p99Ms].map((value) => spread(value, 1)),
    ...(isOverSockets ? [maybe(one.peerP99Ms, 1)] : []),
    ...[one.lost, one.doubled, one.errors].map(String),
    ...[one.generatorBusy, one.diskWait, one.steal].map(whole),
    String(one.raw.length),
  ]
  return [header, ...lines.map(row)]
}

const whole = (value: Spread) => spread(value, 0)
const maybe = (value: Spread | undefined, digits: number) => (value === undefined ? '–' : spread(value, digits))

/** To each line that others are compared with. */
function ratioTables(part: Part, { load, ratios }: Report): Table[] {
  const own = Object.entries(ratios).filter(([name]) => load[name]?.part === part)
  const titleOf = (name: string) => load[name]?.title ?? name
  return [...Map.groupBy(own, ([, { base }]) => base)].map(([base, compared]) => [
    [`to ${titleOf(base)}`, 'throughput', 'CPU (more is better)', 'p50 ×', 'p99 ×'],
    ...compared.map(([name, ratio]) => ratioRow(titleOf(name), ratio)),
  ])
}

const ratioRow = (title: string, { throughput, cpu, p50, p99 }: Ratios) => [
  title,
  ...[throughput, cpu, p50, p99].map((ratio) => spread(ratio, ratio.median < 0.1 ? 4 : 2)),
]

const restTable = ({ bare, parley }: { bare: Rest; parley: Rest }): Table => [
  [
    '',
    'start to first socket s',
    'RSS MB',
    'own',
    'mapped',
    'KiB a connection (2,000 idle)',
    'app socket, three rooms',
  ],
  restRow('bare Bun', bare),
  restRow('Parley', parley),
]

const restRow = (name: string, { startMs, memory, connectionKib, appConnectionKib }: Rest) => [
  name,
  spread(spreadOf(startMs), 3, 1000),
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

function verdictSection({ verdict, clean, runs, seconds }: Report): Section {
  const notes = [
    `Medians [ranges] of up to ${runs} interleaved runs of ${seconds} s; the ratio is that of the medians, its range that within a round.`,
    clean ? 'Nothing was lost, doubled or refused.' : 'MESSAGES WERE LOST, DOUBLED OR REFUSED.',
  ]
  const header = ['', 'measured', 'first release', 'goal', 'rates, CPU µs a message']
  return { title: 'Verdict', notes, tables: [[header, ...verdict.map(verdictRow)]] }
}

function verdictRow(judgement: Judgement): string[] {
  const { name, value, unit, isBetter, first, goal, figures } = judgement
  const says = (limit: number) => {
    const asked = `${isBetter === 'more' ? '≥' : '≤'} ${limit}`
    return typeof value === 'string' ? asked : `${asked}: ${isMet(value.median, judgement, limit) ? 'met' : 'MISSED'}`
  }
  const measured = typeof value === 'string' ? `– (${value})` : `${spread(value, 2)} ${unit}`
  return [name, measured, says(first), goal === undefined ? '' : says(goal), figures.map(figureText).join('; ')]
}

function figureText({ title, perSecond, deliveriesPerSecond, cpuMicros }: Figure): string {
  const rate = (value: Spread) => Math.round(value.median).toLocaleString('en')
  const deliveries = deliveriesPerSecond ? ` (${rate(deliveriesPerSecond)} deliveries)` : ''
  return `${title}: ${rate(perSecond)}/s${deliveries}, ${cpuMicros.median.toFixed(1)} µs`
}
