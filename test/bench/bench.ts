import { copyFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { measureRest } from './idle.ts'
import { compileLoad } from './load.ts'
import { reportOf } from './report.ts'
import { runInTurns, scenarios } from './scenarios.ts'
import { seedMarket, seedPairs } from './seed.ts'
import { machineLine, printReport } from './table.ts'
import { ROOT, Workbench } from './workbench.ts'

const HELP = `bun run bench [--runs 3] [--seconds 5] [--json FILE] [--binary FILE]

  --runs     runs of each scenario
  --seconds  measured time of a run
  --json     write all figures there
  --binary   measure this one instead of building dist/parley
`

async function main(): Promise<number> {
  const { values } = parseArgs({ options: OPTIONS })
  if (values.help) {
    console.log(HELP)
    return 0
  }
  const runs = positive('runs', values.runs)
  const seconds = positive('seconds', values.seconds)
  const bench = new Workbench()
  console.log(machineLine(bench.machine))
  compileLoad()
  // A copy, so that whoever builds meanwhile does not change what is measured.
  const binary = bench.place('parley')
  copyFileSync(values.binary === undefined ? build() : resolve(values.binary), binary)

  step('seeding: 200 people, 10,200 rooms, 200,000 messages')
  const pairs = await seedPairs(bench)
  const market = await seedMarket(bench)
  bench.stepAside()
  step('start and rest')
  const rest = await measureRest(bench, { binary, pairs, market })
  step('load')
  const all = scenarios(bench, { binary, pairs, market, seconds })
  const results = await runInTurns(all, runs)

  const report = reportOf({
    machine: bench.machine,
    runs,
    seconds,
    lines: all.flatMap(({ lines }) => lines),
    results,
    rest,
  })
  printReport(report)
  if (values.json !== undefined) await Bun.write(values.json, `${JSON.stringify(report, null, 2)}\n`)
  return report.verdict.clean ? 0 : 1
}

const OPTIONS = {
  runs: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '5' },
  json: { type: 'string' },
  binary: { type: 'string' },
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
