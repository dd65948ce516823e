import type { Part } from './parts.ts'
import type { Report } from './report.ts'
import { inverse, type Spread, spreadOf } from './statistics.ts'

/** A goal of the design, P1 to P14, beside what was measured. */
export interface Judgement {
  name: string
  unit: string
  isBetter: 'more' | 'less'
  /** What the first release needs; and what is wanted in the end, where that is another. */
  first: number
  goal?: number
  /** Or else why there is nothing. */
  value: Spread | string
  /** What was measured, and what it is compared with. */
  figures: Figure[]
}

export interface Figure {
  title: string
  perSecond: Spread
  deliveriesPerSecond?: Spread | undefined
  cpuMicros: Spread
}

type Measured = Omit<Report, 'verdict'>

interface Goal extends Omit<Judgement, 'value' | 'figures'> {
  part: Part
  /** Only the long form measures it: elsewhere it has no row. */
  isExtra?: true
  read(measured: Measured): Spread | undefined
  /** Lines whose rates stand beside it. */
  lines?: readonly string[]
}

const ofBare = { unit: 'of bare Bun', isBetter: 'more' } as const
const ofA = { ...ofBare, part: 'sockets', first: 0.5, goal: 0.8, lines: ['parley', 'bare'] } as const
const atRest = { part: 'idle', isBetter: 'less' } as const
const halfLoad = { part: 'sockets', unit: 'ms', isBetter: 'less', first: 10, goal: 5, lines: ['half'] } as const
const postgres = { part: 'cluster', unit: 'of SQLite', isBetter: 'more', first: 0.2, goal: 0.5 } as const

const GOALS: Goal[] = [
  { ...ofA, name: 'P1 A by throughput', read: ({ ratios }) => ratios.parley?.throughput },
  { ...ofA, name: 'P1 A by CPU', read: ({ ratios }) => ratios.parley?.cpu },
  ...manySockets('P2 B, one room with 100 sockets', 100),
  ...manySockets('P2 F, one room with 500 sockets', 500),
  {
    name: 'P3 A to Django Channels',
    part: 'channels',
    unit: '× as many',
    isBetter: 'more',
    first: 100,
    goal: 250,
    read: ({ ratios }) => ratios.channels && inverse(ratios.channels.throughput),
    lines: ['parley', 'channels'],
  },
  {
    name: 'P4 A, p99',
    part: 'sockets',
    unit: '× bare Bun',
    isBetter: 'less',
    first: 2,
    goal: 1.3,
    read: ({ ratios }) => ratios.parley?.p99,
    lines: ['parley', 'bare'],
  },
  { ...halfLoad, name: 'P5 half of A’s rate, p99 to the sender', read: ({ load }) => load.half?.p99Ms },
  { ...halfLoad, name: 'P5 half of A’s rate, p99 to the other', read: ({ load }) => load.half?.peerP99Ms },
  {
    ...{ ...atRest, name: 'P6 idle plain socket', unit: 'KiB', first: 10, goal: 5 },
    read: ({ rest }) => one(rest?.parley.connectionKib),
  },
  {
    ...{ ...atRest, name: 'P6 idle app socket, three rooms', unit: 'KiB', first: 12, goal: 8 },
    read: ({ rest }) => one(rest?.parley.appConnectionKib),
  },
  {
    ...{ ...atRest, name: 'P7 start to first socket', unit: 's', first: 0.25, goal: 0.1 },
    read: ({ rest }) => rest && spreadOf(rest.parley.startMs.map((ms) => ms / 1000)),
  },
  {
    ...{ ...atRest, name: 'P7 memory at rest', unit: 'MB', first: 90, goal: 60 },
    read: ({ rest }) => rest && one(rest.parley.memory.rss / 1024),
  },
  ...pages('P8 inbox, 10,000 rooms to 100', 'inbox', 4, 1.5),
  ...pages('P8 history, 1,000,000 messages to 1,000', 'history', 2, 1.2),
  ...itself('P9 app socket', ['app', 'parley'], { part: 'sockets', unit: 'of plain', first: 0.7, goal: 0.9 }),
  ...itself('P10 ten times as many rooms', ['wide', 'narrow'], {
    part: 'growth',
    unit: 'of itself',
    first: 0.8,
    goal: 0.95,
  }),
  ...itself('P10 ten times as much stored', ['long', 'short'], {
    part: 'growth',
    unit: 'of itself',
    first: 0.8,
    goal: 0.95,
  }),
  {
    name: 'P11 restart, all back',
    part: 'restart',
    unit: 's',
    isBetter: 'less',
    first: 15,
    goal: 8,
    read: ({ restart }) => one(restart && restart.backMs / 1000),
  },
  {
    name: 'P12 B beside a slow consumer, p99',
    part: 'fanout',
    unit: '× without it',
    isBetter: 'less',
    first: 1.5,
    goal: 1.1,
    read: ({ ratios }) => ratios.slow?.p99,
    lines: ['slow', 'long100'],
  },
  {
    ...{ ...postgres, name: 'P13 PostgreSQL, A by throughput', lines: ['postgres', 'sqlite'] },
    read: ({ cluster }) => cluster?.ratios.postgres?.throughput,
  },
  {
    ...{ ...postgres, name: 'P13 PostgreSQL, A by CPU of all', lines: ['postgres', 'sqlite'] },
    read: ({ cluster }) => cluster?.ratios.postgres && inverse(cluster.ratios.postgres.allCpu),
  },
  ...severalNodes('P14 two nodes', 'two'),
  ...severalNodes('P14 two nodes, a room on one', 'twoTogether', true),
  ...severalNodes('P14 two nodes, with twice the people', 'twoGrown', true),
  ...severalNodes('P14 three nodes', 'three'),
  ...severalNodes('P14 three nodes, a room on one', 'threeTogether', true),
  ...severalNodes('P14 three nodes, with three times the people', 'threeGrown', true),
  {
    name: 'host token (HS256, kept), CPU',
    part: 'http',
    unit: '× session',
    isBetter: 'less',
    first: 1.3,
    read: ({ ratios }) => ratios.restHost && inverse(ratios.restHost.cpu),
    lines: ['restHost', 'restSession'],
  },
]

