import { databaseOf } from './scale-database.ts'
import type { Design, Inputs } from './scale-inputs.ts'
import { breaksAt, type Limit, limitsOfCluster, limitsOfOne } from './scale-limits.ts'
import { relayOf, stormOf } from './scale-relay.ts'
import { skewOf } from './scale-skew.ts'
import { cpuOf, meanLoad, memoryMib, nodesFor, sum } from './scale-traffic.ts'

export type Plan = ReturnType<typeof planOf>

/** Everything about one number of people. */
export function planOf(inputs: Inputs, design: Design, people: number) {
  const nodes = nodesFor(inputs, design, people)
  const load = meanLoad(inputs, people, nodes)
  const relay = relayOf(inputs, design, people, nodes)
  const database = databaseOf(inputs, people, nodes)
  const databases = databasesFor(inputs, database)
  // As if it were split in sixteen, where one is enough: to see what a split would do.
  const shape = { nodes, shards: relay.shards, databases: Math.max(16, databases), hints: relay.published }
  return {
    people,
    nodes,
    load,
    memoryMib: memoryMib(inputs, load),
    kernelMib: (load.sockets * inputs.kernelSocketKib) / 1024,
    cpu: cpuOf(inputs, design, load, nodes),
    relay,
    database,
    databases,
    storms: [2, 10, 60].map((seconds) => ({ seconds, ...stormOf(inputs, people, nodes, seconds) })),
    skew: skewOf(inputs, design, people, shape),
    shape,
    breaks: broken(nodes === 1 ? limitsOfOne(inputs) : limitsOfCluster(inputs, design), people),
  }
}

/** A power of two, so that each can be halved. */
function databasesFor(inputs: Inputs, { cores, storedTib, wal }: ReturnType<typeof databaseOf>): number {
  const byCores = sum(cores) / (inputs.pgCores * inputs.pgTarget)
  const needed = Math.max(byCores, storedTib / inputs.storageTib, sum(wal) / inputs.walMibASecond)
  return 2 ** Math.max(0, Math.ceil(Math.log2(needed)))
}

export interface Broken {
  name: string
  unit: string
  use: number
  capacity: number
  /** People at which it is used up. */
  at: number
}

/** What is used up first stands first. */
export function broken(limits: Limit[], people: number): Broken[] {
  return limits
    .map((limit) => ({
      name: limit.name,
      unit: limit.unit,
      use: limit.use(people),
      capacity: limit.capacity,
      at: breaksAt(limit),
    }))
    .sort((a, b) => b.use / b.capacity - a.use / a.capacity)
}
