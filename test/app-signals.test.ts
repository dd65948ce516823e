import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { PresenceStatus } from '../src/presence/model.ts'
import { AppSocket, type Push, refused, typeOf, until } from './support/app-socket.ts'
import type { Person } from './support/person.ts'
import { type RunningParley, startParley } from './support/server.ts'

// What is told for a moment and never stored, to the letter.

let server: RunningParley
beforeAll(async () => {
  server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
})
afterAll(() => server[Symbol.asyncDispose]())

const channelOf = (roomId: number) => `room:${roomId}`

async function open(person: Person, roomId: number, more: object = { join_leave: true }) {
  const socket = await AppSocket.open(server, person)
  const { subscribe } = await socket.subscribe(roomId, more)
  expect(subscribe).toBeDefined()
  return socket
}

/** Both people in their room, and the id of each connection. */
async function both(more?: object) {
  const pair = await server.pair()
  const { owner, customer, roomId } = pair
  const hers = await open(owner, roomId, more)
  const his = await open(customer, roomId, more)
  const close = () => {
    hers.close()
    his.close()
  }
  return { ...pair, hers, his, [Symbol.dispose]: close }
}

/** What of the room has come and was not taken, entries left out. */
async function signalsOf(socket: AppSocket, roomId: number): Promise<Push[]> {
  const pushes = await socket.rest()
  return pushes.filter((push) => push.channel === channelOf(roomId) && typeOf(push) !== 'message.created')
}

const statusOf = async (socket: AppSocket, ...userIds: string[]): Promise<PresenceStatus[]> => {
  const { rpc = { data: { items: [] } } } = await socket.rpc('presence.status', { userIds })
  return (rpc.data as { items: PresenceStatus[] }).items
}

const receipt = (roomId: number, { id }: Person, readSeq: number, deliveredSeq: number) => ({
  channel: channelOf(roomId),
  pub: { data: { type: 'receipt', userId: id, readSeq, deliveredSeq } },
})

describe('[LV80] a receipt', () => {
  const ways: [
    string,
    (socket: AppSocket, person: Person, mark: { roomId: number; seq: number }) => Promise<unknown>,
  ][] = [
    ['rpc', (socket, _, mark) => socket.rpc('room.read', mark)],
    ['send', async (socket, _, data) => socket.send({ send: { data: { method: 'room.read', data } } })],
    ['REST', (_, person, { roomId, seq }) => person.put(`/api/rooms/${roomId}/read-mark`, { seq })],
  ]
  test.each(ways)('goes to everybody in the room when a mark was moved by %s', async (_, move) => {
    using room = await both()
    const { owner, customer, roomId, hers, his } = room
    for (const text of ['one', 'two', 'three']) await customer.send(roomId, text)
    for (const seq of [2, 2, 1, 0, 99, 99]) await move(hers, owner, { roomId, seq })
    for (const socket of [hers, his]) {
      expect(await socket.nextOf('receipt')).toEqual(receipt(roomId, owner, 2, 2))
      expect(await socket.nextOf('receipt')).toEqual(receipt(roomId, owner, 3, 3))
      expect(await signalsOf(socket, roomId)).toEqual([])
    }
    expect((await customer.inbox()).items[0]).toMatchObject({ peerReadSeq: 3, peerDeliveredSeq: 3 })
  })

  test('is answered with what is left', async () => {
    using room = await both()
    const { customer, roomId, hers } = room
    for (const text of ['one', 'two']) await customer.send(roomId, text)
    const { rpc } = await hers.rpc('room.read', { roomId, seq: 1 })
    expect(rpc?.data).toEqual({ readSeq: 1, unread: 1, totalUnread: 1 })
  })

  test('is not told of one’s own message, which tells it by itself', async () => {
    using room = await both()
    const { customer, roomId, hers, his } = room
    await customer.send(roomId, 'one')
    await hers.say(roomId, 'two')
    await his.entries(2)
    expect(await signalsOf(his, roomId)).toEqual([])
    expect((await customer.inbox()).items[0]).toMatchObject({ peerReadSeq: 2, peerDeliveredSeq: 2 })
  })

  test('[LV81] of what was delivered is one for all that came within a quarter of a second', async () => {
    using room = await both()
    const { owner, customer, roomId, hers, his } = room
    for (const text of ['one', 'two', 'three']) await customer.send(roomId, text)
    const say = (seq: number) => ({ send: { data: { method: 'room.delivered', data: { roomId, seq } } } })
    hers.send([say(1), say(3), say(2)])
    expect((await hers.rpc('room.delivered', { roomId, seq: 1 })).rpc?.data).toEqual({})
    for (const socket of [hers, his]) {
      expect(await socket.nextOf('receipt')).toEqual(receipt(roomId, owner, 0, 3))
      expect(await signalsOf(socket, roomId)).toEqual([])
    }
    // It goes no further than the end, not back, and not where it has been.
    for (const seq of [3, 2, 99]) await hers.rpc('room.delivered', { roomId, seq })
    await hers.rpc('room.read', { roomId, seq: 2 })
    expect(await his.nextOf('receipt')).toEqual(receipt(roomId, owner, 2, 3))
  })
})

