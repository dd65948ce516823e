import { describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { databaseIn, FLUSHES, lastingDir, underStrace } from '../support/disk.ts'
import { PROGRAM, startParley } from '../support/server.ts'
import type { Frame } from '../support/socket.ts'

const LIMITS_OFF = { PARLEY_LIMITS: 'off' }

const isSubset = (some: Frame[], stored: { seq: number; text: string }[]) =>
  some.every(({ seq, message }) => stored.some((entry) => entry.seq === seq && entry.text === message))

describe('after a restart', () => {
  test.each([
    [1, 'full'],
    [40, 'full'],
    [170, 'full'],
    [500, 'full'],
    [170, 'relaxed'],
  ])(
    'by kill -9 under load, after %d frames (%s), every acknowledged message is in the history, in one order without gaps',
    async (frames, durability) => {
      using lasting = lastingDir()
      await using first = await startParley({ ...lasting, env: { ...LIMITS_OFF, PARLEY_DURABILITY: durability } })
      const { owner, customer, roomId } = await first.pair()
      const [minji, joon] = await Promise.all([owner.connect(roomId), customer.connect(roomId)])

      // Both talk as fast as they are answered, until the server is gone.
      const talk = async (socket: typeof minji, name: string) => {
        for (let n = 1; ; n++) {
          socket.send({ message: `${name} ${n}`, client_id: `${name}-${n}` })
          await socket.next()
        }
      }
      const talking = Promise.allSettled([talk(minji, 'minji'), talk(joon, 'joon')])
      await minji.reached(frames)
      await first.stop('SIGKILL')
      await talking

      await using second = await startParley({ ...lasting, env: LIMITS_OFF })
      const stored = await owner.at(second).history(roomId)
      expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, at) => at + 1))
      expect(isSubset(minji.received, stored)).toBe(true)
      expect(isSubset(joon.received, stored)).toBe(true)
      expect(new Set(stored.map(({ clientId }) => clientId)).size).toBe(stored.length)
    },
  )

  test('unread counts and read marks are right on both sides', async () => {
    using lasting = lastingDir()
    await using first = await startParley(lasting)
    const { owner, customer, roomId } = await first.pair()
    for (const text of ['one', 'two', 'three']) await customer.send(roomId, text)
    await owner.put(`/api/rooms/${roomId}/read-mark`, { seq: 2 })
    await first.stop('SIGKILL')

    await using second = await startParley(lasting)
    expect((await owner.at(second).inbox()).items[0]).toMatchObject({ unread: 1, readSeq: 2, peerReadSeq: 3 })
    expect((await customer.at(second).inbox()).items[0]).toMatchObject({ unread: 0, readSeq: 3, peerReadSeq: 2 })
  })

  test('[LV32] by SIGTERM, what was sent is acknowledged before the socket is told to come back', async () => {
    using lasting = lastingDir()
    await using first = await startParley(lasting)
    const { owner, customer, roomId } = await first.pair()
    const joon = await customer.connect(roomId)
    joon.send({ message: 'first' })
    await joon.next()

    for (let n = 0; n < 10; n++) joon.send({ message: `last ${n}` })
    const ended = first.stop('SIGTERM')
    expect(await joon.closed).toEqual({ code: 1012, reason: 'the server restarts' })
    expect(await ended).toBe(0)

    await using second = await startParley(lasting)
    const stored = await owner.at(second).history(roomId)
    expect(stored.map(({ text }) => text)).toEqual(joon.received.map(({ message }) => message ?? ''))
  })
})

const epochIn = (dataDir: string) => {
  using database = databaseIn(dataDir)
  return database.query<{ value: string }, []>("SELECT value FROM meta WHERE key = 'epoch'").get()?.value
}

test.each([
  ['relaxed', 'SIGKILL', true],
  ['relaxed', 'SIGTERM', false],
  ['full', 'SIGKILL', false],
] as const)(
  'after a run with durability %s that %s ended, the epoch is another: %p',
  async (durability, signal, isNew) => {
    using lasting = lastingDir()
    await using first = await startParley({ ...lasting, env: { PARLEY_DURABILITY: durability } })
    const epoch = epochIn(lasting.dataDir)
    await first.stop(signal)
    await using second = await startParley(lasting)
    expect(epochIn(lasting.dataDir) !== epoch).toBe(isNew)
    await second.stop('SIGKILL')
    await using _third = await startParley(lasting)
    expect(epochIn(lasting.dataDir) !== epoch).toBe(isNew)
  },
)

test('the epoch is another also where a power cut took the whole log of a run that was not durable', async () => {
  using lasting = lastingDir()
  await using first = await startParley({ ...lasting, env: { PARLEY_DURABILITY: 'relaxed' } })
  const epoch = epochIn(lasting.dataDir)
  await first.person('Minji')
  await first.stop('SIGKILL')
  for (const suffix of ['-wal', '-shm']) rmSync(join(lasting.dataDir, `parley.db${suffix}`))
  await using _second = await startParley(lasting)
  expect(epochIn(lasting.dataDir)).toMatch(/^[0-9a-f]{16}$/)
  expect(epochIn(lasting.dataDir)).not.toBe(epoch)
})

const schemaIn = (dataDir: string) => {
  using database = databaseIn(dataDir)
  return database.query('SELECT name, sql FROM sqlite_schema ORDER BY name').all()
}

test('a first migration that is killed at any of its flushes is finished by the next one', async () => {
  const migrate = async (dataDir: string, under: string[] = []) =>
    Bun.spawn([...under, ...PROGRAM, 'migrate', '--data-dir', dataDir], {
      env: { PATH: process.env.PATH ?? '' },
      stdout: 'ignore',
    }).exited
  using whole = lastingDir()
  expect(await migrate(whole.dataDir)).toBe(0)
  for (let flush = 1, isDone = false; !isDone; flush++) {
    using lasting = lastingDir()
    isDone = (await migrate(lasting.dataDir, underStrace(FLUSHES, `signal=KILL:when=${flush}`))) === 0
    expect(await migrate(lasting.dataDir)).toBe(0)
    expect(schemaIn(lasting.dataDir)).toEqual(schemaIn(whole.dataDir))
    expect(epochIn(lasting.dataDir)).toMatch(/^[0-9a-f]{16}$/)
    expect(flush).toBeLessThan(100)
  }
})
