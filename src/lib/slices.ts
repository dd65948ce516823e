/** Others have their turn after so long. */
const SLICE_MS = 10

/** One after the other, and others have their turn in between. */
export async function inSlices<T>(all: Iterable<T>, work: (each: T) => Promise<void>): Promise<void> {
  let endsAt = performance.now() + SLICE_MS
  for (const each of all) {
    await work(each)
    if (performance.now() < endsAt) continue
    await new Promise(setImmediate)
    endsAt = performance.now() + SLICE_MS
  }
}
