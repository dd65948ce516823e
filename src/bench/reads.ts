import { setTimeout as pause } from 'node:timers/promises'
import type { Room } from './crowd.ts'
import { Latencies, type Latency } from './meter.ts'
import { type Target, TargetError } from './target.ts'
import { pace } from './turns.ts'

export const READS = ['history', 'inbox', 'read mark'] as const
export type ReadName = (typeof READS)[number]

export interface Read {
  name: ReadName
  perSecond: number
  latency: Latency | undefined
  /** By the error's code. */
  refused: Record<string, number>
}

interface Plan {
  /** Of all three together, in a second. */
  rate: number
  warmUpSeconds: number
  seconds: number
  signal: AbortSignal
}

/** The end of any room: a mark moves no further. */
const END = 1_000_000_000

/** Pages of history, inboxes and read marks over REST, in turn, in an open loop. */
export async function read(target: Target, rooms: readonly Room[], plan: Plan): Promise<Read[]> {
  const counts = READS.map((name) => ({ name, latencies: new Latencies(), refused: {} as Record<string, number> }))
  const from = performance.now() + 1000 * plan.warmUpSeconds
  const pending = new Set<Promise<void>>()
  const stop = pace(plan.rate, (nth, due) => {
    const count = counts[nth % counts.length]
    const room = rooms[Math.floor(nth / counts.length) % rooms.length]
    if (!count || !room) return
    const answered = ask(target, count.name, room).then(
      () => {
        if (due >= from) count.latencies.record(performance.now() - due)
      },
      (error) => {
        const code = error instanceof TargetError ? error.code : String(error)
        count.refused[code] = (count.refused[code] ?? 0) + 1
      },
    )
    pending.add(answered)
    void answered.finally(() => pending.delete(answered))
  })
  try {
    await pause(1000 * (plan.warmUpSeconds + plan.seconds), undefined, { signal: plan.signal })
  } finally {
    stop()
  }
  await Promise.all(pending)
  return counts.map(({ name, latencies, refused }) => {
    return { name, perSecond: latencies.count / plan.seconds, latency: latencies.summary(), refused }
  })
}

function ask(target: Target, name: ReadName, { id, people: [{ token }] }: Room): Promise<unknown> {
  if (name === 'history') return target.once('GET', `/api/rooms/${id}/messages`, { token })
  if (name === 'inbox') return target.once('GET', '/api/rooms', { token })
  return target.once('PUT', `/api/rooms/${id}/read-mark`, { token, body: { seq: END } })
}
