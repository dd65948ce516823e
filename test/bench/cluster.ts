import { Backends } from './cluster-backends.ts'
import { countsOf, relaysAreUp, since } from './cluster-metrics.ts'
import { type ClusterReport, type ClusterResult, clusterReportOf, type Setup } from './cluster-report.ts'
import { loadNodes } from './load.ts'
import { closedLoop } from './scenarios.ts'
import { PAIRS, type Seeded } from './seed.ts'
import { type Server, startNode } from './servers.ts'
import type { Workbench } from './workbench.ts'

const SETUPS: Setup[] = [
  { name: 'sqlite', title: 'SQLite', base: 'sqlite', nodes: 1 },
  { name: 'sqliteRedis', title: 'SQLite, Redis', base: 'sqlite', nodes: 1, redis: true, isExtra: true },
  { name: 'sqliteTwo', title: 'SQLite, two nodes, apart', base: 'sqlite', nodes: 2, redis: true, isExtra: true },
  { name: 'postgres', title: 'PostgreSQL', base: 'sqlite', nodes: 1, postgres: true },
  { name: 'one', title: 'PostgreSQL, Redis', base: 'postgres', nodes: 1, postgres: true, redis: true },
  ...severalNodes('two', 2),
  ...severalNodes('three', 3),
]

function severalNodes(name: string, nodes: number): Setup[] {
  const setup = { base: 'one', nodes, postgres: true, redis: true }
  const title = `PostgreSQL, ${name} nodes`
  return [
    { ...setup, name, title: `${title}, apart` },
    { ...setup, name: `${name}Together`, title: `${title}, together`, isTogether: true, isExtra: true },
    { ...setup, name: `${name}Grown`, title: `${title}, apart, as many people on each`, isGrown: true, isExtra: true },
  ]
}

/** As many pairs are needed for the setup with the most people. */
export const mostPairs = ({ isLong }: Pick<Measured, 'isLong'>): number => (isLong ? 3 * PAIRS : PAIRS)

interface Measured {
  binary: string
  pairs: Seeded
  runs: number
  seconds: number
  /** With all setups, after longer warming up, in every round; or else what the goals need, in two of three. */
  isLong: boolean
}

/** Scenario A on one node and on several, each run with fresh processes and fresh data, one setup after the other. */
export async function measureCluster(bench: Workbench, measured: Measured): Promise<ClusterReport> {
  await using backends = await Backends.start(bench, measured.pairs)
  const results = new Map<string, ClusterResult[]>()
  const setups = SETUPS.filter(({ isExtra }) => measured.isLong || !isExtra)
  const runs = measured.isLong ? measured.runs : Math.ceil((2 * measured.runs) / 3)
  for (let round = 1; round <= runs; round++) {
    for (const setup of setups) {
      const result = await measureOne(bench, backends, { ...measured, setup })
      results.set(setup.name, [...(results.get(setup.name) ?? []), result])
      const rate = `${Math.round(result.msgs_s)}/s, ${result.srv_us_per_msg} µs`
      console.error(`  run ${round} of ${runs}  ${setup.title.padEnd(40)} ${rate}`)
    }
  }
  return clusterReportOf(setups, results, { settings: backends.settings, runs })
}

async function measureOne(
  bench: Workbench,
  backends: Backends,
  { setup, binary, pairs, seconds, isLong }: Measured & { setup: Setup },
): Promise<ClusterResult> {
  const data = await backends.place(setup)
  const warmup = setup.nodes * (isLong ? WARMUP_A_NODE.long : WARMUP_A_NODE.short)
  const nodes: Server[] = []
  try {
    for (let at = 0; at < setup.nodes; at++) {
      nodes.push(await startNode(bench, binary, { dataDir: data.dataDir, door: pairs.door }, data.env))
    }
    await relaysAreUp(nodes)
    const { redis, postgres } = backends.pids
    const [load, before] = await Promise.all([
      loadNodes(bench, nodes, { beside: [redis, postgres], args: argsOf(setup, pairs, { warmup, seconds }) }),
      Bun.sleep(1000 * warmup).then(() => countsOf(nodes)),
    ])
    return { ...load, ...since(before, await countsOf(nodes)) }
  } finally {
    for (const node of nodes) await node.stop()
    await data.remove()
  }
}

/** Seconds. Until its code is compiled, a quarter of a node's CPU time is the compiler's; and nodes share a core. */
const WARMUP_A_NODE = { long: 6, short: 3 }
/** Longer than it takes until a node that was not told of a message looks for it. */
const DRAIN = 15

const argsOf = (
  { nodes, isGrown, isTogether }: Setup,
  { pairs }: Seeded,
  { warmup, seconds }: { warmup: number; seconds: number },
): string[] => [
  ...closedLoop(PAIRS * (isGrown ? nodes : 1), 2, seconds, warmup),
  ...['--lines', pairs, '--drain', String(DRAIN)],
  ...(isTogether ? ['--together'] : []),
]
