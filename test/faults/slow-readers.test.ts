import { expect, test } from 'bun:test'
import { memoryOf } from '../bench/proc.ts'
import { metric, settled } from '../support/app-client.ts'
import { AppSocket, seqs } from '../support/app-socket.ts'
import type { Person } from '../support/person.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { type RunningParley, startParley } from '../support/server.ts'
import type { TestSocket } from '../support/socket.ts'

const EACH = 20
const TEXT = '한'.repeat(4000)
/** So many are sent before the next one is waited for. */
const AT_ONCE = 20

/** What 40 who don't read may cost: 1 MiB each, and what it takes to send it all. Without a bound they would have ten times as much. */
const MOST_KIB = 250_000

test('[LV31] many who never read are closed, cost little, hold nobody up, and miss nothing when they come again', async () => {
  await using server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  const { owner, customer, roomId } = await server.pair()
  using minji = await owner.connect(roomId)
  using joon = await customer.connect(roomId)
  using app = await AppSocket.open(server, customer)
  await app.subscribe(roomId)
  const stuck = await Promise.all([
    ...Array.from({ length: EACH }, () => plainOf(server, customer, roomId)),
    ...Array.from({ length: EACH }, () => appOf(server, customer, roomId)),
  ])
  expect(await metric(server, 'parley_connections')).toBe(3 + 2 * EACH)
  for (const socket of stuck) socket.stopReading()

  const before = memoryOf(server.pid).rss
  let peak = before
  let sent = 0
  const say = async () => {
    sent += await saySome(minji)
    peak = Math.max(peak, memoryOf(server.pid).rss)
  }
  while ((await metric(server, 'parley_connections')) > 3) await say()
  const [first] = stuck
  if (!first) throw new Error('nobody')
  const seen = await readRest(first)
  using back = await customer.connect(roomId, `?after=${seen.length}`)
  for (let n = 0; n < 50; n++) await say()

  expect(seen).toEqual(seqs(1, seen.length))
  expect((await back.take(sent - seen.length)).map(({ seq }) => seq)).toEqual(seqs(seen.length + 1, sent))
  expect((await joon.take(sent)).map(({ seq }) => seq)).toEqual(seqs(1, sent))
  expect(await app.entries(sent)).toEqual(seqs(1, sent))
  expect(peak - before).toBeLessThan(MOST_KIB)
  for (const socket of stuck) socket[Symbol.dispose]()
  await settled(server, 'parley_connections', (count) => count === 4)
})

async function saySome(minji: TestSocket): Promise<number> {
  for (let n = 0; n < AT_ONCE; n++) minji.send({ message: TEXT })
  await minji.take(AT_ONCE)
  return AT_ONCE
}

const plainOf = (server: RunningParley, person: Person, roomId: number) =>
  RawSocket.open(`${server.url}/ws/room/${roomId}/messages`, person.token)

async function appOf(server: RunningParley, person: Person, roomId: number): Promise<RawSocket> {
  const socket = await RawSocket.open(`${server.url}/connection/websocket`, person.token)
  socket.sendTexts(['{"id":1,"connect":{}}', `{"id":2,"subscribe":{"channel":"room:${roomId}"}}`])
  while (!(await socket.text()).includes('"id":2,"subscribe"')) {}
  return socket
}

/** The numbers of what had come as far as the kernel before it was closed. */
async function readRest(socket: RawSocket): Promise<number[]> {
  socket.readOn()
  await socket.closed
  const read: number[] = []
  while (true) {
    const text = await socket.text().catch(() => undefined)
    if (text === undefined) return read
    read.push(JSON.parse(text).seq)
  }
}
