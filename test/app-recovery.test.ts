import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StreamPosition } from 'centrifuge'
import fc from 'fast-check'
import type { Message } from '../src/messages/model.ts'
import { App, type AppRoom, type Door, metric, type Reply, Seen } from './support/app-client.ts'
import { AppSocket, refused } from './support/app-socket.ts'
import type { Person } from './support/person.ts'
import { RawSocket } from './support/raw-socket.ts'
import { ResetProxy } from './support/reset-proxy.ts'
import { startParley } from './support/server.ts'

setDefaultTimeout(60_000)

const LIMITS_OFF = { PARLEY_LIMITS: 'off' }
const seqs = (from: number, to: number) => Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => from + at)

/** So far one may be ahead of the other: a retry finds its message among the newest 64 entries of the room (LV14). */
const LEAD = 20

/** One of the two people of a room, on a device that loses its connection now and then. */
class Speaker {
  readonly #app: App
  readonly #name: string
  readonly room: AppRoom
  readonly roomId: number
  /** The messages that were acknowledged. */
  readonly said = new Seen<Message>()
  /** Sends of which nobody knows whether they were stored, and which were made again. */
  retries = 0

  constructor(app: App, name: string, roomId: number, room: AppRoom) {
    this.#app = app
    this.#name = name
    this.roomId = roomId
    this.room = room
  }

  async talk(count: number, other: Speaker): Promise<void> {
    for (const n of seqs(1, count)) {
      await other.said.reached(n - LEAD)
      this.said.add(await this.#say(`${this.#name} ${n}`))
    }
  }

  async #say(text: string): Promise<Message> {
    while (true) {
      try {
        return await this.#app.send(this.roomId, text, text.replace(' ', '-'))
      } catch (error) {
        // Below 100: no answer of the server's, but the client's own word for a lost connection.
        if ((error as { code: number }).code >= 100) throw error
        this.retries += 1
      }
    }
  }
}

/** Two people in two rooms, all four sides talking at once; and whoever wants to know what was acknowledged. */
async function conversations(minji: App, joon: App, roomIds: number[]) {
  const speakers: [Speaker, Speaker][] = []
  for (const roomId of roomIds) {
    speakers.push([
      new Speaker(minji, 'minji', roomId, await minji.room(roomId)),
      new Speaker(joon, 'joon', roomId, await joon.room(roomId)),
    ])
  }
  return speakers
}

const talkAll = (speakers: [Speaker, Speaker][], count: number) =>
  Promise.all(speakers.flatMap(([one, other]) => [one.talk(count, other), other.talk(count, one)]))

/** Everything was stored once, and both sides saw each entry once and in its place. */
async function expectAllOnce(speakers: [Speaker, Speaker][], count: number, person: Person) {
  for (const [minji, joon] of speakers) {
    const stored = await person.history(minji.roomId)
    expect(stored.map(({ seq }) => seq)).toEqual(seqs(1, 2 * count))
    for (const name of ['minji', 'joon']) {
      const texts = stored.map(({ text }) => text).filter((text) => text.startsWith(name))
      expect(texts).toEqual(seqs(1, count).map((n) => `${name} ${n}`))
    }
    for (const { room, said } of [minji, joon]) {
      const heard = await room.entries.reached(2 * count)
      expect(heard.map(({ offset }) => offset)).toEqual(seqs(1, 2 * count))
      expect(heard.map(({ data }) => data.message)).toEqual(stored)
      expect(stored).toEqual(expect.arrayContaining(said.items))
      const [first, ...others] = room.places.items
      expect(first).toMatchObject({ wasRecovering: false })
      expect(others.every(({ wasRecovering, recovered }) => wasRecovering && recovered)).toBe(true)
    }
  }
}

