/** Acts for 0, 1, 2, … in order, so many at once. Those that have begun end before it rejects. */
export async function inTurns<T>(count: number, atOnce: number, act: (at: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const work = async () => {
    while (next < count) {
      const at = next++
      try {
        results[at] = await act(at)
      } catch (error) {
        next = count
        throw error
      }
    }
  }
  const ended = await Promise.allSettled(Array.from({ length: Math.min(count, atOnce) }, work))
  for (const end of ended) if (end.status === 'rejected') throw end.reason
  return results
}

const TICK_MS = 1

/**
 * An open loop: acts so often in a second, whatever comes of it, until it is told to stop. What a slow generator does
 * late was due when it was due: `due` is that, of the clock of `performance.now()`.
 */
export function pace(perSecond: number, act: (nth: number, due: number) => void): () => void {
  const from = performance.now()
  let done = 0
  const timer = setInterval(() => {
    const until = ((performance.now() - from) * perSecond) / 1000
    for (; done < until; done++) act(done, from + (done * 1000) / perSecond)
  }, TICK_MS)
  return () => clearInterval(timer)
}
