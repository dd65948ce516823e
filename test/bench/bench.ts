import { copyFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { loadChannels } from './channels.ts'
import { measureCluster, mostPairs } from './cluster.ts'
import type { ClusterReport } from './cluster-report.ts'
import { DOCUMENT, whyNotWritten, writeFigures } from './document.ts'
import { overFanout } from './fanout.ts'
import { overGrowth } from './growth.ts'
import { measureRest } from './idle.ts'
import { compileLoad } from './load.ts'
import { type Choice, choose, type Part } from './parts.ts'
import { type Report, reportOf } from './report.ts'
import { overPages, overRest } from './rest.ts'
import { measureRestart } from './restart.ts'
import { print } from './rows.ts'
import { runInTurns, type Scenario } from './scenarios.ts'
import { seedAll, seedPairs, seedReader, seedRoom, seedTalks } from './seed.ts'
import { overSockets } from './sockets.ts'
import { machineLine, sectionsOf } from './table.ts'
import { ROOT, Workbench } from './workbench.ts'

const HELP = `bun run bench [--runs 3] [--seconds 3] [--json FILE] [--binary FILE] [--doc FILE] [--channels] [--only PART,PART]

  --runs      rounds; what is no goal, or is not very noisy, is in one or two of three
  --seconds   measured time of a run
  --json      write all figures there
  --binary    measure this one instead of building dist/parley
  --doc       write the tables there, between its markers, instead of docs/benchmarks.md; only a run of all parts writes them
  --channels  stop at once where Django Channels is not installed, instead of leaving it out
  --only      of the parts, these: idle, sockets, fanout, channels, pages, growth, http, restart, cluster;
              cluster alone is its long form
`

async function main(): Promise<number> {
  const { values } = parseArgs({ options: OPTIONS })
  if (values.help) {
    console.log(HELP)
    return 0
  }
  const runs = positive('runs', values.runs)
  const seconds = positive('seconds', values.seconds)
  const choice = choose(values.only, values.channels ? ['channels'] : [])
  const bench = new Workbench()
  console.log(machineLine(bench.machine))
  for (const [part, why] of Object.entries(choice.skipped)) console.log(`without ${part}: ${why}`)
  compileLoad()
  // A copy, so that whoever builds meanwhile does not change what is measured.
  const binary = bench.place('parley')
  copyFileSync(values.binary === undefined ? build() : resolve(values.binary), binary)

  const report = await measure(bench, { binary, choice, runs, seconds })
  for (const section of sectionsOf(report)) print(section)
  if (values.json !== undefined) await Bun.write(values.json, `${JSON.stringify(report, null, 2)}\n`)
  await write(report, resolve(values.doc))
  return report.clean ? 0 : 1
}

async function write(report: Report, path: string): Promise<void> {
  const name = relative(process.cwd(), path)
  const why = whyNotWritten(report)
  if (why === undefined) await writeFigures(path, report)
  console.log(why === undefined ? `\n${name} is written` : `\n${name} is left as it was: ${why}`)
}

interface Wanted {
  binary: string
  choice: Choice
  runs: number
  seconds: number
}

async function measure(bench: Workbench, wanted: Wanted): Promise<Report> {
  const { binary, runs, seconds } = wanted
  const { parts, skipped } = wanted.choice
  const date = new Date().toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric' })
  const usual = [...parts].some((part) => part !== 'cluster')
    ? await measureOne(bench, wanted)
    : { lines: [], results: new Map(), rest: undefined, restart: undefined }
  const cluster = parts.has('cluster') ? await measureNodes(bench, wanted) : undefined
  return reportOf({
    ...{ machine: bench.machine, date, version: versionOf(binary), command: commandOf(wanted), runs, seconds, skipped },
    ...{ ...usual, cluster, tookSeconds: performance.now() / 1000 },
  })
}

async function measureNodes(bench: Workbench, { binary, choice, runs, seconds }: Wanted): Promise<ClusterReport> {
  const isLong = choice.isLongCluster
  step('one node and several')
  const pairs = await seedPairs(bench, mostPairs({ isLong }))
  bench.stepAside()
  return measureCluster(bench, { binary, pairs, runs, seconds, isLong })
}

const versionOf = (binary: string) => Bun.spawnSync([binary, '--version']).stdout.toString().trim()

/** What changes a figure of what it was told. */
const commandOf = ({ runs, seconds }: Wanted) => `bun run bench --runs ${runs} --seconds ${seconds}`

/** One server, in all that is usually measured. */
async function measureOne(bench: Workbench, wanted: Wanted) {
  const { binary, runs } = wanted
  const { parts } = wanted.choice
  step('seeding')
  const seeds = await seedAll(bench)
  const scenarios = await scenariosOf(bench, seeds, wanted)
  bench.stepAside()
  if (parts.has('idle')) step('start and rest')
  const rest = parts.has('idle') ? await measureRest(bench, binary, seeds) : undefined
  if (scenarios.length > 0) step('load')
  const results = await runInTurns(scenarios, runs)
  if (parts.has('restart')) step('restart')
  const restart = parts.has('restart') ? await measureRestart(bench, binary, seeds.crowd) : undefined
  const lines = scenarios.flatMap((scenario) => scenario.lines)
  return { lines, results, rest, restart }
}

/** Stored in each of 100 rooms; and ten times as many. */
const STORED_A_ROOM = 1000

async function scenariosOf(bench: Workbench, seeds: Awaited<ReturnType<typeof seedAll>>, wanted: Wanted) {
  const { binary, seconds } = wanted
  const has = (part: Part) => wanted.choice.parts.has(part)
  const sockets = overSockets(bench, { binary, seeds, seconds })
  const plain = sockets.filter(({ lines }) => lines.some(({ name }) => name === 'parley'))
  const scenarios: Scenario[] = has('sockets') ? sockets : has('channels') ? plain : []
  if (has('channels')) {
    const line = { part: 'channels', name: 'channels', title: 'A  Django Channels', base: 'parley' } as const
    scenarios.push({ lines: [line], run: async () => [await loadChannels(bench, seconds)], rounds: 1 })
  }
  if (has('fanout')) scenarios.push(...overFanout(bench, { binary, room: await seedRoom(bench), seconds }))
  if (has('growth')) {
    const talks = await seedTalks(bench, STORED_A_ROOM)
    const longTalks = await seedTalks(bench, 10 * STORED_A_ROOM)
    scenarios.push(...overGrowth(bench, { binary, talks, longTalks, seconds }))
  }
  if (has('pages')) {
    const shops = [await seedReader(bench, 100, 1000), await seedReader(bench, 10_000, 1_000_000)]
    scenarios.push(overPages(bench, shops, { binary, seconds }))
  }
  if (has('http')) scenarios.push(overRest(bench, { binary, pairs: seeds.pairs, seconds }))
  return scenarios
}

const OPTIONS = {
  runs: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '3' },
  json: { type: 'string' },
  binary: { type: 'string' },
  doc: { type: 'string', default: DOCUMENT },
  channels: { type: 'boolean', default: false },
  only: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 100) throw new Error(`--${name} takes a number from 1 to 100`)
  return value
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
