import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import { AppSocket, type Reply } from '../support/app-socket.ts'
import { edited, edits, fuzz, hostileText, hostileValue } from '../support/fuzz.ts'
import { type RunningParley, startParley } from '../support/server.ts'
import { asStored, Witness } from '../support/witness.ts'

// Frames that nobody has thought of, on both sockets. FC_SEED and FC_RUNS try others, and more.

let server: RunningParley
let witness: Witness
beforeAll(async () => {
  server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  witness = await Witness.at(server)
})
afterAll(() => server[Symbol.asyncDispose]())

let count = 0
const goodText = fc.string({ maxLength: 20 }).map((text) => `good ${++count} ${text}`)

/** By the platform's own parser, which is more lenient than the server's. */
function leniently<T>(text: unknown): Partial<T> {
  try {
    return (typeof text === 'string' && JSON.parse(text)) || {}
  } catch {
    return {}
  }
}

test('[LV10] the plain socket answers each frame, with its message or with an error, and stays open', async () => {
  const codes = ['bad_frame', 'message_required', 'message_too_long', 'invalid', 'sender_mismatch', 'room_not_found']
  const good = goodText.map((message) => JSON.stringify({ message }))
  const fields = { message: hostileValue, client_id: hostileValue, room_id: hostileValue, sender_email: hostileValue }
  const frame = fc.oneof(
    { arbitrary: good, weight: 1 },
    { arbitrary: hostileText, weight: 4 },
    { arbitrary: fc.record(fields, { requiredKeys: [] }).map((each) => JSON.stringify(each)), weight: 4 },
    { arbitrary: fc.tuple(good, edits).map(([text, changes]) => edited(text, changes)), weight: 3 },
    { arbitrary: fc.uint8Array({ maxLength: 100 }), weight: 1 },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 30 }), async (frames) => {
      using joon = await witness.customer.connect(witness.roomId)
      for (const each of frames) joon.send(each)
      for (const each of frames) {
        const { seq, message = '', error, code } = await joon.next()
        if (seq === undefined) {
          expect(error).toBeString()
          expect(code).toBeOneOf(codes)
        } else {
          const said = leniently<{ message: unknown }>(each).message
          expect(typeof said === 'string' && asStored(said)).toBe(message)
          witness.acknowledged.set(seq, message)
        }
      }
    }),
    fuzz(150),
  )
  await witness.expectSound()
})

type Data = { data?: { text?: string } }

test('[LV52] [LV53] the app socket answers each command it can read, and is closed with 3501 by one that it cannot', async () => {
  const roomId = String(witness.roomId)
  const methods = ['connect', 'refresh', 'subscribe', 'unsubscribe', 'publish', 'history', 'presence', 'presence_stats']
  const procedures = ['message.send', 'room.read', 'room.delivered', 'rooms.list', 'presence.status', 'typing']
  const method = fc.constantFrom(...methods, 'rpc', 'send', 'ping', 'constructor', '__proto__', 'shout')
  const room = fc.oneof(fc.constant('ROOM'), hostileValue)
  const data = fc.record(
    { roomId: room, text: hostileValue, clientId: hostileValue, seq: hostileValue },
    { requiredKeys: [] },
  )
  const fields = {
    method: fc.oneof(fc.constantFrom(...procedures), hostileValue),
    data: fc.oneof(data, hostileValue),
    channel: fc.oneof(fc.constant('room:ROOM'), hostileValue),
    ...{ token: hostileValue, recover: hostileValue, offset: hostileValue, epoch: hostileValue, limit: hostileValue },
  }
  const request = fc.oneof({ arbitrary: fc.record(fields, { requiredKeys: [] }), weight: 5 }, hostileValue)
  const id = fc.integer({ min: 2, max: 1000 })
  const command = fc.tuple(id, method, request).map(([id, name, asked]) => JSON.stringify({ id, [name]: asked }))
  const good = fc.tuple(id, goodText, fc.boolean()).map(([id, text, isRpc]) => {
    const rpc = { method: 'message.send', data: { roomId: 'ROOM', text } }
    return JSON.stringify({ id, ...(isRpc ? { rpc } : { publish: { channel: 'room:ROOM', data: { text } } }) })
  })
  const readable = fc.oneof({ arbitrary: command, weight: 4 }, good)
  const line = fc.oneof(
    { arbitrary: readable, weight: 6 },
    { arbitrary: hostileText, weight: 1 },
    { arbitrary: fc.tuple(readable, edits).map(([text, changes]) => edited(text, changes)), weight: 1 },
  )
  const lines = fc
    .array(line, { minLength: 1, maxLength: 4 })
    .map((all) => all.join('\n').replaceAll('"ROOM"', roomId).replaceAll('ROOM', roomId))
  const frame = fc.oneof({ arbitrary: lines, weight: 20 }, fc.uint8Array({ maxLength: 100 }))
  const last = 4_000_000_000

  await fc.assert(
    fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 10 }), async (frames) => {
      using socket = await AppSocket.open(server, witness.customer)
      for (const each of frames) socket.send(each)
      for (const each of frames.flatMap((all) => (typeof all === 'string' ? all.split('\n') : []))) {
        const { rpc, publish } = leniently<{ rpc: Data; publish: Data }>(each)
        for (const text of [rpc?.data?.text, publish?.data?.text])
          if (typeof text === 'string') witness.said.add(asStored(text))
      }
      socket.send({ id: last, ping: {} })
      const isOpen = await socket.reply(last).then(
        () => true,
        () => false,
      )
      // A token that is none ends a connection, too (LV44), and so does too long a frame (LV17).
      if (!isOpen) expect((await socket.closed).code).toBeOneOf([3500, 3501, 3005, 1009])
      for (const { error, rpc } of socket.lines.map((each) => JSON.parse(each) as Reply)) {
        if (error) expect(error.message).toMatch(/^[a-z_]+: \S/)
        if (error) expect(error.code).toBeWithin(101, 113)
        const { seq, text } = (rpc?.data ?? {}) as { seq?: number; text?: string }
        if (seq !== undefined && text !== undefined) witness.acknowledged.set(seq, text)
      }
    }),
    fuzz(200),
  )
  await witness.expectSound()
})
