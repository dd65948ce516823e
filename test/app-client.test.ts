import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { StreamPosition } from 'centrifuge'
import { statusOf } from './support/answers.ts'
import { App, RawApp, Seen } from './support/app-client.ts'
import { BY_SECRET, backend, hostPerson, mint, personBy, seconds } from './support/marketplace.ts'
import type { Person } from './support/person.ts'
import { type RunningParley, signIn, startParley } from './support/server.ts'
import { failure } from './support/storage.ts'

// The npm client `centrifuge`, unmodified, against the real server.

let server: RunningParley
beforeAll(async () => {
  server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
})
afterAll(() => server[Symbol.asyncDispose]())

/** Both people of a room, each on a device that listens in it. */
async function inRoom() {
  const pair = await server.pair()
  const minji = await App.open(server, pair.owner)
  const joon = await App.open(server, pair.customer)
  const hers = await minji.room(pair.roomId)
  const his = await joon.room(pair.roomId)
  return {
    ...pair,
    ...{ minji, joon, hers, his },
    [Symbol.dispose]() {
      minji[Symbol.dispose]()
      joon[Symbol.dispose]()
    },
  }
}

/** Another room of the same owner, with another customer. */
async function secondRoom(owner: Person, customer: Person): Promise<number> {
  const { id } = await owner.offer('Helmet')
  return (await customer.openRoom(id)).id
}

describe('connecting', () => {
  test('[LV41] tells who one is and what is unread in all rooms, and puts one on one’s own channel', async () => {
    const { owner, customer, roomId } = await server.pair()
    const sora = await server.person('Sora')
    await customer.send(roomId, 'Is it free on Saturday?')
    await sora.send(await secondRoom(owner, sora), 'Which size?')
    using minji = await App.open(server, owner)
    expect(minji.arrivals.last?.data).toEqual({ user: { id: owner.id, username: 'Minji' }, totalUnread: 2 })
    expect(minji.given.items).toEqual([`user:${owner.id}`])
  })

  test('[LV42] an unknown token makes the client ask for another one', async () => {
    const minji = await server.person('Minji')
    const tokens = ['pls_unknown', minji.token]
    using app = await App.open(server, minji, { getToken: async () => tokens.shift() ?? '' })
    expect(app.troubles.items).toMatchObject([{ code: 109, message: expect.stringMatching(/^token_expired: ./) }])
    expect(app.arrivals.last?.data.user.username).toBe('Minji')
  })
})

