import type { Report } from './report.ts'
import { median } from './statistics.ts'

/** A goal of the design, P1 to P14, beside what was measured. */
export interface Judgement {
  name: string
  unit: string
  value: number
  isBetter: 'more' | 'less'
  /** What the first release needs; and what is wanted in the end, where that is another. */
  first: number
  goal?: number
}

type Measured = Pick<Report, 'ratios' | 'tokens' | 'rest' | 'restart' | 'cluster'>
type Goal = Omit<Judgement, 'value'> & { read: (measured: Measured) => number | undefined }

const GOALS: Goal[] = [
  {
    name: 'P1 A by throughput',
    unit: 'of bare Bun',
    isBetter: 'more',
    first: 0.5,
    goal: 0.8,
    read: ({ ratios }) => ratios.parley?.throughput.median,
  },
  {
    name: 'P1 A by CPU',
    unit: 'of bare Bun',
    isBetter: 'more',
    first: 0.5,
    goal: 0.8,
    read: ({ ratios }) => ratios.parley?.cpu.median,
  },
  {
    name: 'P4 A, p99',
    unit: '× bare Bun',
    isBetter: 'less',
    first: 2,
    goal: 1.3,
    read: ({ ratios }) => ratios.parley?.p99.median,
  },
  {
    name: 'P6 idle plain socket',
    unit: 'KiB',
    isBetter: 'less',
    first: 10,
    goal: 5,
    read: ({ rest }) => rest?.parley.connectionKib,
  },
  {
    name: 'P6 idle app socket, three rooms',
    unit: 'KiB',
    isBetter: 'less',
    first: 12,
    goal: 8,
    read: ({ rest }) => rest?.parley.appConnectionKib,
  },
  {
    name: 'P7 start to first socket',
    unit: 's',
    isBetter: 'less',
    first: 0.25,
    goal: 0.1,
    read: ({ rest }) => rest && median(rest.parley.startMs) / 1000,
  },
  {
    name: 'P7 memory at rest',
    unit: 'MB',
    isBetter: 'less',
    first: 90,
    goal: 60,
    read: ({ rest }) => rest && rest.parley.memory.rss / 1024,
  },
  {
    name: 'P9 app socket, A by throughput',
    unit: 'of plain',
    isBetter: 'more',
    first: 0.7,
    goal: 0.9,
    read: ({ ratios }) => ratios.app?.throughput.median,
  },
  {
    name: 'P11 restart, all back',
    unit: 's',
    isBetter: 'less',
    first: 15,
    goal: 8,
    read: ({ restart }) => restart && restart.backMs / 1000,
  },
  {
    name: 'P13 PostgreSQL, A by throughput',
    unit: 'of SQLite',
    isBetter: 'more',
    first: 0.2,
    goal: 0.5,
    read: ({ cluster }) => cluster?.ratios.postgres?.throughput.median,
  },
  {
    name: 'P13 PostgreSQL, A by CPU of all',
    unit: 'of SQLite',
    isBetter: 'more',
    first: 0.2,
    goal: 0.5,
    read: ({ cluster }) => inverse(cluster?.ratios.postgres?.allCpu.median),
  },
  ...perMessage('P14 two nodes', 'two'),
  ...perMessage('P14 two nodes, a room on one', 'twoTogether'),
  ...perMessage('P14 two nodes, with twice the people', 'twoGrown'),
  ...perMessage('P14 three nodes', 'three'),
  ...perMessage('P14 three nodes, a room on one', 'threeTogether'),
  ...perMessage('P14 three nodes, with three times the people', 'threeGrown'),
  {
    name: 'host token (HS256, kept), CPU',
    unit: '× session',
    isBetter: 'less',
    first: 1.3,
    read: ({ tokens }) => tokens.restHost?.median,
  },
]

/** What a message takes on several nodes: of their CPU, and of that of all, with PostgreSQL's and Redis'. */
function perMessage(name: string, line: string): Goal[] {
  const limits = { unit: '× one node', isBetter: 'less', first: 2, goal: 1.4 } as const
  return [
    { ...limits, name: `${name}, CPU`, read: ({ cluster }) => cluster?.ratios[line]?.cpu.median },
    { ...limits, name: `${name}, CPU of all`, read: ({ cluster }) => cluster?.ratios[line]?.allCpu.median },
  ]
}

function inverse(value: number | undefined): number | undefined {
  return value === undefined ? undefined : 1 / value
}

/** Of the goals for which something was measured. */
export const verdictOf = (measured: Measured): Judgement[] =>
  GOALS.flatMap(({ read, ...goal }) => {
    const value = read(measured)
    return value === undefined ? [] : [{ ...goal, value }]
  })

export const isMet = ({ value, isBetter }: Judgement, limit: number): boolean =>
  isBetter === 'more' ? value >= limit : value <= limit