test('the line of these tests really breaks: what is cut is reset, not closed', async () => {
  await using server = await startParley()
  await using line = await ResetProxy.to(server)
  const socket = connect(Number(new URL(line.url).port), '127.0.0.1')
  const events: string[] = []
  for (const event of ['data', 'end']) socket.on(event, () => events.push(event))
  socket.once('data', () => line.break())
  socket.write('GET /healthz HTTP/1.1\r\nHost: parley\r\n\r\n')
  const error = await new Promise<NodeJS.ErrnoException>((resolve) => socket.on('error', resolve))
  expect(error.code).toBe('ECONNRESET')
  expect(events).toEqual(['data'])
})

test('[LV63] over lines that broke fifty times, 2,000 messages arrive once each and in order, on both sides', async () => {
  await using server = await startParley({ env: LIMITS_OFF })
  const { owner, customer, roomId } = await server.pair()
  const { id: otherId } = await customer.openRoom((await owner.offer('Helmet')).id)
  await using hers = await ResetProxy.to(server)
  await using his = await ResetProxy.to(server)
  using minji = await App.open(hers, owner)
  using joon = await App.open(his, customer)
  const speakers = await conversations(minji, joon, [roomId, otherId])

  // A piece is about a message, of either direction; a break in its middle leaves half a frame, or half an acknowledgement.
  const moment = fc.record({ pieces: fc.integer({ min: 1, max: 160 }), part: fc.constantFrom(0, 0.5, 1) })
  for (const [at, line] of [hers, his].entries()) line.breakAt(fc.sample(moment, { numRuns: 25, seed: 2026 + at }))
  await talkAll(speakers, 500)

  expect([hers.breaks, his.breaks]).toEqual([25, 25])
  expect(speakers.flat().every(({ retries }) => retries > 0)).toBe(true)
  await expectAllOnce(speakers, 500, owner)
})

test('[LV63] of a server that is killed six times, 400 messages arrive once each and in order, on both sides', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-lasting-'))
  let server = await startParley({ dataDir, env: LIMITS_OFF })
  try {
    const { owner, customer, roomId } = await server.pair()
    const { id: otherId } = await customer.openRoom((await owner.offer('Helmet')).id)
    using minji = await App.open(server, owner)
    using joon = await App.open(server, customer)
    const speakers = await conversations(minji, joon, [roomId, otherId])

    const talking = talkAll(speakers, 100)
    const [[speaker] = []] = speakers
    // Of the hundred of one speaker, while the three others talk as well.
    for (const said of fc.sample(fc.integer({ min: 1, max: 15 }), { numRuns: 6, seed: 2026 })) {
      await speaker?.said.reached(speaker.said.items.length + said)
      await server.stop('SIGKILL')
      server = await startParley({ dataDir, env: LIMITS_OFF, args: ['--port', new URL(server.url).port] })
    }
    await talking

    await expectAllOnce(speakers, 100, owner)
    expect(minji.arrivals.items).toHaveLength(7)
    expect([...minji.endings.items, ...joon.endings.items]).toEqual([])
  } finally {
    await server.stop('SIGKILL')
    rmSync(dataDir, { recursive: true, force: true })
  }
})

test('[LV55] [LV65] a slow client is recovered when it has read what waits for it, with all that came to its rooms meanwhile', async () => {
  await using server = await startParley({ env: LIMITS_OFF })
  const { owner, customer, roomId: loud } = await server.pair()
  // As much as a recovery may give, three times: together more than may ever be unread.
  const roomIds: number[] = []
  for (const title of ['Helmet', 'Pump', 'Bell']) {
    const { id } = await customer.openRoom((await owner.offer(title)).id)
    await sendAll(customer, id, Array<string>(20).fill('한'.repeat(4000)))
    roomIds.push(id)
  }
  const shout = () => sendAll(customer, loud, Array<string>(10).fill('한'.repeat(4000)))

  // How much a client may leave unread, with all that the kernel holds for it.
  using _ = await hung(server, owner, loud)
  let most = 0
  for (; (await metric(server, 'parley_connections')) > 0; most++) await shout()

  // Half a MiB less than that.
  using slow = await hung(server, owner, loud)
  for (let n = 0; n < most - 4; n++) await shout()
  slow.sendTexts(
    roomIds.map((id, at) =>
      JSON.stringify({ id: 3 + at, subscribe: { channel: `room:${id}`, recover: true, offset: 0 } }),
    ),
  )
  for (const id of roomIds) await sendAll(customer, id, seqs(21, 25).map(String))

  slow.readOn()
  const heard = await heardBy(slow, roomIds.length)
  for (const id of roomIds) expect(heard.get(id)).toEqual(await owner.history(id))
})

