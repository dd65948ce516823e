import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import { fuzz } from '../support/fuzz.ts'
import { frame, RawSocket } from '../support/raw-socket.ts'
import { type RunningParley, startParley } from '../support/server.ts'
import { Witness } from '../support/witness.ts'

// Bytes that are no frames, and what is no request, on bare TCP. FC_SEED and FC_RUNS try others, and more.

let server: RunningParley
let witness: Witness
beforeAll(async () => {
  server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  witness = await Witness.at(server)
})
afterAll(() => server[Symbol.asyncDispose]())

interface Way {
  path: () => string
  /** A frame that says this. */
  say: (text: string) => Buffer
  /** What has to be sent before it. */
  hello: string[]
}

const ways: [string, Way][] = [
  [
    'the plain socket',
    {
      path: () => `/ws/room/${witness.roomId}/messages`,
      say: (message) => Buffer.from(JSON.stringify({ message })),
      hello: [],
    },
  ],
  [
    'the app socket',
    {
      path: () => '/connection/websocket',
      say: (text) =>
        Buffer.from(JSON.stringify({ id: 2, rpc: { method: 'message.send', data: { roomId: witness.roomId, text } } })),
      hello: ['{"id":1,"connect":{}}'],
    },
  ],
]

async function open({ path, hello }: Way): Promise<RawSocket> {
  const socket = await RawSocket.open(`${server.url}${path()}`, witness.customer.token)
  socket.sendTexts(hello)
  return socket
}

/** The same frame with another first byte: FIN, three reserved bits, and the opcode. */
const headed = (first: number, bytes: Buffer) => Buffer.concat([Buffer.from([first]), bytes.subarray(1)])

/** A frame that says how long it is, and has not that much. */
function announced(length: bigint, payload: Buffer): Buffer {
  const bytes = Buffer.alloc(14)
  bytes[0] = 0x81
  bytes[1] = 0xff
  bytes.writeBigUInt64BE(length, 2)
  return Buffer.concat([bytes, payload])
}

const unmasked = (payload: Buffer) =>
  Buffer.concat([Buffer.from([0x81, 126, payload.length >> 8, payload.length & 255]), payload])

/** What ends a connection; `evil` is a payload that would be a message. */
const badFrames = (evil: Buffer) =>
  fc.oneof(
    fc.constantFrom(3, 4, 5, 6, 7, 11, 12, 13, 14, 15).map((opcode) => frame(opcode, evil)),
    fc.constantFrom(0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70).map((bits) => headed(0x81 | bits, frame(1, evil))),
    fc.constantFrom(8, 9, 10).map((opcode) => headed(opcode, frame(opcode, Buffer.from('?')))),
    fc.constantFrom(8, 9, 10).map((opcode) => frame(opcode, Buffer.alloc(126, '?'))),
    fc.constant(unmasked(evil)),
    // The rest of nothing; and another beginning before the end.
    fc.constant(frame(0, evil)),
    fc.constant(Buffer.concat([headed(1, frame(1, Buffer.from('{'))), frame(1, evil)])),
    fc.bigInt({ min: 65_537n, max: 2n ** 64n - 1n }).map((length) => announced(length, evil)),
    fc
      .uint8Array({ minLength: 1, maxLength: 20 })
      .map((bytes) => frame(1, Buffer.concat([Buffer.from([0xff]), bytes]))),
    fc.uint8Array({ maxLength: 20 }).map((reason) => frame(8, Buffer.from(reason))),
  )

test.each(ways)('%s is closed by what is no frame, and what comes behind that is not read', async (_, way) => {
  const evil = way.say('evil')
  const run = fc.record({ before: fc.nat(2), bad: badFrames(evil), pieces: fc.array(fc.nat(400), { maxLength: 4 }) })
  await fc.assert(
    fc.asyncProperty(run, async ({ before, bad, pieces }) => {
      using socket = await open(way)
      witness.said.add('good')
      const good = Array.from({ length: before }, () => frame(1, way.say('good')))
      const bytes = Buffer.concat([...good, bad, frame(1, evil), frame(1, evil)])
      let from = 0
      for (const to of [...pieces.sort((one, other) => one - other), bytes.length]) {
        socket.send(bytes.subarray(from, to))
        from = to
      }
      expect((await socket.closed).code).toBeOneOf([1000, 1002, 1005, 1006, 1007, 1009])
    }),
    fuzz(150),
  )
  await witness.expectSound()
})

test.each(ways)('%s lives through any bytes, and through frames of which the end never comes', async (_, way) => {
  const whole = frame(1, way.say('evil'))
  const garbage = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.integer({ min: 1, max: whole.length - 1 }).map((length) => whole.subarray(0, length)),
    // Beginnings without an end, each within the limits.
    fc
      .integer({ min: 1, max: 200 })
      .map((times) =>
        Buffer.concat([
          headed(1, whole),
          ...Array.from({ length: times }, () => headed(0, frame(0, Buffer.alloc(100)))),
        ]),
      ),
    fc.integer({ min: 1, max: 65_536 }).map((length) => announced(BigInt(length), Buffer.alloc(0))),
  )
  await fc.assert(
    fc.asyncProperty(garbage, async (bytes) => {
      using socket = await open(way)
      socket.send(bytes)
      await witness.speak()
    }),
    fuzz(150),
  )
  await witness.expectSound()
})

test('what is half of a request, or none, holds nobody up and leaves nothing behind', async () => {
  const { hostname, port } = new URL(server.url)
  const upgrade = [
    `GET /ws/room/${witness.roomId}/messages HTTP/1.1`,
    ...['Host: parley', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13'],
    ...['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', `Authorization: Bearer ${witness.customer.token}`],
  ].join('\r\n')
  const request = fc.oneof(
    fc.nat(upgrade.length).map((length) => upgrade.slice(0, length)),
    fc.uint8Array({ minLength: 1, maxLength: 400 }),
    fc
      .tuple(fc.nat(upgrade.length), fc.string({ unit: 'binary', maxLength: 20 }))
      .map(([at, text]) => `${upgrade.slice(0, at)}${text}${upgrade.slice(at)}\r\n\r\n`),
    fc.integer({ min: 1, max: 30_000 }).map((length) => `${upgrade}\r\nX: ${'x'.repeat(length)}`),
  )
  const held: { terminate: () => void }[] = []
  await fc.assert(
    fc.asyncProperty(request, async (bytes) => {
      const socket = await Bun.connect({ hostname, port: Number(port), socket: { data() {} } })
      held.push(socket)
      socket.write(bytes)
      await witness.speak()
    }),
    fuzz(150),
  )
  for (const socket of held) socket.terminate()
  await witness.expectSound()
})
