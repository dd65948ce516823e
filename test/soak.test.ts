import { expect, test } from 'bun:test'
import { type Sample, soak } from './support/soak.ts'
import { growthIn } from './support/soak-verdict.ts'

/** 0 leaves it to another run of the same suite. */
const SECONDS = Number(process.env.SOAK_SECONDS ?? 90)

test.skipIf(SECONDS === 0)(
  `${SECONDS} s of people who come and go leave nothing behind: no sockets, rooms, topics, timers, statements, no memory`,
  async () => {
    const { samples, errors, residents } = await soak({ seconds: SECONDS })
    expect(errors).toEqual([])
    expect(samples.map(({ census }) => census.topics)).toEqual(samples.map(() => residents))
    expect(growthIn(samples)).toEqual([])
  },
  (SECONDS + 60) * 1000,
)

/** Thirty rounds of a hundred operations each. */
const rounds = (of: (operations: number) => Partial<Sample['census']['server']>): Sample[] =>
  Array.from({ length: 30 }, (_, at) => {
    const operations = (at + 1) * 100
    const heap = { bytes: 20 << 20, objects: {}, ...of(operations) }
    const file = { walBytes: 1 << 20, databaseBytes: 1 << 20 }
    const census = { server: heap, writer: { bytes: 4 << 20, objects: {} }, topics: 2 }
    return { seconds: at, operations, rooms: 0, strangers: 0, rss: 100 << 20, ...file, census }
  })

test.each<[name: string, of: Parameters<typeof rounds>[0], found: string[]]>([
  ['what wobbles', (done) => ({ objects: { Map: 50 + (done % 300) / 30 } }), []],
  ['what was kept while it warmed up', (done) => ({ objects: { Map: Math.min(done, 1000) } }), []],
  ['a timer in ten operations', (done) => ({ objects: { Timeout: done / 10 } }), ['Timeout in the server']],
  ['1,000 bytes an operation', (done) => ({ bytes: done * 1000 }), ['the heap of the server']],
])('%s: found where it is a leak', (_, of, found) => {
  expect(growthIn(rounds(of)).map((growth) => growth.replace(/:.*/, ''))).toEqual(found)
})