/** What came of the rooms that a client recovers, until it has as many answers: in the order in which it came. */
async function heardBy(socket: RawSocket, answers: number): Promise<Map<number, Message[]>> {
  const heard = new Map<number, Message[]>()
  for (let answered = 0; answered < answers; ) {
    for (const line of (await socket.text()).split('\n')) {
      const { id, subscribe, push }: Reply = JSON.parse(line)
      if (id && !subscribe?.recovered) throw new Error(`not recovered: ${line.slice(0, 200)}`)
      if (subscribe) answered += 1
      const publications = subscribe?.publications ?? (push?.pub ? [push.pub] : [])
      for (const { data } of publications) {
        if (data.message) heard.set(data.message.roomId, [...(heard.get(data.message.roomId) ?? []), data.message])
      }
    }
  }
  return heard
}

describe('[LV64] recovery', () => {
  test('gives exactly 1,000 entries, and of 1,001 none', async () => {
    await using server = await startParley({ env: LIMITS_OFF })
    const { owner, customer, roomId } = await server.pair()
    await sendAll(customer, roomId, seqs(1, 1001).map(String))
    const epoch = await epochOf(server, owner, roomId)

    const enough = await recovered(server, owner, roomId, { offset: 1, epoch })
    expect(enough.place).toMatchObject({ wasRecovering: true, recovered: true, hasRecoveredPublications: true })
    expect(enough.place.streamPosition).toEqual({ offset: 1, epoch })
    expect(enough.entries).toEqual((await owner.history(roomId)).slice(1))

    const tooMany = await recovered(server, owner, roomId, { offset: 0, epoch })
    expect(tooMany.place).toMatchObject({ wasRecovering: true, recovered: false, hasRecoveredPublications: false })
    expect(tooMany.place.streamPosition).toEqual({ offset: 1002, epoch })
    expect(tooMany.entries).toEqual([tooMany.next])
  })

  test('gives 256 KiB, and of one byte more nothing', async () => {
    await using server = await startParley({ env: LIMITS_OFF })
    const { owner, customer, roomId } = await server.pair()
    await sendAll(
      customer,
      roomId,
      seqs(1, 20).map(() => '한'.repeat(4000)),
    )
    const lengthOf = (message: Message) =>
      Buffer.byteLength(JSON.stringify({ data: { type: 'message.created', message }, offset: message.seq }))
    const stored = await owner.history(roomId)
    const left = (256 << 10) - stored.reduce((sum, message) => sum + lengthOf(message), 0)
    // What there is around a text, in an entry of this room.
    const around = lengthOf(stored.at(-1) as Message) - 12_000
    const lastLength = left - 9000 - 2 * around
    const last = '한'.repeat(lastLength / 3) + 'x'.repeat(lastLength % 3)
    const texts = [...stored.map(({ text }) => text), '한'.repeat(3000), last]
    await sendAll(customer, roomId, texts.slice(20))
    const epoch = await epochOf(server, owner, roomId)

    const enough = await recovered(server, owner, roomId, { offset: 0, epoch })
    expect(enough.place).toMatchObject({ recovered: true })
    expect(enough.entries.map(({ seq }) => seq)).toEqual(seqs(1, 23))
    expect((await owner.history(roomId)).slice(0, 22).reduce((sum, message) => sum + lengthOf(message), 0)).toBe(
      256 << 10,
    )

    const { roomId: longer, owner: hana, customer: sora } = await server.pair('Hana', 'Sora')
    await sendAll(sora, longer, [...texts.slice(0, -1), `${last}x`])
    const tooLong = await recovered(server, hana, longer, { offset: 0, epoch })
    expect(tooLong.place).toMatchObject({ wasRecovering: true, recovered: false, hasRecoveredPublications: false })
    expect(tooLong.entries).toEqual([tooLong.next])
  })

  test('is an error for a client that has a way of its own to begin anew: `getState` is asked again', async () => {
    await using server = await startParley({ env: LIMITS_OFF })
    const { owner, customer, roomId } = await server.pair()
    using minji = await App.open(server, owner)
    const asked = new Seen<number>()
    const getState = async () => {
      const { offset, epoch } = await minji.client.history(`room:${roomId}`)
      asked.add(offset)
      return { offset, epoch }
    }
    const room = await minji.room(roomId, { getState })
    minji.client.disconnect()
    await sendAll(customer, roomId, seqs(1, 1001).map(String))
    await minji.connect()
    expect(await asked.reached(2)).toEqual([0, 1001])
    await customer.send(roomId, 'and now')
    expect(await room.texts(1)).toEqual(['and now'])
    using raw = await AppSocket.open(server, owner)
    const wish = { recover: true, offset: 0, flag: 2 }
    expect(await raw.subscribe(roomId, wish)).toEqual(refused(2, 112, 'unrecoverable_position'))
    expect((await raw.subscribe(roomId)).subscribe).toMatchObject({ offset: 1002 })
  })

  test.each([
    ['of another epoch', 1, 'another'],
    ['past the end', 4, undefined],
  ])('gives nothing from a place %s', async (_, offset, otherEpoch) => {
    await using server = await startParley()
    const { owner, customer, roomId } = await server.pair()
    await sendAll(customer, roomId, ['one', 'two', 'three'])
    const epoch = await epochOf(server, owner, roomId)
    const { place, entries, next } = await recovered(server, owner, roomId, { offset, epoch: otherEpoch ?? epoch })
    expect(place).toMatchObject({ wasRecovering: true, recovered: false, hasRecoveredPublications: false })
    expect(place.streamPosition).toEqual({ offset: 3, epoch })
    expect(entries).toEqual([next])
  })

  test('from the end gives nothing, and that is all there is', async () => {
    await using server = await startParley()
    const { owner, customer, roomId } = await server.pair()
    await sendAll(customer, roomId, ['one', 'two', 'three'])
    const epoch = await epochOf(server, owner, roomId)
    const { place, entries, next } = await recovered(server, owner, roomId, { offset: 3, epoch })
    expect(place).toMatchObject({ wasRecovering: true, recovered: true, hasRecoveredPublications: false })
    expect(entries).toEqual([next])
  })
})

