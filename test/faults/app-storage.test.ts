import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { ChatError } from '../../src/lib/errors.ts'
import type { UserStore } from '../../src/users/store.ts'
import { AppSocket, refused, typeOf, until } from '../support/app-socket.ts'
import { failing, startFaulty } from '../support/faulty-server.ts'
import { mint, personBy } from '../support/marketplace.ts'

// An app socket on a storage that fails when it is told to.

let server: Awaited<ReturnType<typeof startFaulty>>
beforeAll(async () => {
  server = await startFaulty()
})
afterAll(() => server[Symbol.asyncDispose]())
afterEach(() => server.fail())

const CAUSE = 'the-cause is not a function'
const INTERNAL = (id: number) => refused(id, 100, 'internal', true)

async function expectOpen(socket: AppSocket) {
  expect((await socket.ask('ping')).ping).toEqual({})
}

describe('[LV53] a command that fails for no reason of its own is error 100; the socket stays, and it goes well later:', () => {
  const channel = (roomId: number) => ({ channel: `room:${roomId}` })
  const commands: [string, string, string, (roomId: number) => object, string][] = [
    [
      'rpc message.send',
      'append',
      'rpc',
      (roomId) => ({ method: 'message.send', data: { roomId, text: 'hi' } }),
      'rpc',
    ],
    ['publish', 'append', 'publish', (roomId) => ({ ...channel(roomId), data: { text: 'hi' } }), 'publish'],
    ['subscribe', 'lastSeq', 'subscribe', channel, 'subscribe'],
    ['a recovery', 'span', 'subscribe', (roomId) => ({ ...channel(roomId), recover: true }), 'subscribe'],
    ['where a stream ends', 'lastSeq', 'history', channel, 'history'],
    ['history', 'span', 'history', (roomId) => ({ ...channel(roomId), limit: 1 }), 'history'],
    ['room.read', 'markRead', 'rpc', (roomId) => ({ method: 'room.read', data: { roomId, seq: 1 } }), 'rpc'],
    [
      'what is left to read',
      'totalUnread',
      'rpc',
      (roomId) => ({ method: 'room.read', data: { roomId, seq: 1 } }),
      'rpc',
    ],
    ['rooms.list', 'inbox', 'rpc', () => ({ method: 'rooms.list' }), 'rpc'],
    ['presence.status', 'ofPeers', 'rpc', () => ({ method: 'presence.status', data: { userIds: ['x'] } }), 'rpc'],
  ]

  test.each(commands)('%s', async (_, method, command, requestOf, field) => {
    const { owner, customer, roomId } = await server.pair()
    await customer.send(roomId, 'one')
    using socket = await AppSocket.open(server, owner)
    using witness = await AppSocket.open(server, customer)
    server.logged('')
    server.fail({ [method]: failing(new TypeError(CAUSE)) })
    const reply = await socket.ask(command, requestOf(roomId))
    expect(reply).toEqual(INTERNAL(2))
    expect(JSON.stringify(reply)).not.toContain('the-cause')
    expect(server.logged('command_failed')).toMatchObject([
      { level: 'error', userId: owner.id, error: `TypeError: ${CAUSE}` },
    ])
    await expectOpen(witness)
    server.fail()
    expect((await socket.ask(command, requestOf(roomId)))[field]).toBeDefined()
    expect(server.logged('command_failed')).toEqual([])
  })

  test('what the storage itself calls unavailable is told as that, and is no error of ours in the log', async () => {
    const { owner, roomId } = await server.pair()
    using socket = await AppSocket.open(server, owner)
    server.logged('')
    server.fail({ append: failing(new ChatError('unavailable')) })
    const reply = await socket.rpc('message.send', { roomId, text: 'hi' })
    expect(reply).toEqual(refused(2, 100, 'unavailable', true))
    expect(server.logged('command_failed')).toEqual([])
  })

  test('a room whose end could not be read is live no more; its subscribers were never there', async () => {
    const { owner, roomId } = await server.pair()
    using socket = await AppSocket.open(server, owner)
    const before = server.services.hub.liveRooms
    server.fail({ lastSeq: failing(new Error('no')) })
    await socket.subscribe(roomId)
    expect(server.services.hub.liveRooms).toBe(before)
    server.fail()
    expect((await socket.ask('presence_stats', { channel: `room:${roomId}` })).presence_stats?.num_clients).toBe(0)
  })

  test('a message that was stored and whose answer was lost is found by its clientId, and told once to the room', async () => {
    const { owner, customer, roomId } = await server.pair()
    using hers = await AppSocket.open(server, owner)
    using his = await AppSocket.open(server, customer)
    await hers.subscribe(roomId)
    server.fail({
      append: async (real) => {
        await real()
        throw new Error('lost on the way back')
      },
    })
    expect(await his.rpc('message.send', { roomId, text: 'once', clientId: 'c-1' })).toEqual(INTERNAL(2))
    server.fail()
    expect(await his.say(roomId, 'once', 'c-1')).toMatchObject({ seq: 1, text: 'once' })
    await his.say(roomId, 'then')
    expect(await hers.entries(2)).toEqual([1, 2])
    expect(await owner.history(roomId)).toHaveLength(2)
  })
})

