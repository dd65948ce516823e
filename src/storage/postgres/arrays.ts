/** Array literals: one parameter for many values. The statement says what they are: `$1::int8[]`. */
export const int8s = (numbers: readonly number[]): string => `{${numbers.map(int8).join(',')}}`

/** Any texts, `NULL` and quotes and all. */
export const texts = (texts: readonly (string | null)[]): string =>
  `{${texts.map((each) => (each === null ? 'NULL' : `"${each.replaceAll(/["\\]/g, '\\$&')}"`)).join(',')}}`

export const bools = (bools: readonly boolean[]): string => `{${bools.map((each) => (each ? 't' : 'f')).join(',')}}`

/** What a client calls a seq may be any whole number; past the end is past the end. */
export const int8 = (number: number): number => Math.min(number, Number.MAX_SAFE_INTEGER)
