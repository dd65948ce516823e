/** NaN of none. */
export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [lower, upper] = [Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2)]
  return ((sorted[lower] ?? Number.NaN) + (sorted[upper] ?? Number.NaN)) / 2
}

export interface Spread {
  median: number
  min: number
  max: number
}

/** The ratio of the medians, and the least and the greatest of the ratios within a round, in the rounds that both have. */
export function ratioOf<T>(raw: T[], base: T[], pick: (result: T) => number): Spread {
  const rounds = Math.min(raw.length, base.length)
  const [ours, theirs] = [raw.slice(0, rounds).map(pick), base.slice(0, rounds).map(pick)]
  const within = ours.map((one, at) => one / (theirs[at] ?? one))
  return { ...spreadOf(within), median: median(ours) / median(theirs) }
}

export const spreadOf = (values: number[]): Spread => ({
  median: median(values),
  min: Math.min(...values),
  max: Math.max(...values),
})

/** Of a ratio the other way round. */
export const inverse = ({ median, min, max }: Spread): Spread => ({ median: 1 / median, min: 1 / max, max: 1 / min })
