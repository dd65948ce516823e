import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { frame, RawSocket } from './support/raw-socket.ts'
import { type RunningParley, startParley } from './support/server.ts'

let server: RunningParley
beforeAll(async () => {
  server = await startParley({ env: { PARLEY_PING_INTERVAL: '1' } })
})
afterAll(() => server[Symbol.asyncDispose]())

const metric = async (name: string) => {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0)
}

describe('[LV16] the rate of frames', () => {
  test('twenty at once pass; flooding is told, then the socket is closed', async () => {
    const { owner, customer, roomId } = await server.pair()
    const joon = await customer.connect(roomId)
    for (let n = 1; n <= 120; n++) joon.send({ message: `number ${n}`, client_id: `c${n}` })

    expect((await joon.closed).code).toBe(4409)
    const refused = joon.received.filter(({ code }) => code === 'rate_limited')
    expect(refused[0]).toMatchObject({ client_id: expect.stringMatching(/^c\d+$/) })
    expect((await owner.history(roomId)).length).toBe(joon.received.filter(({ seq }) => seq).length)
    expect(joon.received.filter(({ seq }) => seq).length).toBeGreaterThanOrEqual(20)
  })

  test('frames that cannot be read count too', async () => {
    const { customer, roomId } = await server.pair()
    const joon = await customer.connect(roomId)
    for (let n = 1; n <= 120; n++) joon.send('nonsense')
    expect((await joon.closed).code).toBe(4409)
    expect(joon.received.slice(0, 20).every(({ code }) => code === 'bad_frame')).toBe(true)
    expect(joon.received.at(-1)).toMatchObject({ code: 'rate_limited' })
  })

  test('a reconnect does not reset it', async () => {
    const { customer, roomId } = await server.pair()
    const first = await customer.connect(roomId)
    for (let n = 1; n <= 25; n++) first.send({ message: `number ${n}` })
    await first.take(25)
    first.close()
    await first.closed

    using second = await customer.connect(roomId)
    for (let n = 1; n <= 10; n++) second.send({ message: `number ${n}` })
    const answers = await second.take(10)

    expect(answers.filter(({ code }) => code === 'rate_limited').length).toBeGreaterThan(0)
  })
})

test('[LV15] more than 256 waiting frames close the socket', async () => {
  const { customer, roomId } = await server.pair()
  using raw = await RawSocket.open(`${server.url}/ws/room/${roomId}/messages`, customer.token)
  // All in one write, so that they are there before the first one is answered.
  raw.sendTexts(Array.from({ length: 400 }, () => '{"message":"hi"}'))
  expect((await raw.closed).code).toBe(4409)
})

test('[LV17] a frame over 64 KiB closes the socket, one of 64 KiB does not', async () => {
  const { customer, roomId } = await server.pair()
  using small = await customer.connect(roomId)
  small.send('{"message":"hi"}'.padEnd(65_536))
  expect(await small.next()).toMatchObject({ message: 'hi' })

  using large = await RawSocket.open(`${server.url}/ws/room/${roomId}/messages`, customer.token)
  large.sendTexts(['x'.repeat(65_537)])
  expect((await large.closed).code).toBe(1009)
  // Counted under the code that the client was told.
  expect(await metric('parley_sockets_closed_total{code="1009"}')).toBe(1)
})

test('a code that a client makes up for its closing is no series of its own', async () => {
  const { customer, roomId } = await server.pair()
  const before = await metric('parley_sockets_closed_total{code="other"}')
  for (const code of [3998, 3999, 4999]) {
    using raw = await RawSocket.open(`${server.url}/ws/room/${roomId}/messages`, customer.token)
    raw.send(frame(8, Buffer.from([code >> 8, code & 255])))
    await raw.closed
  }
  expect(await metric('parley_sockets_closed_total{code="other"}')).toBe(before + 3)
})

