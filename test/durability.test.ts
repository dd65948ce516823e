import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RawSocket } from './support/raw-socket.ts'
import { PROGRAM, startParley } from './support/server.ts'
import type { Frame } from './support/socket.ts'

const LIMITS_OFF = { PARLEY_LIMITS: 'off' }

/** A directory that outlives a server. `using` removes it. */
function lastingDir() {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-lasting-'))
  return { dataDir, [Symbol.dispose]: () => rmSync(dataDir, { recursive: true, force: true }) }
}

const isSubset = (some: Frame[], stored: { seq: number; text: string }[]) =>
  some.every(({ seq, message }) => stored.some((entry) => entry.seq === seq && entry.text === message))

describe('after a restart', () => {
  test.each([1, 40, 170, 500])(
    'by kill -9 under load, after %d frames, every acknowledged message is in the history, in one order without gaps',
    async (frames) => {
      using lasting = lastingDir()
      await using first = await startParley({ ...lasting, env: LIMITS_OFF })
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

test('[LV32] by SIGTERM a slow client gets what waits for it, then 1012; one that never reads holds nobody up', async () => {
  await using server = await startParley({ env: LIMITS_OFF })
  const { owner, customer, roomId } = await server.pair()
  using minji = await owner.connect(roomId)
  const say = async () => {
    minji.send({ message: '한'.repeat(4000) })
    return minji.next()
  }
  const hasLeft = async (sockets: number) =>
    (await (await fetch(`${server.url}/metrics`)).text()).includes(`parley_connections ${sockets}\n`)
  const path = `${server.url}/ws/room/${roomId}/messages`
  const notReading = async () => {
    const socket = await RawSocket.open(path, customer.token)
    await say()
    await socket.text()
    socket.stopReading()
    return socket
  }

  // How much fills the kernel's buffers and the server's MiB for a client: with half a MiB less, much still waits there.
  using full = await notReading()
  let count = 0
  while (!(await hasLeft(1))) {
    await say()
    count += 1
  }
  full[Symbol.dispose]()
  using slow = await notReading()
  // In the middle of its replay.
  using stuck = await RawSocket.open(`${path}?after=0`, customer.token)
  stuck.stopReading()
  const sent: unknown[] = []
  for (let n = 0; n < count - 40; n++) sent.push((await say()).seq)
  expect(await hasLeft(3)).toBe(true)

  const stoppedAt = performance.now()
  const ended = server.stop('SIGTERM')
  slow.readOn()
  const received: unknown[] = []
  for (const _ of sent) received.push(JSON.parse(await slow.text()).seq)
  expect(received).toEqual(sent)
  expect((await slow.closed).code).toBe(1012)
  expect(await ended).toBe(0)
  // Whoever stops a container waits ten seconds, and then kills.
  expect(performance.now() - stoppedAt).toBeLessThan(10_000)
  expect(stuck.head).toStartWith('HTTP/1.1 101')
})

const epochIn = (dataDir: string) => {
  using database = new Database(join(dataDir, 'parley.db'))
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
  using database = new Database(join(dataDir, 'parley.db'))
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
    isDone = (await migrate(lasting.dataDir, underStrace(`signal=KILL:when=${flush}`))) === 0
    expect(await migrate(lasting.dataDir)).toBe(0)
    expect(schemaIn(lasting.dataDir)).toEqual(schemaIn(whole.dataDir))
    expect(epochIn(lasting.dataDir)).toMatch(/^[0-9a-f]{16}$/)
    expect(flush).toBeLessThan(100)
  }
})

/** strace makes the disk slow, or makes it fail; the process itself is the real one (-D: and the one that is killed). */
const underStrace = (fault: string) => {
  const flushes = 'fdatasync,fsync'
  return ['strace', '-D', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${flushes}`, '-e', `inject=${flushes}:${fault}`]
}

describe('an acknowledgement means flushed', () => {
  test('with every flush delayed by 200 ms none comes earlier, over the socket and over REST', async () => {
    await using server = await startParley({ under: underStrace('delay_enter=200000') })
    const { owner, customer, roomId } = await server.pair()
    using joon = await customer.connect(roomId)
    using minji = await owner.connect(roomId)

    for (const _ of [1, 2, 3]) {
      const sentAt = performance.now()
      joon.send({ message: 'hi' })
      await Promise.all([joon.next(), minji.next()])
      expect(performance.now() - sentAt).toBeGreaterThanOrEqual(200)
    }
    const sentAt = performance.now()
    await owner.send(roomId, 'hello')
    expect(performance.now() - sentAt).toBeGreaterThanOrEqual(200)
  })

  test('with every flush failing none comes, nobody else gets the message, and readiness says so', async () => {
    using lasting = lastingDir()
    await using healthy = await startParley(lasting)
    const { owner, customer, roomId } = await healthy.pair()
    await customer.send(roomId, 'before')
    await healthy.stop('SIGTERM')

    await using broken = await startParley({ ...lasting, under: underStrace('error=EIO') })
    using joon = await customer.at(broken).connect(roomId)
    using minji = await owner.at(broken).connect(roomId)
    joon.send({ message: 'lost', client_id: 'c1' })
    expect(await joon.next()).toMatchObject({ code: 'unavailable', client_id: 'c1' })
    expect((await owner.at(broken).post(`/api/rooms/${roomId}/messages`, { text: 'lost too' })).status).toBe(503)
    const ready = await fetch(`${broken.url}/readyz`)
    expect({ status: ready.status, text: await ready.text() }).toEqual({ status: 503, text: 'io\n' })
    expect((await owner.at(broken).history(roomId)).map(({ text }) => text)).toEqual(['before'])
    expect(minji.received).toEqual([])
    expect(await broken.log.event('storage_failed')).toMatchObject({
      level: 'error',
      note: 'io',
      code: 'SQLITE_IOERR_FSYNC',
    })
    await broken.stop('SIGKILL')

    await using mended = await startParley(lasting)
    await customer.at(mended).send(roomId, 'after')
    const stored = await owner.at(mended).history(roomId)
    expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, at) => at + 1))
    expect(stored.at(-1)).toMatchObject({ text: 'after' })
  })
})

// Only root may mount the file system of two MiB that this fills.
test.skipIf(process.getuid?.() !== 0)(
  'a disk without room stores nothing and says so, and goes on when there is room again',
  async () => {
    using lasting = lastingDir()
    const mount = Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', lasting.dataDir])
    expect(mount.exitCode).toBe(0)
    try {
      await using server = await startParley(lasting)
      const { owner, customer, roomId } = await server.pair()
      using joon = await customer.connect(roomId)
      joon.send({ message: 'before' })
      await joon.next()

      const filler = join(lasting.dataDir, 'filler')
      Bun.spawnSync(['dd', 'if=/dev/zero', `of=${filler}`, 'bs=4k'])
      const refused = await untilRefused(() => customer.post(`/api/rooms/${roomId}/messages`, { text: 'while full' }))
      expect(refused).toMatchObject({ status: 503 })
      expect(await (await fetch(`${server.url}/readyz`)).text()).toBe('disk_full\n')

      rmSync(filler)
      // Nobody writes, and nobody asks.
      await server.log.event('storage_recovered')
      await customer.send(roomId, 'after')
      expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
      const stored = await owner.history(roomId)
      expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, at) => at + 1))
      expect(stored.at(-1)).toMatchObject({ text: 'after' })
      await server.stop('SIGTERM')
    } finally {
      Bun.spawnSync(['umount', lasting.dataDir])
    }
  },
)

// Only root may mount; and root may write whatever a mode forbids, so the file system itself has to refuse.
test.skipIf(process.getuid?.() !== 0)(
  'data that may only be read is refused with 78 and one line, and left as it is',
  async () => {
    using lasting = lastingDir()
    const mount = (...options: string[]) =>
      Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', options.join(','), 'tmpfs', lasting.dataDir]).exitCode
    expect(mount('size=20m')).toBe(0)
    try {
      await using server = await startParley(lasting)
      await server.person('Minji')
      await server.stop('SIGTERM')
      const file = join(lasting.dataDir, 'parley.db')
      const before = readFileSync(file)
      expect(mount('remount', 'ro')).toBe(0)

      const refused = Bun.spawn([...PROGRAM, 'serve', '--port', '0', '--data-dir', lasting.dataDir], {
        env: { PATH: process.env.PATH ?? '' },
        stdout: 'ignore',
        stderr: 'pipe',
      })
      expect(await refused.stderr.text()).toMatch(/^parley: [^\n]+\n$/)
      expect(await refused.exited).toBe(78)
      expect(readFileSync(file).equals(before)).toBe(true)
    } finally {
      Bun.spawnSync(['umount', lasting.dataDir])
    }
  },
)

/** SQLite may still have room in its own files for a few messages. */
async function untilRefused(send: () => Promise<Response>): Promise<Response> {
  while (true) {
    const response = await send()
    if (response.status !== 201) return response
  }
}
