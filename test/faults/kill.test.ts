import { expect, test } from 'bun:test'
import { KillRounds } from '../support/kill-rounds.ts'

// More of it, for as long as one likes: test/bench/kill.ts.

const seed = Number(process.env.PARLEY_KILL_SEED ?? Date.now() % 1_000_000)

test.each([
  ['any moment', 4, 0],
  ['the midst of a flush', 2, 20],
])(
  'killed in %s, again and again on the same data, it has what it acknowledged, once and in order',
  async (_, count, flushMs) => {
    await using rounds = new KillRounds(flushMs)
    for (let round = seed; round < seed + count; round++) {
      const { violations, messages } = await rounds.round(round)
      expect({ seed: round, violations }).toEqual({ seed: round, violations: [] })
      expect(messages).toBeGreaterThan(0)
    }
    expect({ seed, violations: await rounds.end() }).toEqual({ seed, violations: [] })
  },
  120_000,
)
