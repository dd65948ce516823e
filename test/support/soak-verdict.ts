import type { Heap } from './census.ts'
import type { Sample } from './soak.ts'

/** So much more in the last third than in the middle one is no leak: the collector and the compiler have their own time. */
const WOBBLE = { heapBytes: 768 << 10, rssBytes: 12 << 20, objects: 20, partOfObjects: 0.03 }
/** One object kept for so many operations is one. */
const OPERATIONS_AN_OBJECT = 100
/**
 * What a thread means to keep of each new room: the one who is in it (of the last 50,000), the other its row and the
 * newest client ids (of 16,384).
 */
const OF_A_ROOM = { bytes: 500, objects: 3 }
/** And of somebody new: the marketplace's token (of 10,000) and what is in it. */
const OF_A_STRANGER = { bytes: 1000, objects: 4 }
const KEPT = ['Object', 'string', 'Uint32Array']
/** It is merged into the database at 16,000 pages, and what a commit in between may add is small. */
const MAX_WAL_BYTES = 66 << 20

/** What of these rounds is growth: the last third of them against the middle one. The first is the warming up. */
export function growthIn(samples: readonly Sample[]): string[] {
  const third = Math.floor(samples.length / 3)
  if (third < 3) throw new Error('too few rounds to tell')
  const thirds: Thirds = { middle: samples.slice(third, -third), last: samples.slice(-third) }
  const kept = keptOnPurpose(thirds)
  const walBytes = Math.max(...samples.map((sample) => sample.walBytes))
  return [
    ...exceeding(
      'resident memory',
      grown(thirds, ({ rss }) => rss),
      WOBBLE.rssBytes + kept.bytes * 2,
    ),
    ...exceeding('the log of the database', walBytes, MAX_WAL_BYTES),
    ...heapGrowth('server', thirds, ({ census }) => census.server),
    ...heapGrowth('writer', thirds, ({ census }) => census.writer),
  ]
}

interface Thirds {
  middle: readonly Sample[]
  last: readonly Sample[]
}

type Figure = (sample: Sample) => number

function keptOnPurpose(thirds: Thirds) {
  const rooms = grown(thirds, (sample) => sample.rooms)
  const strangers = grown(thirds, (sample) => sample.strangers)
  const sum = (of: 'bytes' | 'objects') => rooms * OF_A_ROOM[of] + strangers * OF_A_STRANGER[of]
  return { bytes: sum('bytes'), objects: sum('objects') }
}

function heapGrowth(thread: string, thirds: Thirds, heapOf: (sample: Sample) => Heap): string[] {
  const operations = grown(thirds, (sample) => sample.operations)
  const kept = keptOnPurpose(thirds)
  const bytes = grown(thirds, (sample) => heapOf(sample).bytes)
  const kinds = new Set(thirds.last.flatMap((sample) => Object.keys(heapOf(sample).objects)))
  const ofKind = (kind: string) => {
    const count: Figure = (sample) => heapOf(sample).objects[kind] ?? 0
    const wobble = Math.max(WOBBLE.objects, median(thirds.middle.map(count)) * WOBBLE.partOfObjects)
    const known = KEPT.includes(kind) ? kept.objects : 0
    return exceeding(
      `${kind} in the ${thread}`,
      grown(thirds, count),
      wobble + operations / OPERATIONS_AN_OBJECT + known,
    )
  }
  return [
    ...exceeding(`the heap of the ${thread}`, bytes, WOBBLE.heapBytes + kept.bytes),
    ...[...kinds].flatMap(ofKind),
  ]
}

const exceeding = (what: string, growth: number, allowed: number): string[] =>
  growth <= allowed ? [] : [`${what}: ${Math.round(growth)} more, where ${Math.round(allowed)} would be none`]

const grown = ({ middle, last }: Thirds, figure: Figure): number =>
  median(last.map(figure)) - median(middle.map(figure))

function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[figures.length >> 1] ?? Number.NaN
}
