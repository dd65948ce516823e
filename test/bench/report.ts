import type { Rest } from './idle.ts'
import type { LoadResult } from './load.ts'
import { faultsOf, type Line } from './scenarios.ts'
import { median, type Spread, spreadOf } from './statistics.ts'
import type { Machine } from './workbench.ts'

export interface Report {
  machine: Machine
  runs: number
  seconds: number
  /** By the scenario's name. */
  load: Record<string, Summary>
  /** To bare Bun's scenario A in the same round; above 1 is better than bare Bun for the first two, worse for p99. */
  ratios: Record<string, { throughput: Spread; cpu: Spread; p99: Spread }>
  /** A message's CPU over REST to that of one with a session token in the same round; above 1 is worse. */
  tokens: Record<string, Spread>
  rest: { bare: Rest; parley: Rest }
  verdict: { clean: boolean; text: string }
}

interface Summary {
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

const GOALS = { ratio: 0.5, p99: 2, hostToken: 1.3, startMs: 250, rssMib: 90 }

type Judged = Pick<Report, 'load' | 'ratios' | 'tokens' | 'rest'>

interface Measured {
  machine: Machine
  runs: number
  seconds: number
  lines: Line[]
  results: Map<string, LoadResult[]>
  rest: { bare: Rest; parley: Rest }
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
    if (base === 'bare') ratios[name] = ratiosOf(raw, compared)
    else tokens[name] = ratio(raw, compared, (one) => one.srv_us_per_msg)
  }
  return { ...measured, load, ratios, tokens, verdict: verdictOf({ load, ratios, tokens, rest: measured.rest }) }
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

const ratiosOf = (raw: LoadResult[], bare: LoadResult[]) => ({
  throughput: ratio(raw, bare, (one) => one.msgs_s),
  cpu: ratio(raw, bare, (one) => 1 / one.srv_us_per_msg),
  p99: ratio(raw, bare, (one) => one.own.p99),
})

/** The ratio of the medians, and the least and the greatest of the ratios within a round. */
function ratio(raw: LoadResult[], base: LoadResult[], pick: (result: LoadResult) => number): Spread {
  const within = raw.map((one, at) => pick(one) / pick(base[at] ?? one))
  return { ...spreadOf(within), median: median(raw.map(pick)) / median(base.map(pick)) }
}

function verdictOf({ load, ratios, tokens, rest }: Judged): Report['verdict'] {
  const clean = Object.values(load).every(({ lost, doubled, errors }) => lost + doubled + errors === 0)
  const { throughput, cpu, p99 } = ratios.parley ?? { throughput: NONE, cpu: NONE, p99: NONE }
  const hostToken = tokens.restHost?.median ?? Number.NaN
  const startMs = median(rest.parley.startMs)
  const rssMib = rest.parley.memory.rss / 1024
  const parts = [
    `P1 ${says(throughput.median, throughput.median >= GOALS.ratio)} by throughput`,
    `${says(cpu.median, cpu.median >= GOALS.ratio)} by CPU (≥ 0.50)`,
    `P4 ${says(p99.median, p99.median <= GOALS.p99)} × (≤ 2)`,
    `host token ${says(hostToken, hostToken <= GOALS.hostToken)} × CPU (≤ 1.3)`,
    `P7 ${says(startMs / 1000, startMs <= GOALS.startMs)} s (≤ 0.25)`,
    `${says(rssMib, rssMib <= GOALS.rssMib, 0)} MB (≤ 90)`,
    clean ? 'nothing lost' : 'MESSAGES LOST, DOUBLED OR REFUSED',
  ]
  return { clean, text: parts.join(', ') }
}

const NONE: Spread = { median: Number.NaN, min: Number.NaN, max: Number.NaN }

const says = (value: number, isMet: boolean, digits = 2) => `${value.toFixed(digits)} ${isMet ? 'met' : 'MISSED'}`
