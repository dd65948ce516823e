import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { Hub } from '../src/live/hub.ts'
import type { Member, Wire } from '../src/live/member.ts'
import type { Message } from '../src/messages/model.ts'
import type { Storage } from '../src/storage/storage.ts'
import { openTestSqlite, roomIn } from './support/storage.ts'

const SEQS: Wire = {
  topic: (roomId) => `room:${roomId}`,
  encode: ({ seq }) => String(seq),
  encodeSignal: ({ type }) => type,
}

/** What Bun does: whoever is subscribed to a topic gets what is published on it. */
class Topics {
  readonly #subscribers = new Map<string, Set<(frame: string) => void>>()

  readonly publish = (topic: string, frame: string) => {
    for (const deliver of this.#subscribers.get(topic) ?? []) deliver(frame)
  }

  subscribe(topic: string, deliver: (frame: string) => void) {
    this.#subscribers.set(topic, (this.#subscribers.get(topic) ?? new Set()).add(deliver))
  }

  unsubscribe(topic: string, deliver: (frame: string) => void) {
    this.#subscribers.get(topic)?.delete(deliver)
  }
}

class Listener implements Member {
  readonly wire: Wire = SEQS
  readonly userId = 'minji'
  readonly client = 'phone'
  readonly seen: number[] = []
  readonly signals: string[] = []
  timesLost = 0
  isOpen = true
  wasRefused = false
  readonly #topics: Topics

  constructor(topics: Topics) {
    this.#topics = topics
  }

  readonly #hear = (frame: string) => void this.seen.push(Number(frame))
  give = ({ seq }: Message) => {
    this.seen.push(seq)
    return true
  }
  drained = () => Promise.resolve()
  admit = (topic: string) => this.#topics.subscribe(topic, this.#hear)
  signal = (frame: string) => void this.signals.push(frame)
  lost = () => {
    this.timesLost += 1
    this.#topics.unsubscribe(this.wire.topic(1), this.#hear)
  }
  replayTooLong = () => {
    this.wasRefused = true
  }
}

async function roomWith(storage: Storage, count: number) {
  const { owner, roomId } = await roomIn(storage)
  const append = async (text: string) =>
    (await storage.messages.append({ roomId, sender: owner, text, clientId: null, at: 1 })).message
  const messages: Message[] = []
  for (let n = 1; n <= count; n++) messages.push(await append(`${n}`))
  return { roomId, append, messages }
}

/** There is no other node. */
const ALONE = { listen: () => undefined, ignore() {}, patienceMs: 0, onRepaired() {} }

function hubOn(storage: Storage) {
  const topics = new Topics()
  const errors: unknown[] = []
  const missed: number[] = []
  const hub = new Hub({
    history: storage.messages,
    publish: topics.publish,
    ...ALONE,
    onMissed: (roomId) => missed.push(roomId),
    onError: (error) => errors.push(error),
  })
  return { hub, topics, errors, created: (message: Message) => hub.publish({ type: 'message.created', message }) }
}

const seqs = (from: number, to: number) => Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => from + at)
/** Lets everything run that does not wait for anything. */
const settle = () => new Promise((resolve) => setTimeout(resolve))

test('commits that come back out of order, twice, or not at all reach every listener once and in order', async () => {
  await using opened = await openTestSqlite()
  const { storage } = opened
  const START = 5
  const order = fc.record({
    // For each commit after the joiners came: when it is told, and how often; never is a lost hint.
    told: fc.array(fc.record({ at: fc.nat(30), times: fc.integer({ min: 0, max: 2 }) }), {
      minLength: 1,
      maxLength: 20,
    }),
    afters: fc.array(fc.integer({ min: 0, max: START }), { minLength: 1, maxLength: 3 }),
  })
  await fc.assert(
    fc.asyncProperty(order, async ({ told, afters }) => {
      const { roomId, append } = await roomWith(storage, START)
      const { hub, topics, created, errors } = hubOn(storage)
      const listeners = afters.map((after) => ({ after, listener: new Listener(topics) }))
      const joining = listeners.map(({ after, listener }) => hub.join(roomId, listener, after))

      const messages = []
      for (const [at] of told.entries()) messages.push(await append(`${START + at + 1}`))
      const hints = told.flatMap(({ at, times }, index) => Array.from({ length: times }, () => ({ at, index })))
      hints.sort((a, b) => a.at - b.at)
      for (const { index } of hints) {
        const message = messages[index]
        if (message) created(message)
        if (index % 3 === 0) await settle()
      }
      await Promise.all(joining)
      // The last entry tells of all before it.
      created(await append('last'))
      await settle()

      const last = START + told.length + 1
      expect(errors).toEqual([])
      for (const { after, listener } of listeners) expect(listener.seen).toEqual(seqs(after + 1, last))
      for (const { listener } of listeners) hub.leave(roomId, listener)
      expect(hub.liveRooms).toBe(0)
    }),
    { numRuns: 60, seed: 2026 },
  )
})

