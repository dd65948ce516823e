import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { RawSocket } from './support/raw-socket.ts'
import { type RunningParley, startParley } from './support/server.ts'

let server: RunningParley
beforeAll(async () => {
  server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
})
afterAll(() => server[Symbol.asyncDispose]())

const seqs = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at)

/** A room in which `count` messages were sent. */
async function talkedIn(count: number) {
  const pair = await server.pair()
  using minji = await pair.owner.connect(pair.roomId)
  for (const n of seqs(1, count)) {
    minji.send({ message: `number ${n}` })
    // One page at a time: more than 256 waiting frames would be a flood.
    if (n % 100 === 0 || n === count) await minji.take(n % 100 || 100)
  }
  return pair
}

describe('[LV23] replay', () => {
  test('gives what came after, then goes on with what is new', async () => {
    const { owner, customer, roomId } = await talkedIn(250)
    using joon = await customer.connect(roomId, '?after=5')

    const replayed = await joon.take(245)
    await owner.send(roomId, 'new')

    expect(replayed.map(({ seq }) => seq)).toEqual(seqs(6, 250))
    expect(await joon.next()).toMatchObject({ message: 'new', seq: 251 })
  })

  test('has no gap and no repeat while the room goes on talking', async () => {
    const { owner, customer, roomId } = await talkedIn(300)
    using minji = await owner.connect(roomId)
    const talking = (async () => {
      for (const n of seqs(301, 500)) {
        minji.send({ message: `number ${n}` })
        await minji.next()
      }
    })()

    const joiners = []
    for (const after of [0, 50, 100, 150, 200, 250, 299, 300]) {
      const socket = await customer.connect(roomId, `?after=${after}`)
      joiners.push({ after, socket })
    }
    await talking

    for (const { after, socket } of joiners) {
      const frames = await socket.take(500 - after)
      expect(frames.map(({ seq }) => seq)).toEqual(seqs(after + 1, 500))
      socket.close()
    }
  })

  test('waits for a client that reads slowly, page by page, and loses nothing', async () => {
    const { owner, customer, roomId } = await server.pair()
    using minji = await owner.connect(roomId)
    // 3 MiB: more than may ever be unsent.
    for (const _ of seqs(1, 800)) {
      minji.send({ message: '한'.repeat(1300) })
      await minji.next()
    }
    using joon = await customer.connect(roomId, '?after=0')
    const frames = await joon.take(800)
    expect(frames.map(({ seq }) => seq)).toEqual(seqs(1, 800))
  })

  test.each([
    ['past the end', '?after=99'],
    ['no number', '?after=soon'],
    ['negative', '?after=-1'],
    ['empty', '?after='],
  ])('of a place that is %s is refused, and what is new arrives', async (_, query) => {
    const { owner, customer, roomId } = await talkedIn(3)
    using joon = await customer.connect(roomId, query)
    expect(await joon.next()).toMatchObject({ code: 'replay_too_long' })
    await owner.send(roomId, 'new')
    expect(await joon.next()).toMatchObject({ message: 'new', seq: 4 })
  })

  test('of more than 1,000 entries is refused, of exactly 1,000 given', async () => {
    const { owner, customer, roomId } = await talkedIn(1001)
    using tooMuch = await customer.connect(roomId, '?after=0')
    using enough = await customer.connect(roomId, '?after=1')

    expect(await tooMuch.next()).toMatchObject({ code: 'replay_too_long' })
    expect((await enough.take(1000)).map(({ seq }) => seq)).toEqual(seqs(2, 1001))

    await owner.send(roomId, 'new')
    expect(await tooMuch.next()).toMatchObject({ message: 'new', seq: 1002 })
  })

  test('[LV15] frames that a client sends before its replay is over come after it', async () => {
    const { customer, roomId } = await talkedIn(150)
    using joon = await customer.connect(roomId, '?after=0')
    joon.send({ message: 'mine' })
    const frames = await joon.take(151)
    expect(frames.map(({ seq }) => seq)).toEqual(seqs(1, 151))
    expect(frames.at(-1)).toMatchObject({ message: 'mine' })
  })
})

test('[LV31] a client that never reads is closed; the other side is not held up, and its resume has no gap', async () => {
  const { owner, customer, roomId } = await server.pair()
  using stuck = await RawSocket.open(`${server.url}/ws/room/${roomId}/messages`, customer.token)
  using minji = await owner.connect(roomId)
  minji.send({ message: 'both are here' })
  await Promise.all([stuck.text(), minji.next()])
  stuck.stopReading()

  // What the kernel holds for it, then 1 MiB, then it is closed.
  const isClosed = async () =>
    /parley_sockets_closed_total\{code="1006"\} [1-9]/.test(await (await fetch(`${server.url}/metrics`)).text())
  let sent = 1
  while (!(await isClosed())) {
    for (let n = 0; n < 50; n++) {
      minji.send({ message: '한'.repeat(4000) })
      expect(await minji.next()).toMatchObject({ seq: ++sent })
    }
  }

  using back = await customer.connect(roomId, `?after=${Math.max(0, sent - 1000)}`)
  expect((await back.take(Math.min(1000, sent))).map(({ seq }) => seq)).toEqual(seqs(Math.max(1, sent - 999), sent))
})
