import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { Hub } from '../src/live/hub.ts'
import type { Member, Wire } from '../src/live/member.ts'
import type { Message } from '../src/messages/model.ts'
import type { Storage } from '../src/storage/storage.ts'
import { seqs, settle } from './support/app-socket.ts'
import { openTestSqlite, roomIn } from './support/storage.ts'

// What others have stored: the live rooms find it, whatever else happens meanwhile.

const SEQS: Wire = {
  topic: (roomId) => `room:${roomId}`,
  encode: ({ seq }) => String(seq),
  encodeSignal: ({ type }) => type,
}

/** Whoever listens, and comes again when it is lost. */
class Listener implements Member {
  readonly wire = SEQS
  readonly userId = 'minji'
  readonly client = 'phone'
  isOpen = true
  seen: number[] = []
  timesLost = 0
  timesRefused = 0
  isOnTopic = false

  readonly after: number
  constructor(after: number) {
    this.after = after
  }

  give = ({ seq }: Message) => this.seen.push(seq) > 0
  drained = () => Promise.resolve()
  signal = () => {}
  admit = () => {
    this.isOnTopic = true
  }
  lost = () => {
    this.isOnTopic = false
    this.timesLost += 1
  }
  replayTooLong = () => {
    this.timesRefused += 1
  }
}

function hubOn(storage: Storage, listen: () => Promise<void> | undefined = () => undefined) {
  const listeners = new Set<Listener>()
  const errors: unknown[] = []
  const publish = (_: string, frame: string) => {
    for (const each of listeners) if (each.isOnTopic) each.seen.push(Number(frame))
  }
  const missed: number[] = []
  const onMissed = (roomId: number) => void missed.push(roomId)
  const onError = (error: unknown) => void errors.push(error)
  const alone = { listen, ignore() {}, patienceMs: 0, onRepaired() {} }
  const hub = new Hub({ history: storage.messages, publish, ...alone, onMissed, onError })
  const checkAll = async () => {
    for (const _ of [1, 2]) await hub.check(1)
  }
  return {
    hub,
    listeners,
    errors,
    missed,
    checkAll,
    tell: (message: Message) => hub.publish({ type: 'message.created', message }),
  }
}

async function room(storage: Storage) {
  const { owner, roomId } = await roomIn(storage)
  const append = async (text: string) =>
    (await storage.messages.append({ roomId, sender: owner, text, clientId: null, at: 1 })).message
  return { roomId, append, fill: (count: number) => Promise.all(seqs(1, count).map(() => append('x'))) }
}

test('[LV67] [LV60] whatever is told, told late, told twice or told to nobody: each listener gets each entry once and in order', async () => {
  await using opened = await openTestSqlite()
  const { storage } = opened
  const act = fc.oneof(
    { arbitrary: fc.record({ what: fc.constant('told' as const) }), weight: 3 },
    { arbitrary: fc.record({ what: fc.constant('by another' as const) }), weight: 3 },
    {
      arbitrary: fc.record({ what: fc.constant('told later' as const), times: fc.integer({ min: 1, max: 2 }) }),
      weight: 2,
    },
    { arbitrary: fc.record({ what: fc.constant('tell' as const), at: fc.nat(5) }), weight: 2 },
    { arbitrary: fc.record({ what: fc.constant('check' as const) }), weight: 2 },
    { arbitrary: fc.record({ what: fc.constant('join' as const), back: fc.nat(6) }), weight: 2 },
    { arbitrary: fc.record({ what: fc.constant('settle' as const) }), weight: 1 },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 5, maxLength: 40 }), async (acts) => {
      const { roomId, append } = await room(storage)
      const { hub, listeners, errors, checkAll, tell } = hubOn(storage)
      const late: Message[] = []
      const joining: Promise<void>[] = []
      let last = 0
      const join = (after: number) => {
        const listener = new Listener(after)
        listeners.add(listener)
        joining.push(hub.join(roomId, listener, after))
      }
      join(0)
      for (const each of acts) {
        switch (each.what) {
          case 'told':
            tell(await append(`${++last}`))
            break
          case 'by another':
            await append(`${++last}`)
            break
          case 'told later': {
            const message = await append(`${++last}`)
            late.push(...Array.from({ length: each.times }, () => message))
            break
          }
          case 'tell': {
            const [message] = late.splice(each.at % Math.max(1, late.length), 1)
            if (message) tell(message)
            break
          }
          case 'check':
            void hub.check(1)
            break
          case 'join':
            join(Math.max(0, last - each.back))
            break
          case 'settle':
            await settle()
            break
          default:
            throw each satisfies never
        }
      }
      await Promise.all(joining)
      for (const message of late) tell(message)
      await checkAll()
      expect(errors).toEqual([])
      for (const { after, seen, timesLost, timesRefused } of listeners) {
        // A place that this node had not heard of yet is past its end.
        const isRight = timesRefused > 0 ? seen.every((seq, at) => at === 0 || seq === (seen[at - 1] ?? 0) + 1) : true
        expect(isRight).toBe(true)
        if (timesRefused === 0) expect(seen).toEqual(seqs(after + 1, last))
        else if (seen.length > 0) expect(seen.at(-1)).toBe(last)
        expect(timesLost).toBe(0)
      }
    }),
    { numRuns: 60, seed: 2026 },
  )
})

