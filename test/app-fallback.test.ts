import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NOT_FOUND, refusal, statusOf } from './support/answers.ts'
import { App, type Door, metric, Seen, settled } from './support/app-client.ts'
import { emulate, openOverHttp, openStream } from './support/http-stream.ts'
import type { Person } from './support/person.ts'
import { type RunningParley, startParley } from './support/server.ts'

// The app socket where WebSockets do not get through: over HTTP.

setDefaultTimeout(60_000)

const LIMITS_OFF = { PARLEY_LIMITS: 'off' }

let server: RunningParley
beforeAll(async () => {
  server = await startParley({ env: LIMITS_OFF })
})
afterAll(() => server[Symbol.asyncDispose]())

describe('[LV95] over HTTP', () => {
  test('the client connects, sends and receives, with the other side on a WebSocket', async () => {
    const { owner, customer, roomId } = await server.pair()
    using minji = await openOverHttp(server, owner)
    expect(minji.arrivals.last).toMatchObject({
      transport: 'http_stream',
      data: { user: { id: owner.id }, totalUnread: 0 },
    })
    expect(minji.given.items).toEqual([`user:${owner.id}`])
    const hers = await minji.room(roomId)
    using joon = await App.open(server, customer)
    const his = await joon.room(roomId)
    expect(await hers.joins.reached(1)).toEqual([customer.id])

    const sent = await minji.send(roomId, '네!', 'c-1')
    await joon.send(roomId, '몇 시에요?')
    await joon.call('room.read', { roomId, seq: 1 })
    await joon.call('room.typing', { roomId })
    await minji.call('room.read', { roomId, seq: 2 })

    expect(await his.texts(2)).toEqual(['네!', '몇 시에요?'])
    expect(await hers.entries.reached(2)).toEqual(his.entries.items)
    expect(hers.entries.items[0]?.data.message).toEqual(sent)
    expect(await hers.typing.reached(1)).toEqual([{ type: 'typing', userId: customer.id }])
    expect(await his.receipts.until((all) => all.at(-1)?.readSeq === 2)).toMatchObject([{ userId: owner.id }])
    await minji.inbox.until((all) => all.at(-1)?.totalUnread === 0)
  })

  test('every message of a busy room comes once, in order, on several rooms at once', async () => {
    const { owner, customer, roomId } = await server.pair()
    const { id: otherId } = await customer.openRoom((await owner.offer('Helmet')).id)
    using minji = await openOverHttp(server, owner)
    const rooms = [await minji.room(roomId), await minji.room(otherId)]
    using joon = await App.open(server, customer)
    const numbers = Array.from({ length: 100 }, (_, n) => `${n}`)
    await Promise.all(numbers.flatMap((text) => [joon.send(roomId, text), joon.send(otherId, text)]))
    for (const room of rooms) expect(await room.texts(100)).toEqual(numbers)
  })

  test('what is refused is told', async () => {
    const { roomId } = await server.pair()
    using eve = await openOverHttp(server, await server.person('Eve'))
    const subscription = eve.client.newSubscription(`room:${roomId}`)
    const ended = new Promise((resolve) => subscription.on('unsubscribed', resolve))
    subscription.subscribe()
    expect(await ended).toMatchObject({ code: 102 })
  })

  test('[LV42] an unknown token makes the client ask for another one', async () => {
    const minji = await server.person('Minji')
    const tokens = ['pls_unknown', minji.token]
    using app = await openOverHttp(server, minji, { getToken: async () => tokens.shift() ?? '' })
    expect(app.troubles.items).toMatchObject([{ code: 109 }])
  })

  test.each(['SIGTERM', 'SIGKILL'] as const)('after a restart by %s the client recovers', async (signal) => {
    const dataDir = mkdtempSync(join(tmpdir(), 'parley-lasting-'))
    let shop = await startParley({ dataDir, env: LIMITS_OFF })
    try {
      const { owner, customer, roomId } = await shop.pair()
      using minji = await openOverHttp(shop, owner)
      const hers = await minji.room(roomId)
      await customer.send(roomId, 'before')
      await hers.texts(1)

      await shop.stop(signal)
      await minji.losses.reached(1)
      shop = await startParley({ dataDir, env: LIMITS_OFF, args: ['--port', new URL(shop.url).port] })
      await customer.send(roomId, 'meanwhile')
      await hers.places.reached(2)
      await minji.send(roomId, 'after')

      expect(await hers.texts(3)).toEqual(['before', 'meanwhile', 'after'])
      expect(hers.places.last).toMatchObject({ wasRecovering: true, recovered: true })
      if (signal === 'SIGTERM') expect(minji.losses.items).toEqual([{ code: 3001, reason: 'shutdown' }])
    } finally {
      await shop.stop('SIGKILL')
      rmSync(dataDir, { recursive: true, force: true })
    }
  })
})