describe('a message', () => {
  test('[LV68] by rpc and by publish reaches both sides, each with its place', async () => {
    using both = await inRoom()
    const { minji, joon, hers, his, roomId, customer } = both
    const sent = await joon.send(roomId, '토요일에 가능한가요?', 'first')
    await minji.client.publish(`room:${roomId}`, { text: '네!', clientId: 'second' })

    const heard = await hers.entries.reached(2)
    expect(heard).toMatchObject([
      { offset: 1, data: { type: 'message.created', message: { seq: 1, clientId: 'first' } } },
      { offset: 2, data: { type: 'message.created', message: { seq: 2, clientId: 'second', text: '네!' } } },
    ])
    expect(await his.entries.reached(2)).toEqual(heard)
    expect(heard[0]?.data.message).toEqual(sent)
    expect(sent.sender).toEqual({ id: customer.id, username: 'Joon' })
  })

  test('[LV68] that is sent again is answered with the first one, and told once', async () => {
    using both = await inRoom()
    const { joon, hers, roomId } = both
    const first = await joon.send(roomId, 'once', 'c-1')
    expect(await joon.send(roomId, 'once', 'c-1')).toEqual(first)
    await joon.client.publish(`room:${roomId}`, { text: 'once', clientId: 'c-1' })
    await joon.send(roomId, 'then')
    expect(await hers.texts(2)).toEqual(['once', 'then'])
  })

  test('[LV60] goes to its room alone, of several on one connection', async () => {
    const { owner, customer, roomId } = await server.pair()
    const sora = await server.person('Sora')
    const otherId = await secondRoom(owner, sora)
    using minji = await App.open(server, owner)
    const [withJoon, withSora] = [await minji.room(roomId), await minji.room(otherId)]
    using his = await App.open(server, customer)
    using hers = await App.open(server, sora)

    await his.send(roomId, 'from Joon')
    await hers.send(otherId, 'from Sora')
    await minji.send(otherId, 'to Sora')
    await minji.send(roomId, 'to Joon')

    expect(await withJoon.texts(2)).toEqual(['from Joon', 'to Joon'])
    expect(await withSora.texts(2)).toEqual(['from Sora', 'to Sora'])
    expect(withJoon.entries.items.map(({ offset }) => offset)).toEqual([1, 2])
  })

  test('does not come any more after unsubscribing', async () => {
    using both = await inRoom()
    const { joon, his, hers, roomId } = both
    hers.subscription.unsubscribe()
    // Commands are done in their order: when this is answered, that was.
    await both.minji.call('rooms.list', {})
    await joon.send(roomId, 'anybody there?')
    await his.texts(1)
    await both.minji.call('rooms.list', {})
    expect(hers.entries.items).toEqual([])
  })

  test('[LV61] is the same, in the same order, on the app socket and on the plain one', async () => {
    using both = await inRoom()
    const { owner, customer, minji, his, roomId } = both
    using plain = await owner.connect(roomId)
    plain.send({ message: 'the plain one is there' })
    await plain.next()

    const numbers = Array.from({ length: 30 }, (_, n) => n)
    for (const n of numbers) plain.send({ message: `plain ${n}` })
    await Promise.all([
      ...numbers.map((n) => minji.send(roomId, `app ${n}`)),
      ...numbers.map((n) => customer.send(roomId, `rest ${n}`)),
    ])

    const frames = (await plain.take(90)).map(({ seq, message }) => ({ seq, text: message ?? '' }))
    const entries = (await his.entries.reached(91)).slice(1)
    expect(entries.map(({ data }) => ({ seq: data.message.seq, text: data.message.text }))).toEqual(frames)
    expect(entries.map(({ offset }) => offset)).toEqual(frames.map((_, at) => at + 2))
  })
})

describe('[LV82] typing', () => {
  test('is told again at once after a message; it may be said without asking for a reply', async () => {
    using both = await inRoom()
    const { minji, hers, his, roomId } = both
    await minji.client.send({ method: 'room.typing', data: { roomId } })
    await his.typing.reached(1)
    await minji.call('room.typing', { roomId })
    await minji.send(roomId, 'there')
    expect(his.typing.items).toHaveLength(1)
    await minji.call('room.typing', { roomId })
    await his.typing.reached(2)
    expect(hers.typing.items).toEqual([])
  })

  test('in a room of somebody else is refused, and told to nobody', async () => {
    using both = await inRoom()
    const eve = await App.open(server, await server.person('Eve'))
    expect(await failure(eve.call('room.typing', { roomId: both.roomId }))).toMatchObject({ code: 102 })
    await both.minji.send(both.roomId, 'quiet here')
    await both.his.texts(1)
    expect([...both.hers.typing.items, ...both.his.typing.items]).toEqual([])
    eve.client.disconnect()
  })
})