test.each(['room.read', 'room.delivered', 'room.typing', 'message.send'])(
  '%s in a room of somebody else is error 102, with send it is nothing, and nobody there is told',
  async (method) => {
    using room = await both()
    using eve = await AppSocket.open(server, await server.person('Eve'))
    const data = { roomId: room.roomId, seq: 1, text: 'hi' }
    expect(await eve.rpc(method, data)).toEqual(refused(2, 102, 'room_not_found'))
    expect(await eve.rpc(method, { ...data, roomId: 999_999 })).toEqual(refused(3, 102, 'room_not_found'))
    eve.send({ send: { data: { method, data } } })
    await eve.ask('ping')
    await room.hers.say(room.roomId, 'quiet here')
    await room.his.entries(1)
    expect(await signalsOf(room.his, room.roomId)).toEqual([])
  },
)

describe('[LV82] typing', () => {
  test('goes to the other one alone, by rpc or send, from whichever device', async () => {
    using room = await both()
    const { owner, roomId, hers, his } = room
    using tablet = await open(owner, roomId)
    expect((await hers.rpc('room.typing', { roomId })).rpc?.data).toEqual({})
    hers.send({ send: { data: { method: 'room.typing', data: { roomId } } } })
    await tablet.rpc('room.typing', { roomId })
    expect(await his.nextOf('typing')).toEqual({
      channel: channelOf(roomId),
      pub: { data: { type: 'typing', userId: owner.id } },
    })
    await hers.say(roomId, 'there')
    await his.entries(1)
    for (const socket of [hers, tablet]) {
      expect((await signalsOf(socket, roomId)).filter((push) => typeOf(push) === 'typing')).toEqual([])
    }
  })

  test('of the two is told apart, and of two rooms too', async () => {
    using room = await both()
    const { owner, customer, product, roomId, hers, his } = room
    const sora = await server.person('Sora')
    const { id: other } = await sora.openRoom(product.id)
    using withSora = await open(sora, other)
    await hers.rpc('room.typing', { roomId })
    await hers.rpc('room.typing', { roomId: other })
    await his.rpc('room.typing', { roomId })
    expect((await his.nextOf('typing')).pub?.data.userId).toBe(owner.id)
    expect((await hers.nextOf('typing')).pub?.data.userId).toBe(customer.id)
    expect((await withSora.nextOf('typing')).channel).toBe(channelOf(other))
  })
})

