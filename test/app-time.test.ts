import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import type { Rate } from '../src/lib/rate-limit.ts'
import { AppSocket, holdSession, settle } from './support/app-socket.ts'
import { serveOn } from './support/in-process.ts'
import { BY_SECRET, mint, personBy, seconds } from './support/marketplace.ts'
import { Person } from './support/person.ts'
import { signUp } from './support/server.ts'

// What takes its time on an app socket. The clocks are in our hands; all the rest is real.

/** How far the clock of the server is ahead. */
let aheadMs = 0
let server: Awaited<ReturnType<typeof serveOn>>
beforeAll(async () => {
  server = await serveOn(
    () => ({}),
    () => Date.now() + aheadMs,
    { ...BY_SECRET, PARLEY_LIMITS: 'off' },
  )
})
afterAll(() => server[Symbol.asyncDispose]())
beforeEach(() => {
  aheadMs = 0
})

async function pair() {
  const both = await Promise.all([signUp(server.url, 'Minji'), signUp(server.url, 'Joon')])
  const [owner, customer] = both.map((signedUp) => new Person(server, signedUp))
  if (!owner || !customer) throw new Error('nobody signed up')
  const { id: roomId } = await customer.openRoom((await owner.offer('Road bike')).id)
  return { owner, customer, roomId }
}

async function identityOf({ token }: Person) {
  const identity = (await server.services.identities.authenticate({ by: 'bearer', token }))?.person
  if (!identity) throw new Error('not signed in')
  return identity
}

/** A connection whose clock begins at 0. */
async function held(person?: Person, commands?: Rate) {
  let uptime = 0
  const found = person && (await identityOf(person))
  const { services } = server
  const opened = holdSession({
    services,
    uptime: () => uptime,
    ...(found ? { found } : {}),
    ...(commands ? { commands } : {}),
  })
  const at = (seconds: number) => {
    uptime = seconds * 1000
    opened.session.tick()
  }
  return { ...opened, at, [Symbol.dispose]: () => opened.session.line.onClose() }
}

describe('[LV43] who does not connect', () => {
  test('is sent away after ten seconds, and stays away', async () => {
    using silent = await held()
    silent.at(9.999)
    expect(silent.socket.closedWith).toBeUndefined()
    silent.at(10)
    expect(silent.socket.closedWith).toEqual({ code: 3502, reason: 'stale' })
    expect(silent.socket.sent).toEqual([])
  })

  test('is sent away however often it tries', async () => {
    using failing = await held()
    for (const id of [1, 2, 3]) failing.say({ id, connect: { token: 'pls_nobody' } })
    await failing.socket.told('"id":3')
    failing.at(10)
    expect(failing.socket.closedWith?.code).toBe(3502)
  })

  test('but is in with its second try within them', async () => {
    const { owner } = await pair()
    using late = await held()
    late.say({ id: 1, connect: { token: 'pls_nobody' } }, { id: 2, connect: { token: owner.token } })
    await late.socket.told('"id":2')
    late.at(10)
    expect(late.socket.closedWith).toBeUndefined()
  })
})

/** When these tokens run out, in seconds. Once for all of them: the second may pass between two readings of the clock. */
const EXP = seconds(600)