describe('[LV80] receipts', () => {
  test('of what was read go to both sides, and only forward', async () => {
    using both = await inRoom()
    const { minji, joon, hers, his, owner, roomId } = both
    for (const text of ['one', 'two', 'three']) await joon.send(roomId, text)

    expect(await minji.call('room.read', { roomId, seq: 2 })).toEqual({ readSeq: 2, unread: 1, totalUnread: 1 })
    expect(await minji.call('room.read', { roomId, seq: 1 })).toMatchObject({ readSeq: 2, unread: 1 })
    expect(await minji.call('room.read', { roomId, seq: 99 })).toEqual({ readSeq: 3, unread: 0, totalUnread: 0 })

    const receipt = (seq: number) => ({ type: 'receipt' as const, userId: owner.id, readSeq: seq, deliveredSeq: seq })
    expect(await his.receipts.reached(2)).toEqual([receipt(2), receipt(3)])
    expect(await hers.receipts.reached(2)).toEqual([receipt(2), receipt(3)])
  })

  test('[LV81] of what was delivered are told together, and only forward', async () => {
    using both = await inRoom()
    const { minji, joon, his, owner, customer, roomId } = both
    for (const text of ['one', 'two', 'three', 'four']) await joon.send(roomId, text)

    for (const seq of [2, 1, 3]) expect(await minji.call('room.delivered', { roomId, seq })).toEqual({})
    const receipt = { type: 'receipt', userId: owner.id, readSeq: 0, deliveredSeq: 3 } as const
    expect(await his.receipts.reached(1)).toEqual([receipt])
    expect((await customer.inbox()).items[0]).toMatchObject({ peerReadSeq: 0, peerDeliveredSeq: 3 })

    // Back, and then past the end: the first moves nothing.
    await minji.client.send({ method: 'room.delivered', data: { roomId, seq: 1 } })
    await minji.call('room.read', { roomId, seq: 1 })
    await minji.call('room.delivered', { roomId, seq: 99 })
    expect((await his.receipts.reached(3)).slice(1)).toEqual([
      { ...receipt, readSeq: 1 },
      { ...receipt, readSeq: 1, deliveredSeq: 4 },
    ])
  })

  test('over REST are told just the same', async () => {
    using both = await inRoom()
    await both.joon.send(both.roomId, 'one')
    await both.owner.put(`/api/rooms/${both.roomId}/read-mark`, { seq: 1 })
    expect(await both.his.receipts.reached(1)).toMatchObject([{ userId: both.owner.id, readSeq: 1, deliveredSeq: 1 }])
  })
})

describe('[LV70] the inbox', () => {
  test('what is read on one device is read on the other', async () => {
    const { owner, customer, roomId } = await server.pair()
    const sora = await server.person('Sora')
    await sora.send(await secondRoom(owner, sora), 'Which size?')
    await customer.send(roomId, 'one')
    await customer.send(roomId, 'two')
    using phone = await App.open(server, owner)
    using laptop = await App.open(server, owner)
    expect(laptop.arrivals.last?.data.totalUnread).toBe(3)

    await phone.call('room.read', { roomId, seq: 2 })
    expect(await laptop.inbox.reached(1)).toMatchObject([
      { type: 'room.changed', room: { id: roomId, unread: 0, readSeq: 2 }, totalUnread: 1 },
    ])
    expect(await phone.inbox.reached(1)).toEqual(laptop.inbox.items)
  })

  test('is told once of a burst, with what is then unread in all rooms', async () => {
    const { owner, customer, roomId } = await server.pair()
    const sora = await server.person('Sora')
    const otherId = await secondRoom(owner, sora)
    await sora.send(otherId, 'Which size?')
    using minji = await App.open(server, owner)

    await Promise.all(Array.from({ length: 10 }, (_, n) => customer.send(roomId, `${n}`)))
    await minji.inbox.reached(1)
    await sora.send(otherId, 'Or another one?')
    const told = await minji.inbox.reached(2)
    expect(told.map(({ room, totalUnread }) => ({ id: room.id, unread: room.unread, totalUnread }))).toEqual([
      { id: roomId, unread: 10, totalUnread: 11 },
      { id: otherId, unread: 2, totalUnread: 12 },
    ])
    expect(told[0]?.room).toEqual((await owner.inbox()).items.find(({ id }) => id === roomId))
  })

  test('has no room of somebody else', async () => {
    const { owner, customer, roomId } = await server.pair()
    const { customer: sora, roomId: hers } = await server.pair('Hana', 'Sora')
    using eve = await App.open(server, sora)
    using minji = await App.open(server, owner)
    await customer.send(roomId, 'not for Sora')
    await minji.inbox.reached(1)
    await sora.send(hers, 'mine')
    expect((await eve.inbox.reached(1)).map(({ room }) => room.id)).toEqual([hers])
  })

  test('a room that one opens is there on one’s other devices; the owner hears of it with its first message', async () => {
    const [owner, customer] = await Promise.all([server.person('Minji'), server.person('Joon')])
    const product = await owner.offer('Road bike')
    using minji = await App.open(server, owner)
    using tablet = await App.open(server, customer)
    const { id } = await customer.openRoom(product.id)
    expect(await tablet.inbox.reached(1)).toMatchObject([{ room: { id, lastSeq: 0, unread: 0 }, totalUnread: 0 }])
    expect(minji.inbox.items).toEqual([])
    await customer.send(id, 'Hello')
    expect(await minji.inbox.reached(1)).toMatchObject([{ room: { id, lastSeq: 1, unread: 1 }, totalUnread: 1 }])
  })

  test('rooms.list is what REST has', async () => {
    const { owner, customer, roomId } = await server.pair()
    await customer.send(roomId, 'one')
    using minji = await App.open(server, owner)
    expect(await minji.call('rooms.list', { unread: true })).toEqual(await owner.inbox())
    expect(await minji.call('rooms.list', { role: 'customer' })).toEqual({ items: [], nextCursor: null })
  })
})

