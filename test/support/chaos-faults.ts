import type { Random } from './chaos-random.ts'
import type { Cluster, ClusterNode, Engine } from './cluster.ts'

type Target = 'redis' | 'postgres' | 'node'

interface Kind {
  name: string
  target: Target
  /** How long it is away, in milliseconds. */
  away: [least: number, most: number]
  strike: (cluster: Cluster, node: ClusterNode) => unknown
  mend: (cluster: Cluster, node: ClusterNode) => unknown
}

const KINDS: Kind[] = [
  {
    name: 'redis is killed',
    target: 'redis',
    away: [0, 2500],
    strike: ({ redis }) => redis.kill(),
    mend: ({ redis }) => redis.start(),
  },
  {
    name: 'redis is paused',
    target: 'redis',
    // Past what a node waits for its own word, too.
    away: [200, 4500],
    strike: ({ redis }) => redis.pause(),
    mend: ({ redis }) => redis.resume(),
  },
  {
    name: "redis' clients are killed",
    target: 'redis',
    away: [0, 0],
    strike: ({ redis }) => redis.killClients(),
    mend() {},
  },
  {
    name: 'node is killed',
    target: 'node',
    away: [0, 1500],
    strike: (_, node) => node.stop('SIGKILL'),
    mend: (_, node) => node.start(20_000),
  },
  {
    name: 'node is told to stop',
    target: 'node',
    away: [0, 500],
    strike: (_, node) => node.stop('SIGTERM'),
    mend: (_, node) => node.start(20_000),
  },
]

const OF_POSTGRES: Kind[] = [
  {
    name: 'postgres crashes',
    target: 'postgres',
    away: [0, 1000],
    strike: ({ postgres }) => postgres?.stop('immediate'),
    mend: ({ postgres }) => postgres?.start(),
  },
  {
    name: 'postgres is paused',
    target: 'postgres',
    away: [100, 2000],
    strike: ({ postgres }) => postgres?.pause(),
    mend: ({ postgres }) => postgres?.resume(),
  },
]

export interface Fault {
  /** Milliseconds from the beginning. */
  at: number
  kind: Kind
  node: number
  forMs: number
}

/** The same for the same seed. */
export function planFaults(random: Random, { ms, engine, nodes }: { ms: number; engine: Engine; nodes: number }) {
  const kinds = engine === 'postgres' ? [...KINDS, ...OF_POSTGRES] : KINDS
  const faults: Fault[] = []
  for (let at = random.between(100, 800); at < ms; at += random.between(100, 1200)) {
    const kind = random.pick(kinds)
    faults.push({ at, kind, node: random.between(0, nodes - 1), forMs: random.between(...kind.away) })
  }
  return faults
}

export const describeFault = ({ at, kind, node, forMs }: Fault): string =>
  `${at} ms: ${kind.target === 'node' ? kind.name.replace('node', `node ${node}`) : kind.name}, for ${forMs} ms`

/** Strikes at its time, or when the one before has been mended that struck the same; resolves when all are mended. */
export async function strikeAll(cluster: Cluster, faults: readonly Fault[]): Promise<void> {
  const busy = new Map<string, Promise<void>>()
  const startedAt = performance.now()
  for (const fault of faults) {
    await Bun.sleep(Math.max(0, startedAt + fault.at - performance.now()))
    const target = fault.kind.target === 'node' ? `node ${fault.node}` : fault.kind.target
    busy.set(
      target,
      (busy.get(target) ?? Promise.resolve()).then(() => strike(cluster, fault)),
    )
  }
  await Promise.all(busy.values())
}

async function strike(cluster: Cluster, { kind, node, forMs }: Fault) {
  await kind.strike(cluster, cluster.node(node))
  await Bun.sleep(forMs)
  await kind.mend(cluster, cluster.node(node))
}