describe('[LV44] a token that runs out', () => {
  test('leaves 25 seconds to bring another one; then its connection is closed', async () => {
    const exp = EXP * 1000
    using dan = await AppSocket.open(server, { token: await mint({ sub: 'dan', name: 'Dan', exp: EXP }) })
    tickAt(exp - 100)
    await expectOpen(dan)
    tickAt(exp + 24_000)
    await expectOpen(dan)
    tickAt(exp + 25_000)
    expect(await dan.closed).toEqual({ code: 3005, reason: 'connection expired' })
  })

  test('is replaced within them, and the connection goes on to the end of the new one', async () => {
    const dan = await AppSocket.open(server, { token: await mint({ sub: 'dan', name: 'Dan', exp: EXP }) })
    const exp = EXP * 1000
    tickAt(exp + 24_000)
    const renewed = await mint({ sub: 'dan', name: 'Dan', exp: EXP + 600 })
    expect((await dan.ask('refresh', { token: renewed })).refresh?.ttl).toBeWithin(550, 600)
    tickAt(exp + 25_000)
    await expectOpen(dan)
    tickAt((EXP + 600) * 1000 + 26_000)
    expect((await dan.closed).code).toBe(3005)
  })

  test.each<[string, (token: string) => Parameters<typeof AppSocket.dial>[1]]>([
    ['a bearer token of the upgrade', (token) => ({ headers: { authorization: `Bearer ${token}` } })],
    ['a subprotocol', (token) => ({ protocols: [`parley.bearer.${token}`, 'parley.v1'] })],
  ])('closes at once where it was %s', async (_, dialOf) => {
    const dan = await AppSocket.dial(server, dialOf(await mint({ sub: 'dan', name: 'Dan', exp: EXP })))
    await dan.connect()
    const exp = EXP * 1000
    tickAt(exp - 2000)
    await expectOpen(dan)
    tickAt(exp)
    expect((await dan.closed).code).toBe(3005)
  })

  test('was one of the upgrade and is replaced: from then on there are 25 seconds', async () => {
    const headers = { authorization: `Bearer ${await mint({ sub: 'dan', name: 'Dan', exp: EXP })}` }
    using dan = await AppSocket.dial(server, { headers })
    await dan.connect()
    await dan.ask('refresh', { token: await mint({ sub: 'dan', name: 'Dan', exp: EXP + 100 }) })
    tickAt((EXP + 100) * 1000 + 20_000)
    await expectOpen(dan)
  })

  test('of a ticket is the one that the ticket came from', async () => {
    const brief = personBy(server, await mint({ sub: 'dan', name: 'Dan', exp: EXP }))
    const { ticket } = (await (await brief.post('/api/tickets')).json()) as { ticket: string }
    const dan = await AppSocket.open(server, { token: ticket })
    tickAt(EXP * 1000 + 26_000)
    expect((await dan.closed).code).toBe(3005)
  })

  /** The server looks at its connections at this moment. */
  function tickAt(ms: number) {
    aheadMs = ms - Date.now()
    server.services.connections.tick()
  }

  async function expectOpen(socket: AppSocket) {
    expect((await socket.ask('ping')).ping).toEqual({})
  }
})

describe('[LV90] the server asks whether a client is there', () => {
  test('every 25 seconds, and closes after ten more without an answer', async () => {
    const { owner } = await pair()
    using minji = await held(owner)
    minji.say({ id: 1, connect: {} })
    await minji.socket.told('"id":1')
    const asked = () => minji.socket.sent.filter((line) => line === '{}').length
    minji.at(24.9)
    expect(asked()).toBe(0)
    minji.at(25)
    minji.at(34.9)
    expect([asked(), minji.socket.closedWith]).toEqual([1, undefined])
    minji.at(35)
    expect(minji.socket.closedWith).toEqual({ code: 3012, reason: 'no pong' })
  })

  test.each<[string, (line: Awaited<ReturnType<typeof held>>) => void]>([
    ['an empty command', ({ say }) => say({})],
    ['any other frame', ({ say }) => say({ id: 7, ping: {} })],
    ['reading some of what waits for it', ({ session }) => session.line.onDrain()],
  ])('and is satisfied by %s', async (_, answer) => {
    const { owner } = await pair()
    using minji = await held(owner)
    minji.say({ id: 1, connect: {} })
    await minji.socket.told('"id":1')
    minji.at(25)
    answer(minji)
    minji.at(40)
    expect(minji.socket.closedWith).toBeUndefined()
    minji.at(50)
    minji.at(60)
    expect(minji.socket.closedWith?.code).toBe(3012)
  })
})

