import { copyFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { MOST_PAIRS, measureCluster } from './cluster.ts'
import { measureRest } from './idle.ts'
import { compileLoad } from './load.ts'
import { type Report, reportOf } from './report.ts'
import { measureRestart } from './restart.ts'
import { overRest, overSockets, runInTurns } from './scenarios.ts'
import { seedAll, seedPairs } from './seed.ts'
import { machineLine, printReport } from './table.ts'
import { ROOT, Workbench } from './workbench.ts'

const HELP = `bun run bench [--runs 3] [--seconds 5] [--json FILE] [--binary FILE] [--only PART,PART]

  --runs     runs of each scenario
  --seconds  measured time of a run
  --json     write all figures there
  --binary   measure this one instead of building dist/parley
  --only     of the parts, these: idle, sockets, http, restart; or cluster, which needs PostgreSQL and Redis
`

async function main(): Promise<number> {
  const { values } = parseArgs({ options: OPTIONS })
  if (values.help) {
    console.log(HELP)
    return 0
  }
  const runs = positive('runs', values.runs)
  const seconds = positive('seconds', values.seconds)
  const parts = partsOf(values.only)
  const bench = new Workbench()
  console.log(machineLine(bench.machine))
  compileLoad()
  // A copy, so that whoever builds meanwhile does not change what is measured.
  const binary = bench.place('parley')
  copyFileSync(values.binary === undefined ? build() : resolve(values.binary), binary)

  const report = await measure(bench, binary, { parts, runs, seconds })
  printReport(report)
  if (values.json !== undefined) await Bun.write(values.json, `${JSON.stringify(report, null, 2)}\n`)
  return report.clean ? 0 : 1
}

const USUAL = ['idle', 'sockets', 'http', 'restart'] as const
const PARTS = [...USUAL, 'cluster'] as const
type Part = (typeof PARTS)[number]

interface Wanted {
  parts: Set<Part>
  runs: number
  seconds: number
}

async function measure(bench: Workbench, binary: string, { parts, runs, seconds }: Wanted): Promise<Report> {
  const report = { machine: bench.machine, runs, seconds }
  const usual = USUAL.some((part) => parts.has(part))
    ? await measureOne(bench, binary, { parts, runs, seconds })
    : { lines: [], results: new Map(), rest: undefined, restart: undefined }
  if (!parts.has('cluster')) return reportOf({ ...report, ...usual, cluster: undefined })
  step('one node and several: seeding')
  const pairs = await seedPairs(bench, MOST_PAIRS)
  bench.stepAside()
  return reportOf({ ...report, ...usual, cluster: await measureCluster(bench, { binary, pairs, runs, seconds }) })
}

/** One server, in all that is usually measured. */
async function measureOne(bench: Workbench, binary: string, { parts, runs, seconds }: Wanted) {
  step('seeding: 5,400 people, 17,800 rooms, 200,000 messages')
  const seeds = await seedAll(bench)
  bench.stepAside()
  if (parts.has('idle')) step('start and rest')
  const rest = parts.has('idle') ? await measureRest(bench, binary, seeds) : undefined
  const load = { binary, seeds, seconds }
  const scenarios = [
    ...(parts.has('sockets') ? overSockets(bench, load) : []),
    ...(parts.has('http') ? [overRest(bench, load)] : []),
  ]
  if (scenarios.length > 0) step('load')
  const results = await runInTurns(scenarios, runs)
  if (parts.has('restart')) step('restart')
  const restart = parts.has('restart') ? await measureRestart(bench, binary, seeds.crowd) : undefined
  const lines = scenarios.flatMap((scenario) => scenario.lines)
  return { lines, results, rest, restart }
}

const OPTIONS = {
  runs: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '5' },
  json: { type: 'string' },
  binary: { type: 'string' },
  only: { type: 'string', default: USUAL.join() },
  help: { type: 'boolean', short: 'h' },
} as const

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 100) throw new Error(`--${name} takes a number from 1 to 100`)
  return value
}

function partsOf(only: string): Set<Part> {
  const named = only.split(',')
  const stranger = named.find((name) => !PARTS.some((part) => part === name))
  if (stranger !== undefined) throw new Error(`--only takes ${PARTS.join(', ')}, not ${stranger}`)
  return new Set(PARTS.filter((part) => named.includes(part)))
}

function build(): string {
  step('building dist/parley')
  const { success, stderr } = Bun.spawnSync([process.execPath, 'run', 'build'], { cwd: ROOT, stdin: 'ignore' })
  if (!success) throw new Error(`bun run build failed:\n${stderr.toString()}`)
  return resolve(ROOT, 'dist/parley')
}

const step = (what: string) => console.error(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${what}`)

process.exit(
  await main().catch((error: unknown) => {
    console.error(`bench: ${error instanceof Error ? error.message : error}`)
    return 1
  }),
)
