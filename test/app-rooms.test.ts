import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Message } from '../src/messages/model.ts'
import type { RoomPage } from '../src/rooms/model.ts'
import { openBeside } from '../src/storage/open.ts'
import { AppSocket, type Place, refused, seqs } from './support/app-socket.ts'
import { backend } from './support/marketplace.ts'
import type { Person } from './support/person.ts'
import { type RunningParley, startParley } from './support/server.ts'
import { WORKER_URL } from './support/storage.ts'

// The rooms on an app socket, to the letter.

let server: RunningParley
beforeAll(async () => {
  server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
})
afterAll(() => server[Symbol.asyncDispose]())

const channelOf = (roomId: number) => `room:${roomId}`
const publicationOf = (message: Message) => ({ data: { type: 'message.created', message }, offset: message.seq })
const pushOf = (message: Message) => ({ channel: channelOf(message.roomId), pub: publicationOf(message) })

/** A room in which `count` messages were sent, of `length` characters each. */
async function talkedIn(count: number, length = 1) {
  const pair = await server.pair()
  const texts = seqs(1, count).map((n) => `${n}`.padEnd(length, '.'))
  while (texts.length > 0) await Promise.all(texts.splice(0, 100).map((text) => pair.customer.send(pair.roomId, text)))
  return pair
}

async function open(person: Person, roomId: number, more: object = {}) {
  const socket = await AppSocket.open(server, person)
  const { subscribe, error } = await socket.subscribe(roomId, more)
  if (!subscribe) throw new Error(`not subscribed: ${error?.message}`)
  return { socket, place: subscribe, [Symbol.dispose]: () => socket.close() }
}

const EPOCH = expect.stringMatching(/^\S+$/)

describe('[LV60] an entry', () => {
  test('is a publication with its seq for an offset, for both people, the sender too', async () => {
    const { owner, customer, roomId } = await server.pair()
    using hers = await open(owner, roomId)
    using his = await open(customer, roomId)
    const message = await his.socket.say(roomId, '토요일에 가능한가요? "\\\u2028', 'c-1')
    expect(message).toEqual({
      ...{ roomId, seq: 1, kind: 'text', text: '토요일에 가능한가요? "\\\u2028', clientId: 'c-1' },
      sender: { id: customer.id, username: 'Joon' },
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    })
    for (const { socket } of [hers, his]) expect(await socket.nextOf('message.created')).toEqual(pushOf(message))
    expect(await owner.history(roomId)).toEqual([message])
  })

  test('of the marketplace’s comes as well, and is recovered', async () => {
    const { owner, roomId } = await server.pair()
    using hers = await open(owner, roomId)
    const answer = await backend(server).post(`/api/rooms/${roomId}/messages`, { text: 'The deal is closed.' })
    const message = (await answer.json()) as Message
    expect(message).toMatchObject({ kind: 'system', sender: null, seq: 1 })
    expect(await hers.socket.nextOf('message.created')).toEqual(pushOf(message))
    using again = await open(owner, roomId, { recover: true, offset: 0, epoch: hers.place.epoch })
    expect(again.place.publications).toEqual([publicationOf(message)])
  })

  test('comes to who subscribes, and not any more to who unsubscribes', async () => {
    const { owner, customer, roomId } = await server.pair()
    using hers = await open(owner, roomId)
    expect(await hers.socket.ask('unsubscribe', { channel: channelOf(roomId) })).toEqual({ id: 3, unsubscribe: {} })
    await customer.send(roomId, 'one')
    expect((await hers.socket.rest()).map(({ channel }) => channel)).not.toContain(channelOf(roomId))
    const { subscribe } = await hers.socket.subscribe(roomId)
    expect(subscribe?.offset).toBe(1)
    await customer.send(roomId, 'two')
    expect(await hers.socket.entries(1)).toEqual([2])
    // Of what one does not listen to one may go all the same.
    for (const channel of ['room:999999', `user:${owner.id}`, 'chat']) {
      expect((await hers.socket.ask('unsubscribe', { channel })).unsubscribe).toEqual({})
    }
  })

  test('comes once, however often one asks for the room: a second time is error 105', async () => {
    const { owner, customer, roomId } = await server.pair()
    using hers = await open(owner, roomId)
    expect(await hers.socket.subscribe(roomId)).toEqual(refused(3, 105, 'already_subscribed'))
    await customer.send(roomId, 'one')
    await hers.socket.entries(1)
    expect((await hers.socket.rest()).filter(({ channel }) => channel === channelOf(roomId))).toEqual([])
  })

  test.each([
    'room:0',
    'room:01',
    'room:-1',
    'room:+1',
    'room:1.0',
    'room:',
    'Room:1',
    'room:1 ',
    'room:9999999999999999',
  ])('comes from no channel such as %p', async (channel) => {
    using socket = await AppSocket.open(server, await server.person('Minji'))
    const about = { channel, data: { text: 'hi' } }
    for (const method of ['subscribe', 'publish', 'history', 'presence', 'presence_stats']) {
      expect((await socket.ask(method, about)).error?.code).toBe(102)
    }
  })
})