describe('who is there', () => {
  test('[LV83] coming is told to who was there; to come back or with a second device is silent', async () => {
    const { owner, customer, roomId } = await server.pair()
    using minji = await App.open(server, owner)
    const hers = await minji.room(roomId)
    using joon = await App.open(server, customer)
    const his = await joon.room(roomId)
    expect(await hers.joins.reached(1)).toEqual([customer.id])

    using tablet = await App.open(server, customer)
    await tablet.room(roomId)
    joon.client.disconnect()
    await joon.connect()
    await his.places.reached(2)
    await joon.send(roomId, 'back')
    await hers.texts(1)
    expect(hers.joins.items).toEqual([customer.id])
    expect(his.joins.items).toEqual([])
  })

  test('[LV84] presence has every device on the room, presence_stats their number', async () => {
    using both = await inRoom()
    const { minji, joon, owner, customer, roomId } = both
    using tablet = await App.open(server, customer)
    using elsewhere = await App.open(server, owner)
    await tablet.room(roomId)
    expect(await elsewhere.client.presence(`room:${roomId}`)).toEqual({
      clients: {
        [minji.id]: { client: minji.id, user: owner.id },
        [joon.id]: { client: joon.id, user: customer.id },
        [tablet.id]: { client: tablet.id, user: customer.id },
      },
    })
    expect(await elsewhere.client.presenceStats(`room:${roomId}`)).toEqual({ numClients: 3, numUsers: 2 })
  })

  test('[LV85] presence.status tells of people with whom one has talked, and of nobody else', async () => {
    const { owner, customer, roomId } = await server.pair()
    const sora = await server.person('Sora')
    using minji = await App.open(server, owner)
    using _ = await App.open(server, sora)
    const look = () => minji.call('presence.status', { userIds: [customer.id, sora.id, 'nobody'] })
    // To open a room is not to talk: nobody is watched by looking at what they offer.
    expect(await look()).toEqual({ items: [] })
    await customer.send(roomId, 'Hello')
    expect(await look()).toEqual({ items: [{ userId: customer.id, online: false, lastSeenAt: null }] })
    using joon = await App.open(server, customer)
    expect(await look()).toEqual({ items: [{ userId: customer.id, online: true, lastSeenAt: null }] })
    expect(joon.arrivals.items).toHaveLength(1)
  })

  test('[LV86] who hides is offline to others, at once and everywhere, and sees themselves', async () => {
    using both = await inRoom()
    const { minji, joon, owner, customer, roomId } = both
    const channel = `room:${roomId}`
    await joon.send(roomId, 'Hello')
    expect(await joon.call('presence.status', { userIds: [owner.id] })).toMatchObject({ items: [{ online: true }] })

    expect((await owner.put('/api/me/presence', { hidden: true })).status).toBe(200)
    expect(await joon.call('presence.status', { userIds: [owner.id] })).toEqual({
      items: [{ userId: owner.id, online: false, lastSeenAt: null }],
    })
    expect(await both.his.leaves.reached(1)).toEqual([owner.id])
    expect(Object.keys((await joon.client.presence(channel)).clients)).toEqual([joon.id])
    expect(await joon.client.presenceStats(channel)).toEqual({ numClients: 1, numUsers: 1 })
    expect(Object.keys((await minji.client.presence(channel)).clients).sort()).toEqual([minji.id, joon.id].sort())

    using tablet = await App.open(server, owner)
    await tablet.room(roomId)
    await owner.put('/api/me/presence', { hidden: false })
    expect(await joon.client.presenceStats(channel)).toEqual({ numClients: 3, numUsers: 2 })
    expect(await joon.call('presence.status', { userIds: [owner.id] })).toMatchObject({ items: [{ online: true }] })
    expect(both.his.joins.items).toEqual([owner.id])
    expect(both.hers.joins.items).toEqual([customer.id])
  })

  test('[LV83] who hides comes unseen', async () => {
    const { owner, customer, roomId } = await server.pair()
    await customer.put('/api/me/presence', { hidden: true })
    using minji = await App.open(server, owner)
    const hers = await minji.room(roomId)
    using joon = await App.open(server, customer)
    await joon.room(roomId)
    await joon.send(roomId, 'boo')
    await hers.texts(1)
    expect(hers.joins.items).toEqual([])
  })
})

