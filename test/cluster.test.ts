import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Message } from '../src/messages/model.ts'
import { App, type AppRoom, Seen } from './support/app-client.ts'
import { AppSocket, seqs } from './support/app-socket.ts'
import { type Cluster, type Engine, startCluster } from './support/cluster.ts'
import type { Frame, TestSocket } from './support/socket.ts'

// What one room is to its two people when they are on different nodes.

setDefaultTimeout(60_000)

/** The plain socket's frames as the app's messages. */
const messageOf = ({ room_id, seq, message, sender_id, sender_username, sent_at, client_id }: Frame) => ({
  roomId: room_id,
  seq,
  kind: 'text',
  text: message,
  sender: { id: sender_id, username: sender_username },
  createdAt: sent_at,
  clientId: client_id ?? null,
})

const ENGINES: Engine[] = ['sqlite', 'postgres']

describe.each(ENGINES)('two nodes on %s', (engine) => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startCluster({ engine, env: { PARLEY_LIMITS: 'off' } })
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  const [here, there] = [() => cluster.node(0), () => cluster.node(1)]

  test('[LV60] [LV61] all sockets of a room see what is said through either node, in one order', async () => {
    const { owner, customer, roomId } = await cluster.pair()
    using minji = await App.open(here(), owner)
    using joon = await App.open(there(), customer)
    const apps: AppRoom[] = [await minji.room(roomId), await joon.room(roomId)]
    using hers = await owner.at(there()).connect(roomId)
    using his = await customer.at(here()).connect(roomId)
    const plain: TestSocket[] = [hers, his]

    const talk = async (app: App, socket: TestSocket, name: string) => {
      for (const n of seqs(1, 25)) {
        socket.send({ message: `${name} says ${n}` })
        await app.send(roomId, `${name} taps ${n}`)
      }
    }
    await Promise.all([talk(minji, hers, 'Minji'), talk(joon, his, 'Joon')])

    for (const { entries } of apps) await entries.reached(100)
    const stored = await owner.history(roomId)
    expect(stored.map(({ seq }) => seq)).toEqual(seqs(1, 100))
    for (const { entries } of apps) expect(entries.items.map(({ data }) => data.message)).toEqual(stored)
    for (const socket of plain) expect((await socket.take(100)).map(messageOf)).toMatchObject(stored)
  })

  test('[LV63] whoever comes to the other node, which was not told yet, recovers from where they were', async () => {
    const { owner, customer, roomId } = await cluster.pair()
    const hers = await AppSocket.open(here(), owner)
    const { subscribe: place } = await hers.subscribe(roomId)
    // So that the other node has a stream of its own, that may be behind.
    using joon = await App.open(there(), customer)
    const his = await joon.room(roomId)
    let last = 0
    for (const round of seqs(1, 20)) {
      const { seq } = await hers.say(roomId, `round ${round}`)
      using again = await AppSocket.open(there(), owner)
      const wish = { recover: true, offset: seq, epoch: place?.epoch }
      const [{ subscribe }, plain] = await Promise.all([
        again.subscribe(roomId, wish),
        owner.at(there()).connect(roomId, `?after=${last}`),
      ])
      expect(subscribe).toMatchObject({ recovered: true, offset: seq })
      expect(await plain.next()).toMatchObject({ seq, message: `round ${round}` })
      plain.close()
      last = seq
    }
    hers.close()
    expect(await his.texts(20)).toEqual(seqs(1, 20).map((round) => `round ${round}`))
    expect(his.entries.items.map(({ offset }) => offset)).toEqual(seqs(1, 20))
  })

  test('[LV14] a client id that comes again through the other node stands for the first message', async () => {
    const { owner, roomId } = await cluster.pair()
    const first = await owner.send(roomId, 'once', 'c-1')
    const again = owner.at(there())
    using socket = await again.connect(roomId, '?after=0')
    await socket.next()
    using app = await App.open(there(), owner)

    const repeated = await again.post(`/api/rooms/${roomId}/messages`, { text: 'once', clientId: 'c-1' })
    expect([repeated.status, await repeated.json()]).toEqual([200, { ...first }])
    expect(await app.send(roomId, 'once', 'c-1')).toEqual(first)
    socket.send({ message: 'once', client_id: 'c-1' })
    expect(await socket.next()).toMatchObject({ seq: 1, client_id: 'c-1' })
    socket.send({ message: 'another', client_id: 'c-1' })
    expect(await socket.next()).toMatchObject({ code: 'client_id_reused' })
    expect(await owner.history(roomId)).toEqual([first])
  })

  test('[LV14] what is sent through both nodes in the same moment is stored once', async () => {
    const { owner, customer, roomId } = await cluster.pair()
    using near = await App.open(here(), owner)
    using far = await App.open(there(), owner)
    using joon = await App.open(there(), customer)
    const his = await joon.room(roomId)
    const sent = seqs(1, 40).map((n) => [near.send(roomId, `${n}`, `c-${n}`), far.send(roomId, `${n}`, `c-${n}`)])
    for (const both of sent) {
      const [one, other] = (await Promise.all(both)) as [Message, Message]
      expect(one).toEqual(other)
    }
    await his.texts(40)
    expect((await owner.history(roomId)).map(({ seq }) => seq)).toEqual(seqs(1, 40))
  })

  test('[LV5] a ticket of one node opens one socket, on whichever node it is shown first', async () => {
    const { owner, roomId } = await cluster.pair()
    const { ticket } = (await (await owner.post('/api/tickets')).json()) as { ticket: string }
    const show = async (at: number) => {
      const socket = new WebSocket(`${cluster.node(at).wsUrl}/ws/room/${roomId}/messages?ticket=${ticket}&after=x`)
      const ended = new Seen<string>()
      socket.onmessage = ({ data }) => ended.add(JSON.parse(String(data)).code)
      const [code = ''] = await ended.reached(1)
      socket.close()
      return code
    }
    const answers = await Promise.all([0, 1, 0, 1].map(show))
    expect(answers.sort()).toEqual(['replay_too_long', 'unauthenticated', 'unauthenticated', 'unauthenticated'])
  })
})