function manySockets(name: string, sockets: number): Goal[] {
  const line = `parley${sockets}`
  const limits = { ...ofBare, part: 'fanout', first: 0.8, goal: 0.95, lines: [line, `bare${sockets}`] } as const
  return byBoth(name, line, limits)
}

function pages(name: string, kind: string, first: number, goal: number): Goal[] {
  const [many, few] = [`${kind}1`, `${kind}0`]
  const limits = { part: 'pages', unit: '× itself', isBetter: 'less', first, goal, lines: [many, few] } as const
  return [
    { ...limits, name: `${name}, p50`, read: ({ ratios }) => ratios[many]?.p50 },
    { ...limits, name: `${name}, CPU`, read: ({ ratios }) => ratios[many] && inverse(ratios[many].cpu) },
  ]
}

type Limits = Pick<Goal, 'part' | 'unit' | 'first' | 'goal'>

function itself(name: string, lines: [string, string], limits: Limits): Goal[] {
  return byBoth(name, lines[0], { ...limits, isBetter: 'more', lines })
}

function byBoth(name: string, line: string, limits: Omit<Goal, 'name' | 'read'>): Goal[] {
  return [
    { ...limits, name: `${name}, by throughput`, read: ({ ratios }) => ratios[line]?.throughput },
    { ...limits, name: `${name}, by CPU`, read: ({ ratios }) => ratios[line]?.cpu },
  ]
}

/** What a message takes on several nodes: of their CPU, and of that of all, with PostgreSQL's and Redis'. */
function severalNodes(name: string, line: string, isLong = false): Goal[] {
  const limits = { part: 'cluster', unit: '× one node', isBetter: 'less', first: 2, goal: 1.4 } as const
  const shared = { ...limits, lines: [line, 'one'], ...(isLong ? { isExtra: true as const } : {}) }
  return [
    { ...shared, name: `${name}, CPU`, read: ({ cluster }) => cluster?.ratios[line]?.cpu },
    { ...shared, name: `${name}, CPU of all`, read: ({ cluster }) => cluster?.ratios[line]?.allCpu },
  ]
}

const one = (value: number | undefined): Spread | undefined => (value === undefined ? undefined : spreadOf([value]))

/** Every goal, also those of which nothing was measured. */
export const verdictOf = (measured: Measured): Judgement[] =>
  GOALS.flatMap(({ read, part, lines = [], isExtra, ...goal }) => {
    const value = read(measured)
    if (value === undefined && isExtra) return []
    const figures = value === undefined ? [] : lines.flatMap((line) => figureOf(measured, line) ?? [])
    return [{ ...goal, value: value ?? measured.skipped[part] ?? 'not measured', figures }]
  })

function figureOf({ load, cluster }: Measured, name: string): Figure | undefined {
  const own = load[name]
  if (own) {
    const { title, messagesPerSecond: perSecond, cpuMicros, part } = own
    return { title, perSecond, cpuMicros, deliveriesPerSecond: part === 'fanout' ? own.deliveriesPerSecond : undefined }
  }
  const line = cluster?.load[name]
  return line && { title: line.title, perSecond: line.messagesPerSecond, cpuMicros: line.allMicros }
}

export const isMet = (value: number, { isBetter }: Judgement, limit: number): boolean =>
  isBetter === 'more' ? value >= limit : value <= limit
