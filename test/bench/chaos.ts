// Chaos by hand, for as long as one likes: bun test/bench/chaos.ts --engine postgres --seeds 100 --people 200 --rooms 100
// A line for each seed. One that fails is repeated with --seed N.

import { parseArgs } from 'node:util'
import { type ChaosReport, runChaos } from '../support/chaos.ts'
import { type Engine, startCluster } from '../support/cluster.ts'

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'sqlite' },
    nodes: { type: 'string' },
    seeds: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    people: { type: 'string', default: '40' },
    rooms: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '8' },
    /** Where the nodes' logs are written. */
    logs: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
})

const engine: Engine = values.engine === 'postgres' ? 'postgres' : 'sqlite'
const nodes = Number(values.nodes ?? (engine === 'postgres' ? 3 : 2))
const [first, count] = [Number(values.seed), Number(values.seeds)]

let failures = 0
for (let seed = first; seed < first + count; seed++) {
  await using cluster = await startCluster({ nodes, engine, env: { PARLEY_LIMITS: 'off' } })
  const people = Number(values.people)
  const report = await runChaos(cluster, {
    ...{ engine, seed, people },
    rooms: Number(values.rooms),
    ms: Number(values.seconds) * 1000,
  })
  print(seed, report)
  if (report.violations.length > 0) failures += 1
  if (values.logs === undefined) continue
  for (const [at, node] of cluster.nodes.entries()) await Bun.write(`${values.logs}/seed-${seed}-${at}.log`, node.text)
}
console.log(failures === 0 ? 'Nothing was lost.' : `${failures} of ${count} seeds failed.`)
process.exit(failures === 0 ? 0 : 1)

function print(seed: number, { violations, faults, messages, repeats, seconds }: ChaosReport) {
  const result = violations.length === 0 ? 'ok' : 'FAILED'
  console.log(
    `seed ${seed} ${result}: ${messages} messages, ${repeats} sent again, ${faults.length} faults, ${seconds.toFixed(1)} s`,
  )
  if (violations.length > 0 || values.verbose) {
    console.log([...faults, ...violations.slice(0, 20)].map((line) => `  ${line}`).join('\n'))
  }
}
