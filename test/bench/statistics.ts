/** Of an even number the upper one of the middle two; NaN of none. */
export const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

export interface Spread {
  median: number
  min: number
  max: number
}

/** The ratio of the medians, and the least and the greatest of the ratios within a round. */
export function ratioOf<T>(raw: T[], base: T[], pick: (result: T) => number): Spread {
  const within = raw.map((one, at) => pick(one) / pick(base[at] ?? one))
  return { ...spreadOf(within), median: median(raw.map(pick)) / median(base.map(pick)) }
}

export const spreadOf = (values: number[]): Spread => ({
  median: median(values),
  min: Math.min(...values),
  max: Math.max(...values),
})
