/** mulberry32: the same numbers for the same seed, on every machine. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export type Random = () => number

/** Box and Muller. */
export const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

/** A bounded Pareto, by its inverse: most are near `min`, and a few near `max`. */
export function pareto(random: Random, min: number, max: number, tail: number): number {
  const least = (min / max) ** tail
  return min / (1 - random() * (1 - least)) ** (1 / tail)
}

export interface Quantiles {
  mean: number
  p50: number
  p99: number
  max: number
}

export function quantiles(values: ArrayLike<number>): Quantiles {
  const sorted = Float64Array.from(values).sort()
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  const sum = sorted.reduce((all, value) => all + value, 0)
  return { mean: sum / Math.max(1, sorted.length), p50: at(0.5), p99: at(0.99), max: at(1) }
}