describe('[LV69] history', () => {
  const cases: [string, object, number[]][] = [
    ['none, only where the stream ends, without a limit', {}, []],
    ['none with limit 0', { limit: 0 }, []],
    ['the first ones', { limit: 2 }, [1, 2]],
    ['as many as may be', { limit: -1 }, [1, 2, 3, 4, 5]],
    ['what came after a place', { limit: 2, since: { offset: 2, epoch: '' } }, [3, 4]],
    ['nothing after the end', { limit: 5, since: { offset: 5, epoch: '' } }, []],
    ['the newest ones first', { limit: 2, reverse: true }, [5, 4]],
    ['what came before a place, newest first', { limit: 2, since: { offset: 4, epoch: '' }, reverse: true }, [3, 2]],
    ['nothing before the start', { limit: 5, since: { offset: 1, epoch: '' }, reverse: true }, []],
  ]

  let both: Awaited<ReturnType<typeof inRoom>>
  let channel: string
  let epoch: string | undefined
  beforeAll(async () => {
    both = await inRoom()
    for (const text of ['one', 'two', 'three', 'four', 'five']) await both.joon.send(both.roomId, text)
    await both.hers.entries.reached(5)
    channel = `room:${both.roomId}`
    epoch = both.hers.places.last?.streamPosition?.epoch
  })
  afterAll(() => both[Symbol.dispose]())

  test.each(cases)('gives %s', async (_, options, offsets) => {
    const history = await both.minji.client.history(channel, options)
    expect(history.publications.map(({ offset }) => offset)).toEqual(offsets)
    expect(history.publications.map(({ data }) => data.message.seq)).toEqual(offsets)
    expect(history).toMatchObject({ offset: 5, epoch })
  })

  test('from a place of another database is refused', async () => {
    const from = (since: StreamPosition) => both.minji.client.history(channel, { limit: 5, since })
    expect(await failure(from({ offset: 4, epoch: 'another' }))).toMatchObject({
      code: 112,
      message: expect.stringMatching(/^unrecoverable_position: ./),
    })
    expect((await from({ offset: 4, epoch: epoch ?? '' })).publications).toHaveLength(1)
  })

  test('and a subscription have the same publications, word for word', async () => {
    const { publications } = await both.minji.client.history(channel, { limit: -1 })
    expect(publications).toEqual(both.hers.entries.items)
  })
})