describe('[LV83] coming and going', () => {
  test('is told to whoever asks for it, with the connection', async () => {
    const { owner, customer, roomId } = await server.pair()
    using asks = await open(owner, roomId)
    using asksNot = await open(owner, roomId, {})
    const his = await AppSocket.dial(server)
    const { connect } = await his.connect(customer.token)
    await his.subscribe(roomId, { join_leave: true })
    expect(await asks.nextOf('join')).toEqual({
      channel: channelOf(roomId),
      join: { info: { user: customer.id, client: connect?.client ?? '' } },
    })
    expect(await signalsOf(asksNot, roomId)).toEqual([])
    expect(await signalsOf(his, roomId)).toEqual([])
    his.close()
  })

  test('of a second device, of who unsubscribes and comes back, and of oneself, is silent', async () => {
    using room = await both()
    const { customer, roomId, hers, his } = room
    await hers.nextOf('join')
    using tablet = await open(customer, roomId)
    await his.ask('unsubscribe', { channel: channelOf(roomId) })
    await tablet.ask('unsubscribe', { channel: channelOf(roomId) })
    await tablet.subscribe(roomId, { join_leave: true })
    his.close()
    using again = await open(customer, roomId)
    for (const socket of [hers, tablet, again]) expect(await signalsOf(socket, roomId)).toEqual([])
  })

  test('of a plain socket is no coming', async () => {
    const { owner, customer, roomId } = await server.pair()
    using hers = await open(owner, roomId)
    using plain = await customer.connect(roomId)
    plain.send({ message: 'hi' })
    await hers.entries(1)
    expect(await signalsOf(hers, roomId)).toEqual([])
  })
})

describe('[LV84] presence', () => {
  test('has the app sockets that are subscribed now, for both people, subscribed or not', async () => {
    const { owner, customer, roomId } = await server.pair()
    const clients = []
    const sockets = []
    for (const person of [owner, customer, customer]) {
      const socket = await AppSocket.dial(server)
      const client = (await socket.connect(person.token)).connect?.client ?? ''
      clients.push({ client, user: person.id })
      sockets.push(socket)
      await socket.subscribe(roomId)
    }
    using plain = await customer.connect(roomId)
    using asks = await AppSocket.open(server, owner)
    const about = { channel: channelOf(roomId) }
    expect(await asks.ask('presence', about)).toEqual({
      id: 2,
      presence: { presence: Object.fromEntries(clients.map((each) => [each.client, each])) },
    })
    expect(await asks.ask('presence_stats', about)).toEqual({ id: 3, presence_stats: { num_clients: 3, num_users: 2 } })
    sockets[1]?.close()
    await sockets[1]?.closed
    await sockets[2]?.ask('unsubscribe', about)
    await until(async () => (await asks.ask('presence_stats', about)).presence_stats?.num_clients === 1)
    expect((await asks.ask('presence_stats', about)).presence_stats).toEqual({ num_clients: 1, num_users: 1 })
    for (const socket of [plain, ...sockets]) socket.close()
  })

  test('[LV86] has whoever hides for themselves only', async () => {
    using room = await both()
    const { customer, roomId, hers, his } = room
    const about = { channel: channelOf(roomId) }
    await customer.put('/api/me/presence', { hidden: true })
    const seenBy = async (socket: AppSocket) => ({
      ids: Object.values((await socket.ask('presence', about)).presence?.presence ?? {}).map(({ user }) => user),
      stats: (await socket.ask('presence_stats', about)).presence_stats,
    })
    expect(await seenBy(hers)).toEqual({ ids: [room.owner.id], stats: { num_clients: 1, num_users: 1 } })
    expect((await seenBy(his)).stats).toEqual({ num_clients: 2, num_users: 2 })
  })
})

