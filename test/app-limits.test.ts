import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { AppSocket, refused, seqs } from './support/app-socket.ts'
import { frame, RawSocket } from './support/raw-socket.ts'
import { type RunningParley, startParley } from './support/server.ts'

setDefaultTimeout(60_000)

const urlOf = ({ wsUrl }: RunningParley) => `${wsUrl}/connection/websocket`
const OFF = { env: { PARLEY_LIMITS: 'off' } }
const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })

/** How the server answers an upgrade. */
async function knock(server: RunningParley, address: string, headers: Record<string, string> = {}) {
  using raw = await RawSocket.open(urlOf(server), 'pls_nobody', { 'X-Forwarded-For': address, ...headers })
  const [, status] = /^HTTP\/1.1 (\d+)/.exec(raw.head) ?? []
  const [, retryAfter] = /^retry-after: (\d+)/im.exec(raw.head) ?? []
  return { status: Number(status), retryAfter: Number(retryAfter) }
}

/** A connection that is in, on bare TCP. */
async function raw(server: RunningParley, { token }: { token: string }) {
  const socket = await RawSocket.open(urlOf(server), token)
  socket.sendTexts(['{"id":1,"connect":{}}'])
  expect(await socket.text()).toStartWith('{"id":1,"connect":')
  return socket
}

describe('[LV51] frames that wait', () => {
  // A send waits for its commit; and all are there in one write, before the first one is answered.
  test.each([
    ['256', 600, 0],
    ['1 MiB', 40, 60_000],
  ])('are %s at most: then 3013', async (_, count, length) => {
    await using server = await startParley(OFF)
    const { owner, roomId } = await server.pair()
    using flood = await raw(server, owner)
    const say = (id: number) => JSON.stringify({ id, rpc: { method: 'message.send', data: { roomId, text: `${id}` } } })
    flood.sendTexts(seqs(1, count).map((id) => say(id).padEnd(length)))
    expect((await flood.closed).code).toBe(3013)
    // What was begun may be stored; of what waited nothing is.
    expect((await owner.history(roomId)).length).toBeLessThan(count / 2)
  })

  test('are handled one at a time, in the order they came, however many commands each holds', async () => {
    await using server = await startParley(OFF)
    const { owner, roomId } = await server.pair()
    using socket = await AppSocket.open(server, owner)
    // 200 frames of three commands: a slow one, a quick one, and one that is refused.
    for (const n of seqs(1, 200)) {
      const text = `${n}`
      socket.send([
        { id: n * 10, rpc: { method: 'message.send', data: { roomId, text } } },
        { id: n * 10 + 1, ping: {} },
        { id: n * 10 + 2, rpc: { method: 'message.send', data: { roomId, text: ' ' } } },
      ])
    }
    await socket.reply(2002)
    const order = socket.lines.flatMap((line) => (JSON.parse(line) as { id?: number }).id ?? [])
    expect(order.slice(1)).toEqual(seqs(1, 200).flatMap((n) => [n * 10, n * 10 + 1, n * 10 + 2]))
    expect((await owner.history(roomId)).map(({ text }) => text)).toEqual(seqs(1, 200).map(String))
  })

  test.each<[string, () => Uint8Array, number]>([
    ['more than 64 KiB', () => frame(1, Buffer.from('x'.repeat(65_537))), 1009],
    ['text that is not UTF-8', () => frame(1, Buffer.from([0x7b, 0xff, 0x7d])), 1007],
    // A surrogate in UTF-8, which is none.
    ['a lone surrogate', () => frame(1, Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])), 1007],
    ['a reserved opcode', () => frame(3, Buffer.from('hi')), 1002],
    ['a frame without a mask', () => Buffer.from([0x81, 2, 104, 105]), 1002],
  ])('close the socket where they have %s; nobody else’s', async (_, bytes, code) => {
    await using server = await startParley(OFF)
    const minji = await server.person('Minji')
    using other = await AppSocket.open(server, minji)
    using socket = await raw(server, minji)
    socket.send(bytes())
    expect((await socket.closed).code).toBe(code)
    expect((await other.ask('ping')).ping).toEqual({})
  })

  test('of 64 KiB are none of these', async () => {
    await using server = await startParley(OFF)
    using socket = await AppSocket.open(server, await server.person('Minji'))
    socket.send('{"id":9,"ping":{}}'.padEnd(65_536))
    expect(await socket.reply(9)).toEqual({ id: 9, ping: {} })
  })
})