describe('is refused:', () => {
  let minji: Person
  let eve: App
  let roomId: number
  let eveId: string
  beforeAll(async () => {
    const stranger = await server.person('Eve')
    const pair = await server.pair()
    ;({ owner: minji, roomId } = pair)
    eve = await App.open(server, stranger)
    eveId = stranger.id
  })
  afterAll(() => eve[Symbol.dispose]())

  /** Why a subscription came to nothing. */
  const refusedTo = (channel: string) =>
    new Promise((resolve) => eve.client.newSubscription(channel).on('unsubscribed', resolve).subscribe())

  const ofRooms: [string, (app: App, roomId: number) => Promise<unknown>][] = [
    ['message.send', (app, roomId) => app.send(roomId, 'hi')],
    ['room.read', (app, roomId) => app.call('room.read', { roomId, seq: 1 })],
    ['room.delivered', (app, roomId) => app.call('room.delivered', { roomId, seq: 1 })],
    ['room.typing', (app, roomId) => app.call('room.typing', { roomId })],
    ['publish', (app, roomId) => app.client.publish(`room:${roomId}`, { text: 'hi' })],
    ['history', (app, roomId) => app.client.history(`room:${roomId}`, { limit: 1 })],
    ['presence', (app, roomId) => app.client.presence(`room:${roomId}`)],
    ['presence_stats', (app, roomId) => app.client.presenceStats(`room:${roomId}`)],
  ]

  test.each(ofRooms)('%s in a room of somebody else, as in a room that does not exist', async (_, ask) => {
    const refused = await failure(ask(eve, roomId))
    expect(refused).toMatchObject({ code: 102, message: expect.stringMatching(/^room_not_found: ./) })
    expect(await failure(ask(eve, 999_999))).toEqual(refused)
  })

  test.each([
    ['a room of somebody else', () => `room:${roomId}`],
    ['a room that does not exist', () => 'room:999999'],
    ['the channel of somebody else', () => `user:${minji.id}`],
    ['what is no channel', () => 'chat'],
    ['a number that is no room’s', () => 'room:01'],
  ])('to subscribe to %s', async (_, channelOf) => {
    expect(await refusedTo(channelOf())).toMatchObject({
      code: 102,
      reason: 'room_not_found: There is no such room, or it is not yours.',
    })
  })

  test('[LV71] one’s own channel, on which one is already', async () => {
    expect(await refusedTo(`user:${eveId}`)).toMatchObject({
      code: 105,
      reason: expect.stringMatching(/^already_subscribed: ./),
    })
  })

  test('a room to which one is subscribed already: and one stays it', async () => {
    using phone = await RawApp.open(server, minji)
    const heard = new Seen<number | undefined>()
    phone.onPush = ({ channel, pub }) => channel === `room:${roomId}` && heard.add(pub?.offset)
    const command = { subscribe: { channel: `room:${roomId}` } }
    expect(await phone.ask(command)).toMatchObject({ subscribe: { offset: 0 } })
    expect(await phone.ask(command)).toMatchObject({
      error: { code: 105, message: expect.stringMatching(/^already_subscribed: ./) },
    })
    await minji.send(roomId, 'once')
    await minji.send(roomId, 'and once')
    expect(await heard.reached(2)).toEqual([1, 2])
  })

  test.each([
    ['an unknown method', 104, /^method_not_found: ./, 'message.shout', { roomId: 1, text: 'hi' }],
    ['a method of every object', 104, /^method_not_found: ./, 'constructor', {}],
    ['a message without text', 107, /^invalid: \/text ./, 'message.send', { roomId: 1 }],
    ['a room that is no number', 107, /^invalid: \/roomId ./, 'message.send', { roomId: '1', text: 'hi' }],
    ['a seq below zero', 107, /^invalid: \/seq ./, 'room.read', { roomId: 1, seq: -1 }],
    ['no list of people', 107, /^invalid: \/userIds ./, 'presence.status', {}],
    ['no data', 107, /^invalid: \/roomId ./, 'room.typing', null],
  ])('[LV53] %s', async (_, code, message, method, data) => {
    expect(await failure(eve.client.rpc(method, data))).toMatchObject({ code, message: expect.stringMatching(message) })
  })

  test.each([
    ['of white space', ' \n ', 107, /^message_required: ./],
    ['that is too long', 'x'.repeat(4001), 107, /^message_too_long: ./],
    ['with control characters', 'a\u0000b', 107, /^invalid: ./],
  ])('a message %s; by rpc and by publish, and the connection stays', async (_, text, code, message) => {
    using both = await inRoom()
    const { minji, roomId, hers } = both
    const expected = { code, message: expect.stringMatching(message) }
    expect(await failure(minji.send(roomId, text))).toMatchObject(expected)
    expect(await failure(minji.client.publish(`room:${roomId}`, { text }))).toMatchObject(expected)
    await minji.send(roomId, 'fine')
    expect(await hers.texts(1)).toEqual(['fine'])
  })

  test('a clientId that stands for another text', async () => {
    using both = await inRoom()
    await both.minji.send(both.roomId, 'one', 'c-1')
    expect(await failure(both.minji.send(both.roomId, 'two', 'c-1'))).toMatchObject({
      code: 409,
      message: expect.stringMatching(/^client_id_reused: ./),
    })
  })

  describe('[LV54] a flood of messages', () => {
    /** All in one frame, so that they come without a pause. What was stored, and why the others were refused. */
    async function flood(app: App, id: number, count: number) {
      app.client.startBatching()
      const sends = Array.from({ length: count }, (_, n) => app.send(id, `${n}`))
      app.client.stopBatching()
      const answers = await Promise.allSettled(sends)
      const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []))
      return { stored: count - refused.length, refused }
    }

    test('is stored as far as it is no flood', async () => {
      await using strict = await startParley()
      const pair = await strict.pair()
      using app = await App.open(strict, pair.owner)
      const { stored, refused } = await flood(app, pair.roomId, 50)
      // Twenty at once, and five more for each second that this takes.
      expect(stored).toBeWithin(20, 50)
      for (const error of refused) {
        expect(error).toMatchObject({ code: 111, message: expect.stringMatching(/^rate_limited: ./) })
      }
      expect(await pair.owner.history(pair.roomId)).toHaveLength(stored)
      expect(app.losses.items).toEqual([])
    })

    test('that goes on is cut off; the client comes back, which resets nothing', async () => {
      await using strict = await startParley()
      const pair = await strict.pair()
      using app = await App.open(strict, pair.owner)
      await flood(app, pair.roomId, 150)
      expect(await app.losses.reached(1)).toEqual([{ code: 3013, reason: 'too many errors' }])
      await app.arrivals.reached(2)
      expect((await flood(app, pair.roomId, 20)).refused).not.toEqual([])
    })
  })
})

