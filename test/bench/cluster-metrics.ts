import { until } from '../support/redis.ts'
import type { Server } from './servers.ts'

/** What the nodes say of a stretch of time. */
export interface NodeMetrics {
  /** From one node's sending of a hint to another's hearing it; nothing where none was heard. */
  hintLag: { p50: number; p99: number } | undefined
  hints: number
  /** Entries that were read from the database, since their hint had not come yet when a later one was there. */
  repaired: number
  stored: number
}

/** What all of them have counted since they started. */
interface Counts extends Omit<NodeMetrics, 'hintLag'> {
  /** How many hints took at most so many seconds. */
  lags: Map<number, number>
}

/** Resolves when each of them hears the others; at once where there is no Redis. */
export async function relaysAreUp(nodes: Server[]): Promise<void> {
  for (const node of nodes)
    await until(async () => metricIn(await read(node), 'parley_relay_up') === 1, 'a relay is up')
}

export async function countsOf(nodes: Server[]): Promise<Counts> {
  const texts = await Promise.all(nodes.map(read))
  const sum = (name: string) => texts.reduce((all, text) => all + metricIn(text, name), 0)
  return {
    lags: lagsOf(texts),
    hints: sum('parley_hint_lag_seconds_count'),
    repaired: sum('parley_repaired_entries_total'),
    stored: sum('parley_messages_total'),
  }
}

function lagsOf(texts: string[]): Counts['lags'] {
  const lags: Counts['lags'] = new Map()
  for (const text of texts) {
    for (const [, limit, count] of text.matchAll(/^parley_hint_lag_seconds_bucket{le="([\d.]+)"} (\d+)$/gm)) {
      lags.set(Number(limit), (lags.get(Number(limit)) ?? 0) + Number(count))
    }
  }
  return lags
}

const read = async ({ port }: Server): Promise<string> => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()

const metricIn = (text: string, name: string): number =>
  Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0)

export function since(before: Counts, after: Counts): NodeMetrics {
  const hints = after.hints - before.hints
  const lags = new Map([...after.lags].map(([limit, count]) => [limit, count - (before.lags.get(limit) ?? 0)]))
  const quantile = (part: number) => 1000 * quantileOf(lags, part * hints)
  return {
    hintLag: hints === 0 ? undefined : { p50: quantile(0.5), p99: quantile(0.99) },
    hints,
    repaired: after.repaired - before.repaired,
    stored: after.stored - before.stored,
  }
}

/** As Prometheus' `histogram_quantile` guesses: evenly spread within a bucket; past the last one, its limit. */
function quantileOf(buckets: Counts['lags'], rank: number): number {
  let [from, below] = [0, 0]
  for (const [limit, count] of buckets) {
    if (count >= rank) return from + ((limit - from) * (rank - below)) / Math.max(1, count - below)
    from = limit
    below = count
  }
  return from
}