test('[LV61] entries come in the same order to both app sockets and the plain one, each once', async () => {
  const { owner, customer, roomId } = await server.pair()
  using hers = await open(owner, roomId)
  using his = await open(customer, roomId)
  using plain = await owner.connect(roomId)
  plain.send({ message: 'here' })
  await plain.next()
  for (const n of seqs(1, 20)) {
    hers.socket.send({ id: 100 + n, publish: { channel: channelOf(roomId), data: { text: `hers ${n}` } } })
    his.socket.send({ id: 100 + n, rpc: { method: 'message.send', data: { roomId, text: `his ${n}` } } })
    plain.send({ message: `plain ${n}` })
  }
  const frames = await plain.take(60)
  expect(frames.map(({ seq }) => seq)).toEqual(seqs(2, 61))
  for (const { socket } of [hers, his]) {
    const texts: string[] = []
    while (texts.length < 61) texts.push((await socket.nextOf('message.created')).pub?.data.message?.text ?? '')
    expect(texts.slice(1)).toEqual(frames.map(({ message = '' }) => message))
  }
})

describe('[LV62] subscribe without recover', () => {
  test('answers the place where the stream ends, and what is new follows', async () => {
    const { owner, customer, roomId } = await talkedIn(3)
    using socket = await AppSocket.open(server, owner)
    expect(await socket.subscribe(roomId)).toEqual({
      id: 2,
      subscribe: { recoverable: true, positioned: true, epoch: EPOCH, offset: 3 },
    })
    await customer.send(roomId, 'new')
    expect(await socket.entries(1)).toEqual([4])
  })

  test('answers 0 in an empty room, and takes no notice of a place', async () => {
    const { owner, roomId } = await server.pair()
    using empty = await open(owner, roomId)
    expect(empty.place.offset).toBe(0)
    using talked = await open(owner, await roomOf(owner, 2), { offset: 1, epoch: 'another' })
    expect(talked.place).toEqual({ recoverable: true, positioned: true, epoch: EPOCH, offset: 2 })
  })

  async function roomOf(owner: Person, count: number) {
    const joon = await server.person('Joon')
    const { id } = await joon.openRoom((await owner.offer('Tent')).id)
    for (const n of seqs(1, count)) await joon.send(id, `${n}`)
    return id
  }
})