/** One after the other, as far as their order goes; in parallel, as far as they can be. */
async function sendAll(person: Person, roomId: number, texts: string[]): Promise<void> {
  while (texts.length > 0) {
    await Promise.all(texts.slice(0, 50).map((text) => person.send(roomId, text)))
    texts = texts.slice(50)
  }
}

/** A client that listens in a room, and then reads no more. */
async function hung(server: Door, { token }: Person, roomId: number): Promise<RawSocket> {
  const socket = await RawSocket.open(`${server.url}/connection/websocket`, token)
  socket.sendTexts(
    [
      { id: 1, connect: {} },
      { id: 2, subscribe: { channel: `room:${roomId}` } },
    ].map((each) => JSON.stringify(each)),
  )
  while (!(await socket.text()).includes('"id":2,"subscribe"')) {}
  socket.stopReading()
  return socket
}

async function epochOf(server: Door, person: Person, roomId: number): Promise<string> {
  using app = await App.open(server, person)
  return (await app.client.history(`room:${roomId}`)).epoch
}

/** What a client gets that comes back to this place, and then what is new. */
async function recovered(server: Door, person: Person, roomId: number, since: StreamPosition) {
  using app = await App.open(server, person)
  const room = await app.room(roomId, { since })
  const [place] = await room.places.reached(1)
  if (!place) throw new Error('not subscribed')
  const next = await app.send(roomId, 'what is new')
  const entries = await room.entries.until((seen) => seen.at(-1)?.offset === next.seq)
  return { place, next, entries: entries.map(({ data }): Message => data.message) }
}