describe('a token', () => {
  test('[LV45] of a session that was signed out: the client asks for another one, and goes on in its rooms', async () => {
    const { owner, customer, roomId } = await server.pair()
    const signedIn = async () => ((await (await signIn(server.url, owner)).json()) as { token: string }).token
    const tokens = [owner.token]
    let asked = 0
    const getToken = async () => {
      asked += 1
      return tokens.shift() ?? (await signedIn())
    }
    using minji = await App.open(server, owner, { getToken })
    const hers = await minji.room(roomId)
    await customer.send(roomId, 'before')
    await hers.texts(1)

    expect((await owner.call('DELETE', '/api/sessions/current')).status).toBe(204)
    await customer.send(roomId, 'meanwhile')
    await minji.arrivals.reached(2)
    await customer.send(roomId, 'after')

    expect(await hers.texts(3)).toEqual(['before', 'meanwhile', 'after'])
    expect(minji.losses.items).toEqual([{ code: 3005, reason: 'connection expired' }])
    expect(minji.troubles.items).toMatchObject([{ code: 109 }])
    expect(asked).toBe(2)
  })

  test('[LV45] of somebody who was erased: the client stays away', async () => {
    const minji = await server.person('Minji')
    using app = await App.open(server, minji)
    expect(await statusOf(backend(server).call('DELETE', `/api/users/${minji.id}`))).toBe(204)
    expect(await app.endings.reached(1)).toEqual([{ code: 3503, reason: 'force disconnect' }])
  })

  test('[LV42] that is none at all: the client stays away', async () => {
    using app = new App(`${server.wsUrl}/connection/websocket`, { websocket: WebSocket })
    app.client.connect()
    expect(await app.endings.reached(1)).toMatchObject([
      { code: 101, reason: expect.stringMatching(/^unauthenticated: ./) },
    ])
  })
})

