import { expect, test } from 'bun:test'
import type { ChatEvent } from '../src/events.ts'
import { Products } from '../src/products/service.ts'
import { Receipts } from '../src/rooms/receipts.ts'
import { Rooms } from '../src/rooms/service.ts'
import type { RoomStore } from '../src/rooms/store.ts'
import { seqs, until } from './support/app-socket.ts'
import { failure, openTestSqlite, roomIn } from './support/storage.ts'

// Marks of what was received, on a real storage; how they are told is in app-signals.test.ts.

type Marking = RoomStore['markDelivered']

/** `change` may do something instead of a write. */
async function receiptsOn(change: (real: Marking) => Marking = (real) => real) {
  const opened = await openTestSqlite()
  const { storage } = opened
  const events: ChatEvent[] = []
  const errors: unknown[] = []
  const writes: { roomId: number; seq: number }[][] = []
  const publish = (event: ChatEvent) => void events.push(event)
  const products = new Products({ ...storage, now: () => 1 })
  const newRooms = { take() {} } as never
  const rooms = new Rooms({ ...storage, products, newRooms, publish, now: () => 1 })
  const marking = change(storage.rooms.markDelivered)
  const store = {
    markDelivered: (receipts: Parameters<Marking>[0]) => {
      writes.push(receipts.map(({ roomId, seq }) => ({ roomId, seq })))
      return marking(receipts)
    },
  }
  const receipts = new Receipts({ rooms, store, publish, onError: (error) => errors.push(error) })
  /** A room of two in which the customer has said so much. */
  const talked = async (count: number) => {
    const room = await roomIn(storage)
    const { roomId, customer: sender } = room
    for (const n of seqs(1, count)) {
      await storage.messages.append({ roomId, sender, text: `${n}`, clientId: null, at: 1 })
    }
    return room
  }
  return {
    storage,
    receipts,
    events,
    errors,
    writes,
    talked,
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
}

const told = (events: ChatEvent[]) =>
  events
    .splice(0)
    .map((event) => (event.type === 'room.marked' ? [event.roomId, event.userId, event.deliveredSeq] : []))

test('[LV81] all that came within a quarter of a second is one write, a quarter of a second after the first', async () => {
  await using marks = await receiptsOn()
  const { receipts, events, writes, talked } = marks
  const rooms = []
  for (const _ of seqs(1, 5)) rooms.push(await talked(3))
  const since = performance.now()
  for (const seq of [1, 2, 3]) {
    for (const { roomId, owner } of rooms) await receipts.delivered(owner.id, roomId, seq)
  }
  expect(writes).toEqual([])
  await until(() => events.length === 5)
  expect(performance.now() - since).toBeGreaterThanOrEqual(245)
  expect(writes).toEqual([rooms.map(({ roomId }) => ({ roomId, seq: 3 }))])
  expect(told(events)).toEqual(rooms.map(({ roomId, owner }) => [roomId, owner.id, 3]))
})

test('[LV81] of one side of a room the greatest counts, in whatever order they come; the two sides are apart', async () => {
  await using marks = await receiptsOn()
  const { receipts, events, writes, talked } = marks
  const { roomId, owner, customer } = await talked(5)
  for (const seq of [2, 4, 3, 1, 4, 0]) await receipts.delivered(owner.id, roomId, seq)
  await receipts.delivered(customer.id, roomId, 5)
  await receipts.flush()
  expect(writes).toEqual([
    [
      { roomId, seq: 4 },
      { roomId, seq: 5 },
    ],
  ])
  // The customer has received what they said themselves.
  expect(told(events)).toEqual([[roomId, owner.id, 4]])
})

test('[LV80] a mark that moves nothing is told to nobody: one before, the same again, one past the end that was reached', async () => {
  await using marks = await receiptsOn()
  const { receipts, events, storage, talked } = marks
  const { roomId, owner, customer } = await talked(3)
  for (const [seq, isTold] of [
    [2, true],
    [2, false],
    [1, false],
    [99, true],
    [100, false],
    [3, false],
  ] as const) {
    await receipts.delivered(owner.id, roomId, seq)
    await receipts.flush()
    expect([seq, told(events).length]).toEqual([seq, isTold ? 1 : 0])
  }
  expect(await storage.rooms.summary(roomId, customer.id)).toMatchObject({ peerDeliveredSeq: 3, peerReadSeq: 0 })
  await storage.rooms.markRead(roomId, 'owner', 3)
  await receipts.delivered(owner.id, roomId, 3)
  await receipts.flush()
  expect(told(events)).toEqual([])
})

test('[LV81] where nothing waits nothing is written; and what was written waits no more', async () => {
  await using marks = await receiptsOn()
  const { receipts, writes, talked } = marks
  const { roomId, owner } = await talked(1)
  await receipts.flush()
  await receipts.delivered(owner.id, roomId, 0)
  await receipts.flush()
  expect(writes).toEqual([])
  await receipts.delivered(owner.id, roomId, 1)
  // As at a shutdown, whatever the timer does.
  await Promise.all([receipts.flush(), receipts.flush()])
  await receipts.flush()
  expect(writes).toHaveLength(1)
})

test('[LV81] what comes while one write goes on is in the next', async () => {
  const slow = Promise.withResolvers<void>()
  await using marks = await receiptsOn((real) => async (receipts) => {
    await slow.promise
    return real(receipts)
  })
  const { receipts, events, writes, talked } = marks
  const { roomId, owner } = await talked(3)
  await receipts.delivered(owner.id, roomId, 1)
  const first = receipts.flush()
  await receipts.delivered(owner.id, roomId, 2)
  const second = receipts.flush()
  slow.resolve()
  await Promise.all([first, second])
  expect(writes).toEqual([[{ roomId, seq: 1 }], [{ roomId, seq: 2 }]])
  expect(told(events)).toEqual([
    [roomId, owner.id, 1],
    [roomId, owner.id, 2],
  ])
})

test('a room of somebody else’s is refused, and so is one that does not exist; nothing is written', async () => {
  await using marks = await receiptsOn()
  const { receipts, writes, talked } = marks
  const [{ roomId }, { owner: eve }] = [await talked(1), await talked(1)]
  for (const id of [roomId, 999_999]) {
    expect(await failure(receipts.delivered(eve.id, id, 1))).toMatchObject({
      code: 'not_found',
      reason: 'room_not_found',
    })
  }
  await receipts.flush()
  expect(writes).toEqual([])
})

test('a write that fails is told of, and the device says it again', async () => {
  let isBroken = true
  await using marks = await receiptsOn(
    (real) => (receipts) => (isBroken ? Promise.reject(new Error('no')) : real(receipts)),
  )
  const { receipts, events, errors, talked } = marks
  const { roomId, owner } = await talked(2)
  await receipts.delivered(owner.id, roomId, 1)
  await until(() => errors.length === 1)
  isBroken = false
  await receipts.delivered(owner.id, roomId, 2)
  await until(() => events.length === 1)
  expect(told(events)).toEqual([[roomId, owner.id, 2]])
})

test('a thousand people at once are one write', async () => {
  await using marks = await receiptsOn()
  const { receipts, events, writes, talked } = marks
  const rooms = await Promise.all(seqs(1, 50).map(() => talked(20)))
  await Promise.all(
    seqs(1, 20).flatMap((seq) => rooms.map(({ owner, roomId }) => receipts.delivered(owner.id, roomId, seq))),
  )
  await receipts.flush()
  expect([writes.length, writes[0]?.length, events.length]).toEqual([1, 50, 50])
})