describe('what is no WebSocket frame closes the socket', () => {
  const unmasked = Buffer.from([0x81, 2, 104, 105])
  const reserved = Buffer.from([0xc1, 0x80, 0, 0, 0, 0])
  test.each([
    ['text that is not UTF-8', frame(1, Buffer.from([0xff, 0xfe])), 1007],
    ['a reserved opcode', frame(3, Buffer.from('hi')), 1002],
    ['a reserved bit', reserved, 1002],
    ['a frame without a mask', unmasked, 1002],
    ['70,000 fragments of a byte', fragments(70_000), 1009],
  ])('%s', async (_, bytes, code) => {
    const { customer, roomId } = await server.pair()
    using raw = await RawSocket.open(`${server.url}/ws/room/${roomId}/messages`, customer.token)
    raw.send(bytes)
    expect((await raw.closed).code).toBe(code)
  })

  test('but 60,000 fragments of a byte are one frame, and 5,000 pings are no flood', async () => {
    const { customer, roomId } = await server.pair()
    using raw = await RawSocket.open(`${server.url}/ws/room/${roomId}/messages`, customer.token)
    raw.answersPings = true
    raw.send(fragments(60_000))
    expect(JSON.parse(await raw.text())).toMatchObject({ code: 'bad_frame' })
    raw.send(Buffer.concat(Array.from({ length: 5000 }, () => frame(9, Buffer.from('?')))))
    raw.sendTexts(['{"message":"still here"}'])
    expect(JSON.parse(await raw.text())).toMatchObject({ message: 'still here' })
  })

  /** One text frame of so many bytes, each in a fragment of its own. */
  function fragments(count: number): Buffer {
    const all = Array.from({ length: count }, (_, at) => frame(at === 0 ? 1 : 0, Buffer.from('x')))
    // All but the last are not final.
    for (const fragment of all.slice(0, -1)) fragment[0] = (fragment[0] ?? 0) & 0x7f
    return Buffer.concat(all)
  }
})

describe('[LV30] pings', () => {
  test('a client that answers stays', async () => {
    const { customer, roomId } = await server.pair()
    using raw = await RawSocket.open(`${server.url}/ws/room/${roomId}/messages`, customer.token)
    raw.answersPings = true
    for (let n = 0; n < 3; n++) await raw.ping()
    raw.sendTexts(['{"message":"still here"}'])
    expect(JSON.parse(await raw.text())).toMatchObject({ message: 'still here' })
  })

  test('a client that is silent is closed', async () => {
    const { customer, roomId } = await server.pair()
    using raw = await RawSocket.open(`${server.url}/ws/room/${roomId}/messages`, customer.token)
    await raw.ping()
    expect((await raw.closed).code).toBe(4408)
  })
})

test('replays and refused frames are counted, by their outcome', async () => {
  const { owner, customer, roomId } = await server.pair()
  await owner.send(roomId, 'hi')
  const counted = async () => ({
    complete: await metric('parley_replays_total{result="complete"}'),
    tooLong: await metric('parley_replays_total{result="too_long"}'),
    refused: await metric('parley_frames_refused_total{code="message_required"}'),
  })
  const before = await counted()
  using behind = await customer.connect(roomId, '?after=0')
  using past = await customer.connect(roomId, '?after=9')
  expect(await behind.next()).toMatchObject({ message: 'hi' })
  expect(await past.next()).toMatchObject({ code: 'replay_too_long' })
  for (const socket of [behind, past]) {
    socket.send({ message: '' })
    expect(await socket.next()).toMatchObject({ code: 'message_required' })
  }
  const { complete, tooLong, refused } = before
  expect(await counted()).toEqual({ complete: complete + 1, tooLong: tooLong + 1, refused: refused + 2 })
})

test('connections and live rooms settle at zero', async () => {
  const { owner, customer, roomId } = await server.pair()
  const sockets = await Promise.all([owner.connect(roomId), customer.connect(roomId), owner.connect(999_999)])
  for (const socket of sockets) socket.close()
  await Promise.all(sockets.map(({ closed }) => closed))
  // Each look is a request, which the server handles after what happened to its sockets.
  const open = async () => ({ rooms: await metric('parley_live_rooms'), sockets: await metric('parley_connections') })
  let now = await open()
  for (let looks = 0; looks < 200 && now.sockets + now.rooms > 0; looks++) now = await open()
  expect(now).toEqual({ rooms: 0, sockets: 0 })
})
