import type { Census } from './census.ts'
import { Random } from './chaos-random.ts'
import { Residents, Visitors } from './soak-people.ts'
import { type CountedServer, startCounted } from './soak-server.ts'

export interface Soak {
  seconds: number
  /** Of one round: people come, do what they do, and go. */
  roundMs?: number
  pairs?: number
  /** The longest that somebody does nothing, milliseconds. */
  pauseMs?: number
  onSample?: (sample: Sample) => void
}

/** What the server has when all visitors have gone. */
export interface Sample {
  seconds: number
  /** All that was done before. */
  operations: number
  rooms: number
  /** Those whom the marketplace has vouched for, and who were erased again. */
  strangers: number
  rss: number
  walBytes: number
  databaseBytes: number
  census: Census
}

const SETTLED_WITHIN_MS = 10_000

/** Round after round of mixed load, and what is left of each. */
export async function soak({ seconds, roundMs = 3000, pairs = 20, pauseMs = 60, onSample }: Soak) {
  await using server = await startCounted()
  const visitors = await Visitors.gather(server, pairs, new Random(1), pauseMs)
  using residents = await Residents.settle(server)
  const samples: Sample[] = []
  const startedAt = performance.now()
  const elapsed = () => (performance.now() - startedAt) / 1000
  while (elapsed() < seconds) {
    const until = performance.now() + roundMs
    await Promise.all([visitors.meet(() => performance.now() > until), residents.live(() => performance.now() > until)])
    await settled(server, residents.count)
    const sample = { seconds: elapsed(), ...(await sampleOf(server, visitors)) }
    samples.push(sample)
    onSample?.(sample)
  }
  return { samples, errors: server.errors(), residents: residents.count }
}

async function settled(server: CountedServer, residents: number) {
  const giveUpAt = performance.now() + SETTLED_WITHIN_MS
  while (true) {
    const {
      parley_connections: sockets,
      parley_live_rooms: rooms,
      parley_writes_waiting: writes,
    } = await server.gauges()
    if (sockets === residents && rooms === 0 && writes === 0) return
    if (performance.now() > giveUpAt) {
      throw new Error(`${sockets} sockets instead of ${residents}, ${rooms} live rooms and ${writes} writes are left`)
    }
    await Bun.sleep(20)
  }
}

async function sampleOf(server: CountedServer, visitors: Visitors): Promise<Omit<Sample, 'seconds'>> {
  const { process_resident_memory_bytes: rss = 0 } = await server.gauges()
  const { walBytes, databaseBytes } = server.fileSizes()
  const { operations, rooms, strangers } = visitors
  return { operations, rooms, strangers, rss, walBytes, databaseBytes, census: await server.census() }
}
