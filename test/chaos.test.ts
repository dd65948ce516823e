import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { type ChaosOptions, runChaos } from './support/chaos.ts'
import { Crowd } from './support/chaos-crowd.ts'
import { Random } from './support/chaos-random.ts'
import { type Entry, type RoomRecord, violationsIn } from './support/chaos-record.ts'
import { type Cluster, type Engine, startCluster } from './support/cluster.ts'

// Whatever dies, and whenever: what was acknowledged is there once, and everybody sees it once, in order.

setDefaultTimeout(120_000)

const LIMITS_OFF = { PARLEY_LIMITS: 'off' }

describe.each<[Engine, number]>([
  ['sqlite', 2],
  ['postgres', 3],
])('[LV60] [LV63] with %s on %d nodes', (engine, nodes) => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startCluster({ nodes, engine, env: LIMITS_OFF })
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  test.each([1, 2])('nothing is lost, and nothing comes twice: seed %d', async (seed) => {
    // Whatever the one before has left.
    await cluster.heal()
    const options: ChaosOptions = { engine, seed, people: 40, rooms: 20, ms: 4000 }
    const { violations, faults, messages } = await runChaos(cluster, options)
    expect({ violations, faults: violations.length > 0 ? faults : [] }).toEqual({ violations: [], faults: [] })
    expect(messages).toBeGreaterThan(0)
  })
})

test('[LV32] [LV92] three nodes that are started anew one after the other lose nobody and nothing', async () => {
  await using cluster = await startCluster({ nodes: 3, env: LIMITS_OFF })
  const random = new Random(7)
  const crowd = await Crowd.gather(cluster, { people: 16, rooms: 12 }, random)
  crowd.begin(random)
  for (const node of cluster.nodes) {
    await crowd.says(20)
    expect(await node.stop('SIGTERM')).toBe(0)
    await node.start()
    await node.relay(true)
  }
  await crowd.says(20)
  expect(await crowd.end()).toEqual([])
})

describe('what checks it finds', () => {
  const entry = (seq: number): Entry => ({ seq, text: `text ${seq}`, clientId: `c-${seq}` })
  const all = [1, 2, 3].map(entry)
  const sent = new Map(all.map(({ clientId, text }) => [clientId, text]))
  const sound = (): RoomRecord => ({
    ...{ roomId: 1, sent, acknowledged: all, history: all },
    seen: new Map([
      ['app', all],
      ['plain', all],
    ]),
  })
  const [one, two, three] = all as [Entry, Entry, Entry]

  test('nothing where all is well', () => {
    expect(violationsIn(sound())).toEqual([])
  })

  test.each<[string, Partial<RoomRecord>]>([
    ['a gap in the history', { history: [one, three] }],
    ['a message that was acknowledged and is not there', { history: [one, two] }],
    ['one that is there with another text', { history: [one, two, { ...three, text: 'another' }] }],
    ['one that was stored twice', { history: [...all, { ...three, seq: 4 }] }],
    ['one that nobody has sent', { history: [...all, entry(4)] }],
    ['a device that missed the last one', { seen: new Map([['app', [one, two]]]) }],
    ['a device that missed one in the middle', { seen: new Map([['app', [one, three]]]) }],
    ['a device that saw one twice', { seen: new Map([['app', [one, two, two, three]]]) }],
    ['a device that saw two in the wrong order', { seen: new Map([['app', [two, one, three]]]) }],
    ['a device that saw more than there is', { seen: new Map([['app', [...all, entry(4)]]]) }],
  ])('%s', (_, change) => {
    expect(violationsIn({ ...sound(), ...change })).not.toEqual([])
  })
})
