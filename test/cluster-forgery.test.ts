import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { Redis } from 'ioredis'
import { App, Seen } from './support/app-client.ts'
import { AppSocket } from './support/app-socket.ts'
import { type Cluster, startCluster } from './support/cluster.ts'

// Whoever can write to Redis, and is no node, has nothing to say.

setDefaultTimeout(60_000)

let cluster: Cluster
let redis: Redis
/** What nodes have said to each other, where they said it. */
const heard = new Seen<{ channel: string; envelope: string }>()
beforeAll(async () => {
  cluster = await startCluster({ env: { PARLEY_LIMITS: 'off' } })
  redis = new Redis(cluster.redis.url)
  const ears = redis.duplicate()
  ears.on('pmessage', (_, channel, envelope) => heard.add({ channel, envelope }))
  await ears.psubscribe('*')
})
afterAll(async () => {
  redis.disconnect()
  await cluster[Symbol.asyncDispose]()
})

const [here, there] = [() => cluster.node(0), () => cluster.node(1)]
const forged = () => there().metric('parley_hints_forged_total')

/** Before the JSON of an envelope: the seal, the node, the time. */
const headOf = (envelope: string) => envelope.slice(0, envelope.indexOf('{'))
const textOf = (envelope: string) => envelope.slice(envelope.indexOf('{'))
const channelOf = async (end: RegExp) =>
  ((await redis.pubsub('CHANNELS', '*')) as string[]).filter((channel) => end.test(channel))

/** A room with a device on each node; and the last word about it that one of these told the other, which was not forged. */
async function listening() {
  const pair = await cluster.pair()
  const { owner, customer, roomId } = pair
  const [minji, joon] = [await App.open(here(), owner), await App.open(there(), customer)]
  const his = await joon.room(roomId)
  await minji.send(roomId, 'the first one')
  await his.texts(1)
  const isIt = ({ envelope }: { envelope: string }) =>
    envelope.includes('message.created') && envelope.includes(pair.owner.id)
  const word = (await heard.until((all) => all.some(isIt))).findLast(isIt)
  const [everybody] = await channelOf(/everybody$/)
  if (!word || !everybody) throw new Error('nothing was heard')
  const close = () => {
    minji.client.disconnect()
    joon.client.disconnect()
  }
  return { ...pair, minji, joon, his, word, everybody, [Symbol.dispose]: close }
}

type Listening = Awaited<ReturnType<typeof listening>>

/** The event with the next seq, as a node would tell it. */
const nextOf = ({ word }: Listening): string => {
  const event = JSON.parse(textOf(word.envelope))
  return JSON.stringify({ ...event, message: { ...event.message, seq: event.message.seq + 1, text: 'forged' } })
}

describe('a hint that no node has sent has no effect, and is counted', () => {
  test.each<[string, (room: Listening) => { channel: string; envelope: string }]>([
    ['the next message without a seal', (room) => ({ ...room.word, envelope: nextOf(room) })],
    [
      'the next message under the seal of another',
      (room) => ({ ...room.word, envelope: headOf(room.word.envelope) + nextOf(room) }),
    ],
    [
      'the next message of a node that there is not',
      (room) => ({ ...room.word, envelope: 'A'.repeat(43) + 'f'.repeat(16) + Date.now() * 1000 + nextOf(room) }),
    ],
    ['a word of this room, told to everybody', ({ word, everybody }) => ({ ...word, channel: everybody })],
    [
      'who hides',
      ({ everybody, customer, word }) => ({
        channel: everybody,
        envelope: headOf(word.envelope) + JSON.stringify({ type: 'user.hid', userId: customer.id, isHidden: true }),
      }),
    ],
    ['nothing at all', ({ word }) => ({ ...word, envelope: '' })],
    ['what is no text', ({ word }) => ({ ...word, envelope: '\u0000\ud800'.repeat(100) })],
  ])('%s', async (_, forge) => {
    using room = await listening()
    const { roomId, minji, his, customer } = room
    const before = await forged()
    const { channel, envelope } = forge(room)
    expect(await redis.publish(channel, envelope)).toBeGreaterThan(0)
    // Redis has told both nodes by now, and they hear in order.
    const { seq } = await minji.send(roomId, 'the true one')
    expect(seq).toBe(2)
    expect(await his.texts(2)).toEqual(['the first one', 'the true one'])
    expect(await forged()).toBe(before + 1)
    expect(await (await customer.get('/api/me/presence')).json()).toEqual({ hidden: false })
  })

  test('a command for a stream of the other node, in the words of no node', async () => {
    using room = await listening()
    const before = await forged()
    const channels = await channelOf(/node:[0-9a-f]+$/)
    expect(channels).toHaveLength(2)
    const data = JSON.stringify({ session: 'none', data: '{"id":1,"ping":{}}' })
    for (const channel of channels) {
      await redis.publish(channel, 'A'.repeat(43) + 'f'.repeat(16) + Date.now() * 1000 + data)
    }
    await room.minji.send(room.roomId, 'the true one')
    await room.his.texts(2)
    expect(await forged()).toBe(before + 1)
  })
})

test('what a node has said is no news when somebody says it again', async () => {
  using room = await listening()
  const { roomId, minji, his, word } = room
  const before = await forged()
  for (const _ of [1, 2, 3]) await redis.publish(word.channel, word.envelope)
  await minji.send(roomId, 'the second one')
  expect(await his.texts(2)).toEqual(['the first one', 'the second one'])
  expect(his.entries.items.map(({ offset }) => offset)).toEqual([1, 2])
  expect(await forged()).toBe(before + 3)
})

test('[LV86] nor does it show somebody who hides by now', async () => {
  using room = await listening()
  const { roomId, owner, customer, joon } = room
  using witness = await AppSocket.open(there(), owner)
  const isListed = async () => {
    const { presence } = await witness.ask('presence', { channel: `room:${roomId}` })
    return Object.values(presence?.presence ?? {}).some(({ user }) => user === customer.id)
  }
  const hide = async (hidden: boolean) => customer.at(here()).put('/api/me/presence', { hidden })
  const said =
    (hidden: boolean) =>
    ({ envelope }: { envelope: string }) =>
      envelope.includes(`"userId":"${customer.id}"`) && envelope.includes(`"isHidden":${hidden}`)
  await hide(true)
  await hide(false)
  const shown = (await heard.until((all) => all.some(said(false)))).find(said(false))
  await hide(true)
  await heard.until((all) => all.filter(said(true)).length === 2)
  await redis.publish(shown?.channel ?? '', shown?.envelope ?? '')
  // What comes after it.
  await room.minji.send(roomId, 'the second one')
  await room.his.texts(2)
  expect(joon.id).not.toBe('')
  expect(await isListed()).toBe(false)
})