test('a listener without a place gets what is new, and nothing that was there', async () => {
  await using opened = await openTestSqlite()
  const { roomId, append } = await roomWith(opened.storage, 3)
  const { hub, topics, created } = hubOn(opened.storage)
  const listener = new Listener(topics)
  await hub.join(roomId, listener, undefined)
  created(await append('4'))
  expect(listener.seen).toEqual([4])
})

test('a listener that went away while it joined is not counted', async () => {
  await using opened = await openTestSqlite()
  const { roomId } = await roomWith(opened.storage, 3)
  const { hub, topics } = hubOn(opened.storage)
  const listener = new Listener(topics)
  const joining = hub.join(roomId, listener, 0)
  listener.isOpen = false
  await joining
  expect(hub.liveRooms).toBe(0)
  hub.leave(roomId, listener)
  expect(hub.liveRooms).toBe(0)
})

test('a joiner that drains slowly in a busy room goes back to reading from storage, and misses nothing', async () => {
  await using opened = await openTestSqlite()
  const { roomId, append } = await roomWith(opened.storage, 150)
  const { hub, topics, created } = hubOn(opened.storage)
  const listener = new Listener(topics)
  let drain = () => {}
  listener.drained = () =>
    new Promise((resolve) => {
      drain = resolve
    })
  const joining = hub.join(roomId, listener, 0)
  await settle()
  // More than a joiner's buffer holds.
  for (let n = 151; n <= 600; n++) created(await append(`${n}`))
  let isJoined = false
  void joining.then(() => {
    isJoined = true
  })
  while (!isJoined) {
    drain()
    await settle()
  }
  created(await append('601'))
  expect(listener.seen).toEqual(seqs(1, 601))
})

test('a joiner never has more than 32 entries before it that it has not drained: the longest ones fit its socket', async () => {
  await using opened = await openTestSqlite()
  const { roomId, append } = await roomWith(opened.storage, 250)
  const { hub, topics, created } = hubOn(opened.storage)
  const listener = new Listener(topics)
  let [last, most] = [250, 0]
  let [drained, isJoined] = [0, false]
  listener.drained = async () => {
    most = Math.max(most, listener.seen.length - drained)
    drained = listener.seen.length
    // While it reads, the room goes on talking.
    if (drained % 10 === 0 && last < 600) for (let n = 0; n < drained % 45; n++) created(await append(`${++last}`))
  }
  const joining = hub.join(roomId, listener, 0).then(() => {
    isJoined = true
    most = Math.max(most, listener.seen.length - drained)
  })
  while (!isJoined) await settle()
  await joining
  created(await append(`${++last}`))
  expect(listener.seen).toEqual(seqs(1, last))
  expect(most).toBeWithin(1, 33)
})

test('where nobody listens nothing is encoded', async () => {
  await using opened = await openTestSqlite()
  const { roomId, append } = await roomWith(opened.storage, 1)
  const { hub, topics, created } = hubOn(opened.storage)
  let encoded = 0
  const listener = new Listener(topics)
  Object.assign(listener, { wire: { ...SEQS, encode: () => `${++encoded}` } })
  created(await append('2'))
  await hub.join(roomId, listener, undefined)
  created(await append('3'))
  hub.leave(roomId, listener)
  created(await append('4'))
  expect(encoded).toBe(1)
})

test('a member whose line ends with what it is told takes nothing from those who listen in another form', async () => {
  await using opened = await openTestSqlite()
  const { roomId, append } = await roomWith(opened.storage, 0)
  const { hub, topics, created } = hubOn(opened.storage)
  const [slow, other] = [new Listener(topics), new OtherListener(topics)]
  for (const listener of [slow, other]) await hub.join(roomId, listener, undefined)
  topics.subscribe(slow.wire.topic(roomId), () => hub.leave(roomId, slow))
  for (const text of ['1', '2']) created(await append(text))
  expect(other.seen).toEqual([1, 2])
})

/** Who listens in another form. */
class OtherListener extends Listener {
  override readonly wire: Wire = { ...SEQS, topic: (roomId) => `room:${roomId}:other` }
}