const commands = (...all: object[]) => all.map((each) => JSON.stringify(each)).join('\n')

describe('[LV96] commands', () => {
  test('go to the stream whose session they name, one or more in a frame, and are answered there', async () => {
    const { owner, roomId } = await server.pair()
    using stream = await openStream(server, owner)
    const { session, node } = stream
    const data = commands(
      { id: 2, subscribe: { channel: `room:${roomId}` } },
      { id: 3, rpc: { method: 'message.send', data: { roomId, text: 'hi' } } },
    )
    expect(await statusOf(emulate(server, { session, node, data }))).toBe(204)
    expect(await stream.next()).toMatchObject({ id: 2, subscribe: { offset: 0 } })
    expect(await stream.next()).toMatchObject({ push: { channel: `room:${roomId}`, pub: { offset: 1 } } })
    expect(await stream.next()).toMatchObject({ id: 3, rpc: { data: { seq: 1, text: 'hi' } } })
  })

  test('for a session or a node that is not here are not found, nor for one that has ended', async () => {
    const minji = await server.person('Minji')
    const stream = await openStream(server, minji)
    const { session, node } = stream
    const data = commands({ id: 2, ping: {} })
    const unknown = crypto.randomUUID()
    expect(await refusal(emulate(server, { session: unknown, node, data }))).toEqual(NOT_FOUND)
    expect(await refusal(emulate(server, { session, node: unknown, data }))).toEqual(NOT_FOUND)
    expect(await statusOf(emulate(server, { session, node, data }))).toBe(204)
    stream[Symbol.dispose]()
    await settled(server, 'parley_connections', (count) => count === 0)
    expect(await refusal(emulate(server, { session, node, data }))).toEqual(NOT_FOUND)
  })

  test('and streams of a foreign Origin are refused', async () => {
    const minji = await server.person('Minji')
    using stream = await openStream(server, minji)
    const { session, node } = stream
    const origin = 'https://evil.example'
    const data = commands({ id: 2, ping: {} })
    const refused = { status: 403, code: 'origin_not_allowed' }
    expect(await refusal(emulate(server, { session, node, data }, { origin }))).toEqual(refused)
    const body = { id: 1, connect: { token: minji.token } }
    expect(await refusal(minji.post('/connection/http_stream', body, { origin }))).toEqual(refused)
    expect(await statusOf(emulate(server, { session, node, data }, { origin: server.url }))).toBe(204)
  })
})