// Each of these waits for some seconds: all at once.
describe.concurrent('in time', () => {
  test('[LV82] typing is told to the other side alone, and at most every three seconds', async () => {
    using both = await inRoom()
    const { minji, hers, his, owner, roomId } = both
    const since = performance.now()
    await minji.call('room.typing', { roomId })
    expect(await his.typing.reached(1)).toEqual([{ type: 'typing', userId: owner.id }])
    while (his.typing.items.length < 2) await minji.call('room.typing', { roomId })
    expect(performance.now() - since).toBeGreaterThanOrEqual(3000)
    expect(hers.typing.items).toEqual([])
  })

  test('[LV83] going is told fifteen seconds later', async () => {
    using both = await inRoom()
    const { minji, joon, hers, owner, customer, roomId } = both
    await joon.send(roomId, 'Bye')
    const since = performance.now()
    joon.client.disconnect()
    expect(await hers.leaves.reached(1)).toEqual([customer.id])
    expect(performance.now() - since).toBeGreaterThanOrEqual(15_000)
    expect((await minji.client.presence(`room:${roomId}`)).clients).toEqual({
      [minji.id]: { client: minji.id, user: owner.id },
    })
    expect(await minji.call('presence.status', { userIds: [customer.id] })).toMatchObject({
      items: [{ userId: customer.id, online: false }],
    })
  })

  test('[LV44] a token that runs out is replaced by the client, again and again, and the connection goes on', async () => {
    await using shop = await startParley({ env: BY_SECRET })
    const owner = await hostPerson(shop, 'u-1', 'Minji')
    const customer = await hostPerson(shop, 'u-2', 'Joon')
    const { id: roomId } = await customer.openRoom((await owner.offer('Road bike')).id)
    const tokens = new Seen<string>()
    const getToken = async () => {
      tokens.add(await mint({ sub: 'u-1', name: 'Minji', exp: seconds(2) }))
      return tokens.last ?? ''
    }
    using minji = await App.open(shop, owner, { getToken })
    const hers = await minji.room(roomId)
    const [first = ''] = await tokens.reached(4)
    expect(await statusOf(personBy(shop, first).get('/api/me'))).toBe(401)
    await customer.send(roomId, 'still there?')
    expect(await hers.texts(1)).toEqual(['still there?'])
    expect(minji.arrivals.items).toHaveLength(1)
    expect([...minji.losses.items, ...minji.troubles.items]).toEqual([])
  })

  test('[LV44] a token of somebody else does not replace it: the client stays away', async () => {
    await using shop = await startParley({ env: BY_SECRET })
    const tokens = [
      await mint({ sub: 'u-1', name: 'Minji', exp: seconds(2) }),
      await mint({ sub: 'u-2', name: 'Eve', exp: seconds(3600) }),
    ]
    using minji = await App.open(shop, { token: '' }, { getToken: async () => tokens.shift() ?? '' })
    expect(await minji.endings.reached(1)).toEqual([{ code: 3500, reason: 'invalid token' }])
  })

  test('[LV90] a quiet connection is pinged, answers, and stays', async () => {
    await using quick = await startParley({ env: { PARLEY_PING_INTERVAL: '2' } })
    const pings = new Seen<string>()
    class Listening extends WebSocket {
      constructor(url: string) {
        super(url)
        this.addEventListener('message', ({ data }) => data === '{}' && pings.add(data))
      }
    }
    using app = await App.open(quick, await quick.person('Minji'), { websocket: Listening, maxServerPingDelay: 2000 })
    await pings.reached(3)
    await app.call('rooms.list', {})
    expect(app.losses.items).toEqual([])
  })
})