describe('[LV54] the rate of commands', () => {
  test('is 1,500 at once; past it 111, which is temporary; and after fifty of these 3013', async () => {
    await using server = await startParley()
    using socket = await AppSocket.open(server, await server.person('Minji'))
    // In frames of many, so that no frame has to wait.
    for (const at of seqs(0, 29)) socket.send(seqs(1, 100).map((n) => ({ id: 1000 + at * 100 + n, ping: {} })))
    expect((await socket.closed).code).toBe(3013)
    const replies = socket.lines.slice(1).map((line) => JSON.parse(line))
    const passed = replies.findIndex(({ error }) => error)
    // A bucket fills while it is emptied: a hundred a second.
    expect(passed).toBeWithin(1499, 1800)
    expect(replies[passed]).toEqual(refused(replies[passed].id, 111, 'rate_limited', true))
    expect(replies.filter(({ error }) => error)).toHaveLength(50)
  })

  test.each<[string, () => string]>([
    ['what needs no reply', () => '{"send":{"data":{"method":"room.shout"}}}'],
    ['what is refused', () => '{"id":9,"shout":{}}'],
    ['answers to pings that nobody sent', () => '{}'],
    ['blank lines', () => ''],
  ])('counts %s', async (_, line) => {
    await using server = await startParley()
    using socket = await AppSocket.open(server, await server.person('Minji'))
    for (const __ of seqs(1, 30)) socket.send(Array.from({ length: 100 }, line).join('\n'))
    expect((await socket.closed).code).toBe(3013)
  })

  test.each<[string, (n: number) => object]>([
    ['presence.status', (id) => ({ id, rpc: { method: 'presence.status', data: { userIds: Array(100).fill('x') } } })],
    ['rooms.list', (id) => ({ id, rpc: { method: 'rooms.list', data: { limit: 100 } } })],
  ])('counts ten rows that were read as one: those of %s', async (_, command) => {
    await using server = await startParley()
    using socket = await AppSocket.open(server, await server.person('Minji'))
    // Each is one, and ten for its rows: 136 in all.
    for (const at of seqs(0, 19)) socket.send(seqs(1, 20).map((n) => command(100 + at * 20 + n)))
    expect((await socket.closed).code).toBe(3013)
    const passed = socket.lines.slice(1).findIndex((line) => line.includes('"error"'))
    expect(passed).toBeWithin(130, 200)
  })

  test('is one for all connections of a person: a reconnect does not reset it, and others have theirs', async () => {
    await using server = await startParley()
    const minji = await server.person('Minji')
    using first = await AppSocket.open(server, minji)
    for (const _ of seqs(1, 30)) first.send(seqs(1, 100).map((id) => ({ id, ping: {} })))
    expect((await first.closed).code).toBe(3013)
    using second = await AppSocket.dial(server)
    // A connect is the address's, as long as nobody is known.
    expect((await second.connect(minji.token)).connect).toBeDefined()
    second.send(seqs(1, 300).map((id) => ({ id: 100 + id, ping: {} })))
    expect((await second.closed).code).toBe(3013)
    using joon = await AppSocket.open(server, await server.person('Joon'))
    expect((await joon.ask('ping')).ping).toEqual({})
  })

  test('of sends is that of the person: 1,000 a second from one client, then from its next connection', async () => {
    await using server = await startParley()
    const { owner, customer, roomId } = await server.pair()
    using witness = await AppSocket.open(server, owner)
    await witness.subscribe(roomId)
    const flood = (socket: AppSocket) => {
      for (const at of seqs(0, 9)) {
        const say = (n: number) => ({ method: 'message.send', data: { roomId, text: `${at}.${n}` } })
        socket.send(seqs(1, 100).map((n) => ({ id: 1000 + at * 100 + n, rpc: say(n) })))
      }
    }
    const stored = (socket: AppSocket) => socket.lines.filter((line) => line.includes('"rpc"')).length
    using first = await AppSocket.open(server, customer)
    const since = performance.now()
    flood(first)
    expect((await first.closed).code).toBe(3013)
    expect(stored(first)).toBeGreaterThanOrEqual(20)
    using second = await AppSocket.open(server, customer)
    flood(second)
    expect((await second.closed).code).toBe(3013)
    // Five a second, and not twenty anew.
    const most = 20 + 5 * Math.ceil((performance.now() - since) / 1000)
    expect(stored(first) + stored(second)).toBeLessThanOrEqual(most)
    expect(await owner.history(roomId)).toHaveLength(stored(first) + stored(second))
    expect(await witness.entries(stored(first) + stored(second))).toHaveLength(stored(first) + stored(second))
    expect((await witness.ask('ping')).ping).toEqual({})
  })

  test('of sends is one for the app socket, the plain one and REST', async () => {
    await using server = await startParley()
    const { customer, roomId } = await server.pair()
    using app = await AppSocket.open(server, customer)
    using plain = await customer.connect(roomId)
    const since = performance.now()
    const outcomes: boolean[] = []
    for (const n of seqs(1, 20)) {
      outcomes.push((await app.rpc('message.send', { roomId, text: `app ${n}` })).error === undefined)
      plain.send({ message: `plain ${n}` })
      while (true) {
        const { code, message } = await plain.next()
        // What is sent elsewhere comes here too.
        if (message && !message.startsWith('plain')) continue
        outcomes.push(code === undefined)
        break
      }
      outcomes.push((await customer.post(`/api/rooms/${roomId}/messages`, { text: `rest ${n}` })).status === 201)
    }
    const seconds = (performance.now() - since) / 1000
    expect(outcomes.filter((isStored) => isStored).length).toBeWithin(20, 22 + Math.ceil(5 * seconds))
    // Each of the three was refused for what the others had sent.
    for (const way of [0, 1, 2]) expect(outcomes.filter((_, at) => at % 3 === way)).toContain(false)
  })
})