describe('a client that reads slowly', () => {
  test('[LV65] gets its recovery when no more than 256 KiB is unread, and what is new after it', async () => {
    const { owner, customer, roomId } = await pair()
    for (const text of ['one', 'two', 'three']) await customer.send(roomId, text)
    using minji = await held(owner)
    minji.say({ id: 1, connect: {} })
    await minji.socket.told('"id":1')
    minji.socket.unsent = (256 << 10) + 1
    minji.say({ id: 2, subscribe: { channel: `room:${roomId}`, recover: true, offset: 1 } }, { id: 3, ping: {} })
    await customer.send(roomId, 'four')
    // Something read, and still too much.
    minji.session.line.onDrain()
    await customer.send(roomId, 'five')
    expect(minji.socket.sent.filter((line) => line.includes('"id":2'))).toEqual([])
    minji.socket.unsent = 256 << 10
    minji.session.line.onDrain()
    const reply = JSON.parse(await minji.socket.told('"id":2'))
    expect(reply.subscribe).toMatchObject({ recovered: true, offset: 1 })
    expect(reply.subscribe.publications.map(({ offset }: { offset: number }) => offset)).toEqual([2, 3, 4, 5])
    await minji.socket.told('"id":3')
    expect([...minji.socket.topics].sort()).toEqual([`room:${roomId}`, `user:${owner.id}`].sort())
  })

  test('gets no signals while over 64 KiB is unread', async () => {
    const { owner, customer, roomId } = await pair()
    await customer.send(roomId, 'one')
    using minji = await held(owner)
    minji.say({ id: 1, connect: {} }, { id: 2, subscribe: { channel: `room:${roomId}`, join_leave: true } })
    await minji.socket.told('"id":2')
    using joon = await AppSocket.open(server, customer)
    minji.socket.unsent = (64 << 10) + 1
    await joon.subscribe(roomId)
    await joon.rpc('room.typing', { roomId })
    await joon.rpc('room.read', { roomId, seq: 1 })
    minji.socket.unsent = 64 << 10
    // The message ends the typing, which may so be told again.
    await joon.say(roomId, 'two')
    await joon.rpc('room.typing', { roomId })
    await settle()
    const pushes = minji.socket.sent.slice(2).map((line) => JSON.parse(line).push)
    expect(pushes).toEqual([{ channel: `room:${roomId}`, pub: { data: { type: 'typing', userId: customer.id } } }])
  })
})

test('[LV54] whoever is heard in between is forgiven: fifty refusals are counted from the last message that was stored', async () => {
  const { owner, roomId } = await pair()
  using minji = await held(owner, { burst: 2, perSecond: 1 })
  const publish = (id: number) => ({ id, publish: { channel: `room:${roomId}`, data: { text: `${id}` } } })
  const refusals = () => minji.socket.sent.filter((line) => line.includes('"code":111')).length
  // The connect is the address's; two pings go through, one here and one below.
  minji.say({ id: 1, connect: {} }, { id: 2, ping: {} })
  await minji.socket.told('"id":2')
  for (const round of [1, 2, 3]) {
    minji.say(...Array.from({ length: 49 }, (_, at) => ({ id: 100 * round + at, ping: {} })))
    await minji.socket.told(`"id":${100 * round + 48},`)
    minji.at(round)
    minji.say(publish(1000 * round))
    await minji.socket.told(`{"id":${1000 * round},"publish":{}}`)
  }
  expect([refusals(), minji.socket.closedWith]).toEqual([146, undefined])
  minji.say(...Array.from({ length: 60 }, (_, at) => ({ id: 500 + at, ping: {} })))
  await minji.socket.told('"id":549,')
  expect(minji.socket.closedWith).toEqual({ code: 3013, reason: 'too many errors' })
  expect(refusals()).toBe(146 + 50)
})

test('[LV55] who has over 256 KiB unread waits with what is next, and is not cut off for it', async () => {
  const { owner, customer, roomId } = await pair()
  using minji = await held(owner)
  minji.say({ id: 1, connect: {} }, { id: 2, subscribe: { channel: `room:${roomId}` } })
  await minji.socket.told('"id":2')
  minji.socket.unsent = (256 << 10) + 1
  minji.say({ id: 3, rpc: { method: 'message.send', data: { roomId, text: 'later' } } }, { id: 4, ping: {} })
  await customer.send(roomId, 'now')
  // Something read, and still too much.
  minji.session.line.onDrain()
  await settle()
  expect(minji.socket.sent.filter((line) => line.includes('"id":3'))).toEqual([])
  expect((await customer.history(roomId)).map(({ text }) => text)).toEqual(['now'])
  minji.socket.unsent = 256 << 10
  minji.session.line.onDrain()
  await minji.socket.told('"id":4')
  expect((await customer.history(roomId)).map(({ text }) => text)).toEqual(['now', 'later'])
})