describe('[LV63] recovery', () => {
  test('gives all that came after, word for word, from the client’s own place; what is new follows', async () => {
    const { owner, customer, roomId } = await talkedIn(5)
    using first = await open(owner, roomId)
    using socket = await AppSocket.open(server, owner)
    const reply = await socket.subscribe(roomId, { recover: true, offset: 2, epoch: first.place.epoch })
    expect(reply).toEqual({
      id: 2,
      subscribe: {
        ...{ recoverable: true, positioned: true, epoch: first.place.epoch, offset: 2 },
        ...{ was_recovering: true, recovered: true },
        publications: (await owner.history(roomId)).slice(2).map(publicationOf),
      },
    })
    await customer.send(roomId, 'new')
    expect(await socket.entries(1)).toEqual([6])
  })

  test('of who has missed nothing has no publications', async () => {
    const { owner, customer, roomId } = await talkedIn(2)
    using first = await open(owner, roomId)
    using again = await open(owner, roomId, { recover: true, offset: 2, epoch: first.place.epoch })
    expect(again.place).toMatchObject({ recovered: true, offset: 2 })
    expect(again.place).not.toHaveProperty('publications')
    await customer.send(roomId, 'new')
    expect(await again.socket.entries(1)).toEqual([3])
  })

  test('has no gap and no repeat while the room goes on talking', async () => {
    const { owner, customer, roomId } = await talkedIn(50)
    using talker = await open(customer, roomId)
    const { epoch } = talker.place
    const talking = (async () => {
      for (const n of seqs(51, 250)) await talker.socket.say(roomId, `${n}`)
    })()
    const joiners: { after: number; socket: AppSocket; place: Place }[] = []
    for (const after of [0, 10, 20, 30, 49, 50, 50, 50]) {
      joiners.push({ after, ...(await open(owner, roomId, { recover: true, offset: after, epoch })) })
      // They come one after another, all the while.
      await talker.socket.entries(15)
    }
    await talking
    for (const { after, socket, place } of joiners) {
      const recovered = (place.publications ?? []).map(({ offset }) => offset ?? 0)
      const rest = await socket.entries(250 - after - recovered.length)
      expect([...recovered, ...rest]).toEqual(seqs(after + 1, 250))
      socket.close()
    }
  })
})

describe('[LV64] what cannot be recovered is given up whole:', () => {
  test('more than 1,000 entries; 1,000 are recovered', async () => {
    const { owner, customer, roomId } = await server.pair()
    // Short ones: 1,000 of them have to fit into 256 KiB.
    using storage = await beside()
    const sender = { id: customer.id, username: 'J' }
    const append = (text: string) => storage.messages.append({ roomId, sender, text, clientId: null, at: 1 })
    await Promise.all(seqs(1, 1001).map((n) => append(`${n}`)))
    using all = await open(owner, roomId, { recover: true, offset: 1 })
    expect(all.place).toMatchObject({ recovered: true, offset: 1 })
    expect(all.place.publications?.map(({ offset }) => offset)).toEqual(seqs(2, 1001))
    using none = await open(owner, roomId, { recover: true, offset: 0 })
    expectGivenUp(none.place, 1001)
    await customer.send(roomId, 'new')
    expect(await none.socket.entries(1)).toEqual([1002])
  })

  test('more than 256 KiB', async () => {
    const { owner, customer, roomId } = await talkedIn(70, 4000)
    using none = await open(owner, roomId, { recover: true, offset: 0 })
    expectGivenUp(none.place, 70)
    using some = await open(owner, roomId, { recover: true, offset: 20 })
    expect(some.place.publications?.map(({ offset }) => offset)).toEqual(seqs(21, 70))
    await customer.send(roomId, 'new')
    for (const { socket } of [none, some]) expect(await socket.entries(1)).toEqual([71])
  })

  test.each([
    ['another epoch', { offset: 1, epoch: 'another' }],
    ['a place past the end', { offset: 4 }],
    ['a place far past the end', { offset: Number.MAX_SAFE_INTEGER }],
  ])('%s', async (_, place) => {
    const { owner, customer, roomId } = await talkedIn(3)
    using none = await open(owner, roomId, { recover: true, ...place })
    expectGivenUp(none.place, 3)
    await customer.send(roomId, 'new')
    expect(await none.socket.entries(1)).toEqual([4])
  })

  const expectGivenUp = (place: object, offset: number) =>
    expect(place).toEqual({
      ...{ recoverable: true, positioned: true, epoch: EPOCH, offset },
      ...{ was_recovering: true, recovered: false },
    })

  /** The storage of the server, from beside it. */
  async function beside() {
    const place = { dataDir: server.dataDir, durability: 'full' as const, workerUrl: WORKER_URL, now: Date.now }
    const storage = await openBeside(place, { mayCreate: false })
    return { ...storage, [Symbol.dispose]: () => void storage.close() }
  }
})