describe('a stream', () => {
  test.each<[string, (person: Person, roomId: number) => Promise<() => void>]>([
    [
      'is disconnected by the client',
      async (person, roomId) => {
        const app = await openOverHttp(server, person)
        await app.room(roomId)
        return () => app.client.disconnect()
      },
    ],
    [
      'is given up',
      async (person) => {
        const stream = await openStream(server, person)
        return () => stream[Symbol.dispose]()
      },
    ],
    [
      'is lost with its connection',
      async (person, roomId) => {
        const mute = await openMute(server, person, roomId)
        return () => mute.reset()
      },
    ],
  ])('that %s is forgotten', async (_, open) => {
    const { owner, roomId } = await server.pair()
    await settled(server, 'parley_connections', (count) => count === 0)
    const leave = await open(owner, roomId)
    expect(await metric(server, 'parley_connections')).toBe(1)
    leave()
    await settled(server, 'parley_connections', (count) => count === 0)
    await settled(server, 'parley_live_rooms', (count) => count === 0)
  })

  test('[LV91] whose client never reads is cut off; the memory stays, and the other side is not held up', async () => {
    const { owner, customer, roomId } = await server.pair()
    await settled(server, 'parley_connections', (count) => count === 0)
    using joon = await App.open(server, customer)
    const his = await joon.room(roomId)
    using _ = await openMute(server, owner, roomId)
    // Once round, so that what a busy server needs anyhow is there already.
    const talk = () => Promise.all(Array.from({ length: 20 }, () => joon.send(roomId, '한'.repeat(4000))))
    for (let n = 0; n < 5; n++) await talk()
    expect(await metric(server, 'parley_connections')).toBe(2)
    const before = await metric(server, 'process_resident_memory_bytes')

    // What the kernel holds for it, then 1 MiB, then it is cut off.
    let rounds = 5
    for (; (await metric(server, 'parley_connections')) === 2; rounds++) await talk()
    expect(await metric(server, 'process_resident_memory_bytes')).toBeLessThan(before + (60 << 20))
    // Far below what was sent, had all of it been kept.
    expect(rounds * 20 * 12_000).toBeLessThan(32 << 20)
    expect((await his.entries.reached(rounds * 20)).map(({ offset }) => offset)).toEqual(
      Array.from({ length: rounds * 20 }, (_, at) => at + 1),
    )
  })
})

/** A client on bare TCP that opens a stream, listens in a room, and reads nothing more. `using` resets it. */
async function openMute(door: Door, { token }: Person, roomId: number) {
  const { hostname, port, host } = new URL(door.url)
  let head = ''
  let heard = () => {}
  const listening = new Promise<void>((resolve) => {
    heard = resolve
  })
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data(_, bytes) {
        head += bytes.toString()
        if (/"session":"[^"]+".*\n/.test(head)) heard()
      },
    },
  })
  const body = JSON.stringify({ id: 1, connect: { token } })
  socket.write(
    `POST /connection/http_stream HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  )
  await listening
  socket.pause()
  const [, session, node] = /"session":"([^"]+)","node":"([^"]+)"/.exec(head) ?? []
  const data = commands({ id: 2, subscribe: { channel: `room:${roomId}` } })
  expect(await statusOf(emulate(door, { session, node, data }))).toBe(204)
  await settled(door, 'parley_live_rooms', (rooms) => rooms === 1)
  const reset = () => socket.terminate()
  return { reset, [Symbol.dispose]: reset }
}

describe.concurrent('[LV90] a quiet stream', () => {
  test('whose client answers pings stays', async () => {
    await using quick = await startParley({ env: { PARLEY_PING_INTERVAL: '2' } })
    const { owner, customer, roomId } = await quick.pair()
    const pongs = new Seen<string>()
    const listening = (url: string, init: RequestInit) => {
      if (url.endsWith('/emulation') && String(init.body).includes('"data":"{}"')) pongs.add(url)
      return fetch(url, init)
    }
    using minji = await openOverHttp(quick, owner, { fetch: listening, maxServerPingDelay: 2000 })
    const hers = await minji.room(roomId)
    await pongs.reached(3)
    await customer.send(roomId, 'still there?')
    expect(await hers.texts(1)).toEqual(['still there?'])
    expect(minji.losses.items).toEqual([])
  })

  test('whose client only reads is ended, and told so', async () => {
    await using quick = await startParley({ env: { PARLEY_PING_INTERVAL: '1' } })
    using stream = await openStream(quick, await quick.person('Minji'))
    expect(await stream.next()).toEqual({})
    expect(await stream.next()).toMatchObject({ push: { disconnect: { code: 3012, reason: 'no pong' } } })
    expect(await stream.next()).toBeUndefined()
    await settled(quick, 'parley_connections', (count) => count === 0)
  })

  test('whose client neither answers nor reads is ended', async () => {
    await using quick = await startParley({ env: { PARLEY_PING_INTERVAL: '1' } })
    const { owner, roomId } = await quick.pair()
    using _ = await openMute(quick, owner, roomId)
    await settled(quick, 'parley_connections', (count) => count === 0)
    await settled(quick, 'parley_live_rooms', (count) => count === 0)
  }, 20_000)
})
