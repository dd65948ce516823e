import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { NOT_FOUND, refusal, statusOf } from './support/answers.ts'
import type { Door } from './support/app-client.ts'
import { seqs } from './support/app-socket.ts'
import { type Cluster, startCluster } from './support/cluster.ts'
import { RoundRobin } from './support/cluster-door.ts'
import { emulate, openOverHttp, openStream } from './support/http-stream.ts'

// [LV95] [LV96] A socket over two HTTP requests, which reach two nodes.

setDefaultTimeout(60_000)

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster({ env: { PARLEY_LIMITS: 'off' } })
})
afterAll(() => cluster[Symbol.asyncDispose]())

const [here, there] = [() => cluster.node(0), () => cluster.node(1)]
const portOf = ({ url }: Door) => Number(new URL(url).port)

test('the npm client talks through a balancer that sends each connection to the next node', async () => {
  await using door = await RoundRobin.to(cluster.nodes.map(portOf))
  const { owner, customer, roomId } = await cluster.pair()
  using minji = await openOverHttp(door, owner)
  using joon = await openOverHttp(door, customer)
  const [hers, his] = [await minji.room(roomId), await joon.room(roomId)]
  for (const n of seqs(1, 20)) {
    await minji.send(roomId, `Minji ${n}`)
    await joon.send(roomId, `Joon ${n}`)
  }
  const said = seqs(1, 20).flatMap((n) => [`Minji ${n}`, `Joon ${n}`])
  expect(await hers.texts(40)).toEqual(said)
  expect(await his.texts(40)).toEqual(said)
  expect([minji.losses.items, joon.losses.items]).toEqual([[], []])
  expect(Math.min(...door.counts)).toBeGreaterThan(0)
})

test('commands that come to the other node are done in their order, and answered on the stream', async () => {
  const { owner, customer, roomId } = await cluster.pair()
  using stream = await openStream(here(), owner)
  const { session, node } = stream
  const command = (...commands: object[]) => ({
    session,
    node,
    data: commands.map((each) => JSON.stringify(each)).join('\n'),
  })
  expect(await statusOf(emulate(there(), command({ id: 2, subscribe: { channel: `room:${roomId}` } })))).toBe(204)
  expect(await stream.next()).toMatchObject({ id: 2, subscribe: { offset: 0 } })
  const say = (id: number) => ({ id, rpc: { method: 'message.send', data: { roomId, text: `${id}` } } })
  expect(await statusOf(emulate(there(), command(...seqs(3, 12).map(say))))).toBe(204)
  const offsets: number[] = []
  const ids: number[] = []
  while (ids.length < 10) {
    const { id, push } = (await stream.next()) ?? {}
    if (push?.pub?.offset !== undefined) offsets.push(push.pub.offset)
    if (id !== undefined) ids.push(id)
  }
  expect([ids, offsets]).toEqual([seqs(3, 12), seqs(1, 10)])
  expect((await customer.history(roomId)).map(({ text }) => text)).toEqual(seqs(3, 12).map(String))
})

test('a node that there is not, and any while Redis is away, has no session', async () => {
  const minji = await cluster.person('Minji')
  using stream = await openStream(here(), minji)
  const { session, node } = stream
  const data = JSON.stringify({ id: 2, ping: {} })
  expect(await refusal(emulate(there(), { session, node: 'f'.repeat(16), data }))).toEqual(NOT_FOUND)
  expect(await statusOf(emulate(there(), { session, node, data }))).toBe(204)
  expect(await stream.next()).toMatchObject({ id: 2 })
  await cluster.redis.kill()
  await there().relay(false)
  expect(await refusal(emulate(there(), { session, node, data }))).toEqual(NOT_FOUND)
  expect(await statusOf(emulate(here(), { session, node, data }))).toBe(204)
  await cluster.heal()
})