test('[LV67] a thousand that were missed are given; one more, and everybody is to come again: to a room that goes on', async () => {
  await using opened = await openTestSqlite()
  const { storage } = opened
  const { roomId, append, fill } = await room(storage)
  const { hub, listeners, errors, missed, checkAll, tell } = hubOn(storage)
  const [minji, joon] = [new Listener(0), new Listener(0)]
  for (const each of [minji, joon]) {
    listeners.add(each)
    await hub.join(roomId, each, 0)
  }
  await fill(1000)
  await checkAll()
  expect(minji.seen).toEqual(seqs(1, 1000))
  // Once: the inboxes of the two have to know as well.
  expect(missed).toEqual([roomId])
  await fill(1001)
  await checkAll()
  expect([minji.timesLost, joon.timesLost, minji.seen.length]).toEqual([1, 1, 1000])
  // Who was lost is no member any more: the room is idle at the next one's going.
  await hub.join(roomId, joon, 2000)
  tell(await append('new'))
  expect(joon.seen.slice(1000)).toEqual([2001, 2002])
  hub.leave(roomId, joon)
  expect(hub.liveRooms).toBe(0)
  expect(errors).toEqual([])
})

test('[LV67] a room from which everybody was lost, and to which nobody came back, is live no more', async () => {
  await using opened = await openTestSqlite()
  const { storage } = opened
  const { roomId, fill } = await room(storage)
  const { hub, listeners, checkAll } = hubOn(storage)
  const minji = new Listener(0)
  listeners.add(minji)
  await hub.join(roomId, minji, undefined)
  await fill(1001)
  await checkAll()
  expect(minji.timesLost).toBe(1)
  await checkAll()
  expect(hub.liveRooms).toBe(0)
})

test('[LV67] one round of checks looks at every live room', async () => {
  await using opened = await openTestSqlite()
  const { storage } = opened
  const { hub, listeners } = hubOn(storage)
  const rooms = await Promise.all(seqs(1, 7).map(() => room(storage)))
  const members = []
  for (const { roomId, append } of rooms) {
    const listener = new Listener(0)
    listeners.add(listener)
    members.push(listener)
    await hub.join(roomId, listener, undefined)
    await append('by another')
  }
  // In the parts of the server's own timer: a twentieth each, twenty to a round.
  for (const _ of seqs(1, 20)) {
    await hub.check(1 / 20)
  }
  // Each publishes on one topic here, so that each of them has heard all seven.
  expect(members.map(({ seen }) => seen)).toEqual(members.map(() => Array(7).fill(1)))
})

test('[LV60] nobody is told of an entry, nor comes to it, while what came before it cannot be read', async () => {
  await using opened = await openTestSqlite()
  const { storage, file } = opened
  const { roomId, fill } = await room(storage)
  const { hub, listeners, checkAll } = hubOn(storage)
  const minji = new Listener(0)
  listeners.add(minji)
  await hub.join(roomId, minji, 0)
  await fill(2)
  // A room still knows its last entry, and no entry can be read.
  using database = new Database(file)
  database.run('ALTER TABLE messages RENAME TO hidden')
  expect(await hub.catchUp(roomId, 2).catch(String)).toContain('Failed query')
  expect(await hub.join(roomId, new Listener(2), 2).catch(String)).toContain('Failed query')
  await checkAll()
  database.run('ALTER TABLE hidden RENAME TO messages')
  expect(minji.seen).toEqual([])
  await hub.catchUp(roomId, 2)
  expect(minji.seen).toEqual([1, 2])
})

test('[LV63] an entry of a room that is only being opened waits for it', async () => {
  await using opened = await openTestSqlite()
  const { roomId, fill } = await room(opened.storage)
  await fill(2)
  const heard = Promise.withResolvers<void>()
  const { hub, errors } = hubOn(opened.storage, () => heard.promise)
  const minji = new Listener(1)
  const joining = hub.join(roomId, minji, 1)
  const catchingUp = hub.catchUp(roomId, 2)
  await settle()
  expect(minji.seen).toEqual([])
  heard.resolve()
  await Promise.all([joining, catchingUp])
  expect([minji.seen, errors]).toEqual([[2], []])
})