test('[LV60] [LV53] a connection listens to 256 rooms, and to another one when it has left one', async () => {
  await using server = await startParley(OFF)
  const owner = await server.person('Minji')
  const customer = await server.person('Joon')
  const rooms: number[] = []
  while (rooms.length < 257) {
    const products = await Promise.all(seqs(1, 32).map((n) => owner.offer(`Bike ${n}`)))
    rooms.push(...(await Promise.all(products.map(({ id }) => customer.openRoom(id)))).map(({ id }) => id))
  }
  const [last = 0] = rooms.splice(256)
  using socket = await AppSocket.open(server, customer)
  // All of them in one frame, as after a reconnect.
  socket.send(rooms.map((roomId, at) => ({ id: 1000 + at, subscribe: { channel: `room:${roomId}` } })))
  const replies = await Promise.all(rooms.map((_, at) => socket.reply(1000 + at)))
  expect(replies.filter(({ subscribe }) => subscribe)).toHaveLength(256)
  expect(await socket.subscribe(last)).toEqual(refused(2, 106, 'too_many_channels'))
  expect(await socket.subscribe(rooms[0] ?? 0)).toEqual(refused(3, 105, 'already_subscribed'))
  await socket.ask('unsubscribe', { channel: `room:${rooms[0]}` })
  expect((await socket.subscribe(last)).subscribe).toBeDefined()
  await Promise.all([last, rooms[1] ?? 0, rooms[0] ?? 0].map((roomId) => owner.send(roomId, 'hi')))
  expect((await socket.entries(2)).length).toBe(2)
})

describe('one address', () => {
  test('[LV42] [LV8] has 120 failing connects a minute; past it they are error 111, and a good one goes through', async () => {
    await using server = await startParley()
    const minji = await server.person('Minji')
    using socket = await AppSocket.dial(server, from('198.51.100.7'))
    for (const n of seqs(1, 120))
      expect((await socket.connect(n % 2 ? 'pls_nobody' : undefined)).error?.code).toBe(n % 2 ? 109 : 101)
    expect(await socket.connect('pls_nobody')).toEqual(refused(121, 111, 'rate_limited', true))
    expect((await socket.connect(minji.token)).connect?.data.user.id).toBe(minji.id)
    // It is the address that has none left, whatever its next connection is.
    const over = await knock(server, '198.51.100.7')
    expect(over.status).toBe(429)
    expect(over.retryAfter).toBeWithin(1, 61)
    expect((await knock(server, '198.51.100.8')).status).toBe(101)
    using good = await AppSocket.open(server, minji, {
      headers: { authorization: `Bearer ${minji.token}`, 'x-forwarded-for': '198.51.100.7' },
    })
    expect((await good.ask('ping')).ping).toEqual({})
  })

  test('[LV42] is sent away after fifty failing connects past the limit', async () => {
    await using server = await startParley()
    using socket = await AppSocket.dial(server, from('198.51.100.7'))
    const tries = seqs(1, 300).map((id) => ({ id, connect: { token: 'pls_nobody' } }))
    socket.send(tries.slice(0, 150))
    socket.send(tries.slice(150))
    expect((await socket.closed).code).toBe(3013)
    const codes = socket.lines.map((line) => JSON.parse(line).error?.code)
    expect(codes).toEqual([...Array(120).fill(109), ...Array(50).fill(111)])
  })

  test('[LV43] has a quarter of 512 sockets for those of whom it is not known who they are', async () => {
    await using server = await startParley()
    const minji = await server.person('Minji')
    const dial = () => AppSocket.dial(server, from('198.51.100.7'))
    const strangers = await Promise.all(seqs(1, 128).map(dial))
    expect(await knock(server, '198.51.100.7')).toEqual({ status: 429, retryAfter: 10 })
    expect((await knock(server, '198.51.100.8')).status).toBe(101)
    // Whoever says who they are makes room for another one; so does whoever goes.
    await strangers[0]?.connect(minji.token)
    strangers.push(await dial())
    expect((await knock(server, '198.51.100.7')).status).toBe(429)
    strangers[1]?.close()
    await strangers[1]?.closed
    strangers.push(await dial())
    expect((await knock(server, '198.51.100.7')).status).toBe(429)
    for (const socket of strangers) socket.close()
  })

  test('[LV8] has 512 sockets in all', async () => {
    await using server = await startParley()
    const minji = await server.person('Minji')
    const sockets: AppSocket[] = []
    while (sockets.length < 512) {
      sockets.push(...(await Promise.all(seqs(1, 64).map(() => AppSocket.open(server, minji, from('198.51.100.7'))))))
    }
    expect(await knock(server, '198.51.100.7')).toEqual({ status: 429, retryAfter: 10 })
    for (const socket of sockets) socket.close()
  })
})