test.each([
  ['stays over a clean restart', 'full', 'SIGTERM', true],
  ['stays when the server is killed', 'full', 'SIGKILL', true],
  ['changes when it is killed and what it acknowledged may be gone', 'relaxed', 'SIGKILL', false],
] as const)('[LV66] the epoch %s', async (_, durability, signal, isSame) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-epoch-'))
  const env = { PARLEY_DURABILITY: durability, PARLEY_LIMITS: 'off' }
  const places: Place[] = []
  let token = ''
  let roomId = 0
  for (const end of [signal, 'SIGKILL'] as const) {
    await using each = await startParley({ dataDir, env })
    if (!token) {
      const pair = await each.pair()
      ;[token, roomId] = [pair.owner.token, pair.roomId]
      await pair.customer.send(roomId, 'one')
    }
    using socket = await AppSocket.open(each, { token })
    const wish = places[0] ? { recover: true, offset: 0, epoch: places[0].epoch } : {}
    const { subscribe } = await socket.subscribe(roomId, wish)
    if (subscribe) places.push(subscribe)
    await each.stop(end)
  }
  rmSync(dataDir, { recursive: true, force: true })
  expect(places[1]?.epoch === places[0]?.epoch).toBe(isSame)
  expect(places[1]?.recovered).toBe(isSame)
})

describe('[LV68] sending', () => {
  test('by publish is answered with nothing, by rpc with the message', async () => {
    const { owner, roomId } = await server.pair()
    using socket = await AppSocket.open(server, owner)
    expect(await socket.ask('publish', { channel: channelOf(roomId), data: { text: 'one' } })).toEqual({
      id: 2,
      publish: {},
    })
    const reply = await socket.rpc('message.send', { roomId, text: 'two' })
    expect(reply).toEqual({ id: 3, rpc: { data: (await owner.history(roomId))[1] } })
  })

  test('needs no subscription, and does not make one', async () => {
    const { owner, roomId } = await server.pair()
    using socket = await AppSocket.open(server, owner)
    await socket.say(roomId, 'one')
    expect((await socket.rest()).filter(({ channel }) => channel === channelOf(roomId))).toEqual([])
  })

  test('again with the same clientId finds the first message, by whichever way; with another text it is error 409', async () => {
    const { owner, roomId } = await server.pair()
    using hers = await open(owner, roomId)
    const channel = channelOf(roomId)
    const first = await hers.socket.say(roomId, 'once', 'c-1')
    expect(await hers.socket.say(roomId, 'once', 'c-1')).toEqual(first)
    expect((await hers.socket.ask('publish', { channel, data: { text: 'once', clientId: 'c-1' } })).publish).toEqual({})
    expect(await owner.send(roomId, 'other', 'c-2')).toMatchObject({ seq: 2 })
    const reused = await hers.socket.ask('publish', { channel, data: { text: 'more', clientId: 'c-2' } })
    expect(reused).toEqual(refused(reused.id, 409, 'client_id_reused'))
    expect(await hers.socket.entries(2)).toEqual([1, 2])
    expect(await owner.history(roomId)).toHaveLength(2)
  })
})

