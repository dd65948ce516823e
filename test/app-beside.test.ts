import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { openBeside } from '../src/storage/open.ts'
import type { Storage } from '../src/storage/storage.ts'
import { AppSocket, seqs } from './support/app-socket.ts'
import { type RunningParley, startParley } from './support/server.ts'
import { WORKER_URL } from './support/storage.ts'

// Another process stores something, or puts back what was there: a running server finds out within ten seconds.

let server: RunningParley
let beside: Storage
beforeAll(async () => {
  server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  const place = { dataDir: server.dataDir, durability: 'full' as const, workerUrl: WORKER_URL, now: Date.now }
  beside = await openBeside(place, { mayCreate: false })
})
afterAll(async () => {
  await beside.close()
  await server[Symbol.asyncDispose]()
})

/** Both kinds of sockets in a room in which two entries were told. */
async function listeners() {
  const room = await server.pair()
  const { owner, customer, roomId } = room
  const app = await AppSocket.open(server, owner)
  const { subscribe } = await app.subscribe(roomId)
  const plain = await customer.connect(roomId, '?after=0')
  for (const text of ['one', 'two']) await owner.send(roomId, text)
  expect(await app.entries(2)).toEqual([1, 2])
  await plain.take(2)
  const append = (count: number) =>
    Promise.all(
      seqs(1, count).map((n) =>
        beside.messages.append({
          roomId,
          sender: { id: customer.id, username: 'Joon' },
          text: `${n}`,
          clientId: null,
          at: 1,
        }),
      ),
    )
  return { ...room, app, plain, append, epoch: subscribe?.epoch }
}

// Each waits for a check.
describe.concurrent('[LV67] a room that is live', () => {
  test('gets what another process has stored, in order and once, on both sockets', async () => {
    const { owner, roomId, app, plain, append } = await listeners()
    await append(5)
    expect(await app.entries(5)).toEqual(seqs(3, 7))
    expect((await plain.take(5)).map(({ seq }) => seq)).toEqual(seqs(3, 7))
    await owner.send(roomId, 'and on')
    expect(await app.entries(1)).toEqual([8])
    expect((await plain.next()).seq).toBe(8)
    for (const socket of [app, plain]) socket.close()
  })

  test('of which more than a thousand entries were missed is begun again', async () => {
    const { roomId, app, plain, append, epoch } = await listeners()
    await append(1001)
    expect((await app.nextOf('unsubscribe')).unsubscribe).toEqual({ code: 2500, reason: 'insufficient state' })
    expect((await plain.closed).code).toBe(1012)
    const { subscribe } = await app.subscribe(roomId, { recover: true, offset: 1000, epoch })
    expect(subscribe?.publications?.map(({ offset }) => offset)).toEqual([1001, 1002, 1003])
    app.close()
  })

  test('and was put back to an earlier state is begun again, and goes on from there', async () => {
    const { owner, roomId, app, plain, epoch } = await listeners()
    const database = new Database(join(server.dataDir, 'parley.db'), { strict: true })
    database.run('PRAGMA busy_timeout = 5000')
    database.transaction(() => {
      const first = 'SELECT id FROM messages WHERE room_id = $room AND seq = 1'
      database.query('DELETE FROM messages WHERE room_id = $room AND seq > 1').run({ room: roomId })
      database
        .query(
          `UPDATE rooms SET last_seq = 1, last_count = 1, last_message_id = (${first}), last_message_seq = 1,
           owner_read_seq = 1, owner_read_count = 1 WHERE id = $room`,
        )
        .run({ room: roomId })
    })()
    database.close()
    expect((await app.nextOf('unsubscribe')).unsubscribe?.code).toBe(2500)
    expect((await plain.closed).code).toBe(1012)
    const { subscribe } = await app.subscribe(roomId, { recover: true, offset: 2, epoch })
    expect(subscribe).toMatchObject({ recovered: false, offset: 1 })
    await owner.send(roomId, 'another two')
    expect(await app.entries(1)).toEqual([2])
    app.close()
  })
})