describe('[LV42] a connect that fails for no reason of its own is error 100, and another try on the same socket goes well:', () => {
  test.each([
    ['the person could not be found', 'find', 1],
    ['they could not be looked at again', 'find', 2],
    ['what is unread could not be read', 'totalUnread', 1],
  ])('%s', async (_, method, failsAt) => {
    const { owner } = await server.pair()
    using socket = await AppSocket.dial(server)
    let calls = 0
    server.fail({ [method]: (real) => (++calls === failsAt ? Promise.reject(new TypeError(CAUSE)) : real()) })
    server.logged('')
    expect(await socket.connect(owner.token)).toEqual(INTERNAL(1))
    expect(calls).toBe(failsAt)
    expect(server.logged('command_failed')).toHaveLength(1)
    expect((await socket.connect(owner.token)).connect?.data.user.id).toBe(owner.id)
    await expectOpen(socket)
  })
})

describe('[LV45] in the moment between the check and the registration', () => {
  type FoundUser = Awaited<ReturnType<UserStore['find']>>

  test('a session that ends does not slip through', async () => {
    const { owner } = await server.pair()
    using socket = await AppSocket.dial(server)
    let looks = 0
    server.fail({ find: (real) => (++looks > 1 ? Promise.resolve(undefined) : real()) })
    socket.send({ id: 1, connect: { token: owner.token } })
    expect(await socket.closed).toEqual({ code: 3005, reason: 'connection expired' })
    expect(looks).toBe(2)
    expect(socket.lines).toEqual([])
  })

  test.each<[string, number, (user: NonNullable<FoundUser>) => FoundUser]>([
    ['is disabled', 3503, (user) => ({ ...user, disabledAt: Date.now() })],
    ['is signed out everywhere', 3005, (user) => ({ ...user, tokensFrom: Date.now() + 1 })],
  ])('nor does somebody who %s, also with a refresh', async (what, code, change) => {
    const tokens = await Promise.all(
      ['a', 'b'].map((jti) => mint({ sub: `dan ${what}`.replaceAll(' ', '-'), name: 'Dan', jti })),
    )
    const [first = '', second = ''] = tokens
    await personBy(server, first).get('/api/me')
    const changeSecond = () => {
      let looks = 0
      server.fail({
        find: async (real) => {
          const user = (await real()) as FoundUser
          return user && ++looks > 1 ? change(user) : user
        },
      })
    }
    using coming = await AppSocket.dial(server)
    changeSecond()
    coming.send({ id: 1, connect: { token: first } })
    expect((await coming.closed).code).toBe(code)
    server.fail()
    using there = await AppSocket.open(server, { token: first })
    changeSecond()
    there.send({ id: 9, refresh: { token: second } })
    expect((await there.closed).code).toBe(code)
  })

  test('somebody who takes another name is welcomed by that one', async () => {
    const { owner } = await server.pair()
    using socket = await AppSocket.dial(server)
    server.fail({
      find: async (real) => {
        server.fail()
        const record = await real()
        await owner.call('PATCH', '/api/me', { username: 'Minji Kim' })
        return record
      },
    })
    expect((await socket.connect(owner.token)).connect?.data.user.username).toBe('Minji Kim')
  })
})