describe('[LV85] presence.status', () => {
  test('says of people with whom one has a room in which somebody has written, from either side, whether they are here, in the order asked', async () => {
    const { owner, customer, product, roomId } = await server.pair()
    const [sora, eve] = await Promise.all([server.person('Sora'), server.person('Eve')])
    const [withJoon, withSora] = [roomId, (await sora.openRoom(product.id)).id]
    using hers = await AppSocket.open(server, owner)
    using his = await AppSocket.open(server, customer)
    using strange = await AppSocket.open(server, eve)
    // To look at a product is nothing for which its owner would show.
    expect(await statusOf(his, owner.id)).toEqual([])
    expect(await statusOf(hers, customer.id, sora.id)).toEqual([])
    await customer.send(withJoon, 'hi')
    await owner.send(withSora, 'hi')
    expect(await statusOf(hers, sora.id, 'nobody', eve.id, customer.id)).toEqual([
      { userId: sora.id, online: false, lastSeenAt: null },
      { userId: customer.id, online: true, lastSeenAt: null },
    ])
    expect(await statusOf(his, owner.id, sora.id)).toEqual([{ userId: owner.id, online: true, lastSeenAt: null }])
    expect(await statusOf(strange, owner.id, customer.id, eve.id)).toEqual([])
    expect(await statusOf(hers)).toEqual([])
  })

  test('counts a plain socket, and whoever has just gone', async () => {
    const { owner, customer, roomId } = await server.pair()
    await customer.send(roomId, 'hi')
    using hers = await AppSocket.open(server, owner)
    const isOnline = async () => (await statusOf(hers, customer.id))[0]?.online
    expect(await isOnline()).toBe(false)
    const plain = await customer.connect(roomId)
    plain.send({ message: 'hi' })
    await plain.next()
    expect(await isOnline()).toBe(true)
    plain.close()
    await plain.closed
    expect(await isOnline()).toBe(true)
  })
})

describe('[LV86] whoever hides', () => {
  const hide = async (person: Person, hidden: boolean) => {
    const answer = await person.put('/api/me/presence', { hidden })
    expect([answer.status, await answer.json()]).toEqual([200, { hidden }])
  }
  const online = async (socket: AppSocket, { id }: Person) => (await statusOf(socket, id))[0]?.online

  test('leaves every room in that moment, for the others, and joins them again', async () => {
    using room = await both()
    const { customer, roomId, hers, his } = room
    await customer.send(roomId, 'hi')
    const { info: joined } = (await hers.nextOf('join')).join ?? {}
    await hide(customer, true)
    expect(await hers.nextOf('leave')).toEqual({ channel: channelOf(roomId), leave: { info: joined } } as Push)
    expect(await online(hers, customer)).toBe(false)
    await hide(customer, false)
    expect((await hers.nextOf('join')).join?.info).toEqual(joined)
    expect(await online(hers, customer)).toBe(true)
    expect(await signalsOf(his, roomId)).toEqual([])
  })

  test('does so once, however often they say it', async () => {
    using room = await both()
    const { customer, roomId, hers } = room
    await hers.nextOf('join')
    for (const hidden of [false, true, true, true, false, false]) await hide(customer, hidden)
    expect((await signalsOf(hers, roomId)).map(typeOf)).toEqual(['leave', 'join'])
  })

  test('comes, goes and comes back unseen, on any number of devices', async () => {
    const { owner, customer, roomId } = await server.pair()
    await hide(customer, true)
    using hers = await open(owner, roomId)
    const his = await open(customer, roomId)
    using tablet = await open(customer, roomId)
    his.close()
    await his.closed
    using again = await open(customer, roomId)
    await again.say(roomId, 'boo')
    await hers.entries(1)
    expect(await statusOf(hers, customer.id)).toEqual([{ userId: customer.id, online: false, lastSeenAt: null }])
    expect(await signalsOf(hers, roomId)).toEqual([])
    // They see themselves.
    const { presence } = await tablet.ask('presence', { channel: channelOf(roomId) })
    expect(Object.values(presence?.presence ?? {}).filter(({ user }) => user === customer.id)).toHaveLength(2)
  })

  test('is told of by what they do', async () => {
    using room = await both()
    const { customer, roomId, hers, his } = room
    await hide(customer, true)
    await his.rpc('room.typing', { roomId })
    expect((await hers.nextOf('typing')).pub?.data.userId).toBe(customer.id)
    await hers.say(roomId, 'hi')
    await his.rpc('room.read', { roomId, seq: 1 })
    expect((await hers.nextOf('receipt')).pub?.data).toMatchObject({ userId: customer.id, readSeq: 1 })
  })

  test('is a setting, over restarts and devices', async () => {
    const minji = await server.person('Minji')
    const read = async () => (await minji.get('/api/me/presence')).json()
    expect(await read()).toEqual({ hidden: false })
    await hide(minji, true)
    expect(await read()).toEqual({ hidden: true })
    await hide(minji, false)
    expect(await read()).toEqual({ hidden: false })
  })
})