describe('[LV69] history', () => {
  const cases: [string, object, number[]][] = [
    ['no limit', {}, []],
    ['limit 0', { limit: 0, reverse: true }, []],
    ['a limit', { limit: 2 }, [1, 2]],
    ['limit -1', { limit: -1 }, seqs(1, 100)],
    ['more than may be', { limit: 1000 }, seqs(1, 100)],
    ['a place', { limit: 3, since: { offset: 100 } }, [101, 102, 103]],
    ['the end', { limit: 3, since: { offset: 120 } }, []],
    ['a place past the end', { limit: 3, since: { offset: 999 } }, []],
    ['reverse', { limit: 3, reverse: true }, [120, 119, 118]],
    ['reverse and a place', { limit: 3, since: { offset: 3 }, reverse: true }, [2, 1]],
    ['reverse and a place past the end', { limit: 2, since: { offset: 999 }, reverse: true }, [120, 119]],
    ['reverse and the start', { limit: 3, since: { offset: 1 }, reverse: true }, []],
  ]
  let talked: ReturnType<typeof talkedIn> | undefined
  test.each(cases)('with %s', async (_, options, offsets) => {
    talked ??= talkedIn(120)
    const { owner, roomId } = await talked
    using socket = await AppSocket.open(server, owner)
    const stored = await owner.history(roomId)
    expect(await socket.ask('history', { channel: channelOf(roomId), ...options })).toEqual({
      id: 2,
      history: {
        publications: offsets.flatMap((seq) => stored.slice(seq - 1, seq).map(publicationOf)),
        ...{ epoch: EPOCH, offset: 120 },
      },
    })
  })

  test('has no more than fits into 256 KiB, but one at least', async () => {
    const { owner, roomId } = await talkedIn(70, 4000)
    using socket = await AppSocket.open(server, owner)
    const ask = async (more: object) => {
      const { history } = await socket.ask('history', { channel: channelOf(roomId), limit: 70, ...more })
      return history?.publications.map(({ offset }) => offset ?? 0) ?? []
    }
    const [first, newest] = [await ask({}), await ask({ reverse: true })]
    expect(first.length).toBeWithin(50, 66)
    expect(first).toEqual(seqs(1, first.length))
    expect(newest).toEqual(seqs(71 - newest.length, 70).reverse())
    // One goes on from there.
    expect(await ask({ since: { offset: first.length } })).toEqual(seqs(first.length + 1, 70))
  })

  test('from a place of another epoch is error 112', async () => {
    const { owner, roomId } = await server.pair()
    using socket = await AppSocket.open(server, owner)
    const since = { offset: 0, epoch: 'another' }
    const refusal = await socket.ask('history', { channel: channelOf(roomId), limit: 1, since })
    expect(refusal).toEqual(refused(2, 112, 'unrecoverable_position'))
  })
})

test('[LV55] rooms.list answers a shorter page where a whole one had over 256 KiB: all rooms come, each once', async () => {
  const [owner, customer] = await Promise.all([server.person('Minji'), server.person('Joon')])
  const products = await Promise.all(seqs(1, 50).map((n) => owner.offer(`Bike ${n}`)))
  const rooms = await Promise.all(products.map(({ id }) => customer.openRoom(id)))
  // Three bytes each.
  await Promise.all(rooms.map(({ id }) => customer.send(id, '가'.repeat(4000))))
  using socket = await AppSocket.open(server, owner)
  const seen: number[] = []
  let cursor: string | null | undefined
  while (cursor !== null) {
    const { rpc = { data: undefined } } = await socket.rpc('rooms.list', { limit: 50, ...(cursor ? { cursor } : {}) })
    expect(Buffer.byteLength(JSON.stringify(rpc))).toBeLessThan((256 << 10) + 100)
    const { items, nextCursor } = rpc.data as RoomPage
    expect(items.length).toBeWithin(1, 50)
    seen.push(...items.map(({ id }) => id))
    cursor = nextCursor
  }
  expect(seen.length).toBe(50)
  expect(new Set(seen)).toEqual(new Set(rooms.map(({ id }) => id)))
})