describe('presence, receipts and the inbox', () => {
  test('[LV86] nobody is told of somebody of whom it could not be read whether they hide', async () => {
    const { owner, customer, roomId } = await server.pair()
    using hers = await AppSocket.open(server, owner)
    await hers.subscribe(roomId, { join_leave: true })
    server.logged('')
    server.fail({ isHidden: failing(new Error('no')) })
    using his = await AppSocket.open(server, customer)
    expect(server.logged('presence_failed')).toHaveLength(1)
    await his.subscribe(roomId)
    const about = { channel: `room:${roomId}` }
    expect((await hers.ask('presence_stats', about)).presence_stats?.num_clients).toBe(1)
    expect((await hers.rest()).filter((push) => typeOf(push) === 'join')).toEqual([])
  })

  test.each([true, false])('[LV86] nor of somebody of whom it is not known yet; who hides: %p', async (hidden) => {
    const { owner, customer, roomId } = await server.pair()
    await customer.put('/api/me/presence', { hidden })
    using hers = await AppSocket.open(server, owner)
    await hers.subscribe(roomId, { join_leave: true })
    const slow = Promise.withResolvers<void>()
    let isAsked = false
    server.fail({
      isHidden: (real) => {
        isAsked = true
        return slow.promise.then(real)
      },
    })
    using his = await AppSocket.dial(server)
    his.send([
      { id: 1, connect: { token: customer.token } },
      { id: 2, subscribe: { channel: `room:${roomId}` } },
    ])
    await until(() => isAsked)
    const about = { channel: `room:${roomId}` }
    expect((await hers.ask('presence_stats', about)).presence_stats?.num_clients).toBe(1)
    slow.resolve()
    await his.reply(2)
    const joins = (await hers.rest()).filter((push) => typeOf(push) === 'join')
    expect(joins).toHaveLength(hidden ? 0 : 1)
  })

  test('[LV81] a mark that could not be stored is logged, and the next one goes well', async () => {
    const { owner, customer, roomId } = await server.pair()
    for (const text of ['one', 'two']) await customer.send(roomId, text)
    using hers = await AppSocket.open(server, owner)
    await hers.subscribe(roomId)
    server.logged('')
    server.fail({ markDelivered: failing(new Error('no')) })
    expect((await hers.rpc('room.delivered', { roomId, seq: 1 })).rpc?.data).toEqual({})
    await until(() => server.lines.some((line) => line.includes('receipts_failed')))
    server.fail()
    await hers.rpc('room.delivered', { roomId, seq: 2 })
    expect((await hers.nextOf('receipt')).pub?.data).toMatchObject({ deliveredSeq: 2, readSeq: 0 })
    await expectOpen(hers)
  })

  test.each(['summaries', 'unreadOf'])(
    '[LV70] an inbox that could not be read (%s) is logged, and told the next time',
    async (method) => {
      const { owner, customer, roomId } = await server.pair()
      using hers = await AppSocket.open(server, owner)
      server.logged('')
      server.fail({ [method]: failing(new Error('no')) })
      await customer.send(roomId, 'one')
      await until(() => server.lines.some((line) => line.includes('inbox_failed')))
      server.fail()
      await customer.send(roomId, 'two')
      expect((await hers.nextOf('room.changed')).pub?.data).toMatchObject({ room: { unread: 2 }, totalUnread: 2 })
    },
  )
})
