import { Crowd } from './chaos-crowd.ts'
import { describeFault, planFaults, strikeAll } from './chaos-faults.ts'
import { Random } from './chaos-random.ts'
import type { ChaosRoom } from './chaos-rooms.ts'
import type { Cluster, Engine } from './cluster.ts'

export interface ChaosOptions {
  engine: Engine
  seed: number
  people: number
  rooms: number
  /** How long there are faults. */
  ms: number
}

export interface ChaosReport {
  /** What contradicts the guarantees. */
  violations: string[]
  /** What was done to the cluster, in words. */
  faults: string[]
  messages: number
  /** Sends of what had been sent before. */
  repeats: number
  seconds: number
}

const LEAST_SAID = 8
const SAID_WITHIN_MS = 40_000

/** People talk in many rooms while processes die and come back; in the end all that was promised must be true. */
export async function runChaos(cluster: Cluster, options: ChaosOptions): Promise<ChaosReport> {
  const { seed, engine, ms } = options
  const startedAt = performance.now()
  const random = new Random(seed)
  const faults = planFaults(random.branch(), { ms, engine, nodes: cluster.nodes.length })
  const crowd = await Crowd.gather(cluster, options, random.branch())
  crowd.begin(random.branch())
  // Some fall silent in the midst of it: nothing that is said later tells of what was missed before.
  const silences = crowd.rooms.map((room) => silence(room, random.between(ms / 2, ms)))
  await strikeAll(cluster, faults)
  await cluster.heal()
  await Promise.all(silences)
  const violations = await crowd.end()
  const crashes = cluster.nodes.flatMap((node) => node.crashes)
  return {
    violations: [...violations, ...crashes.map((words) => `a node has died by itself: ${words}`)],
    faults: faults.map(describeFault),
    messages: crowd.said,
    repeats: crowd.repeats,
    seconds: (performance.now() - startedAt) / 1000,
  }
}

/** Not before something was said, however long the database was away; but if nothing can be, that is found later. */
async function silence(room: ChaosRoom, afterMs: number) {
  await Bun.sleep(afterMs)
  const giveUpAt = performance.now() + SAID_WITHIN_MS
  while (room.acknowledged.length < LEAST_SAID && performance.now() < giveUpAt) await Bun.sleep(50)
  room.isSilent = true
}
