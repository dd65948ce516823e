import { describe, expect, test } from 'bun:test'
import { AppSocket } from '../support/app-socket.ts'
import { Crowd } from '../support/chaos-crowd.ts'
import { Random } from '../support/chaos-random.ts'
import { FLUSHES, lastingDir, underStrace } from '../support/disk.ts'
import { hostPerson, JWT_SECRET } from '../support/marketplace.ts'
import { startParley } from '../support/server.ts'

describe('an acknowledgement means flushed', () => {
  test('with every flush delayed by 200 ms none comes earlier, over both sockets and over REST', async () => {
    await using server = await startParley({ under: underStrace(FLUSHES, 'delay_enter=200000') })
    const { owner, customer, roomId } = await server.pair()
    using joon = await customer.connect(roomId)
    using minji = await owner.connect(roomId)

    for (const _ of [1, 2, 3]) {
      const sentAt = performance.now()
      joon.send({ message: 'hi' })
      await Promise.all([joon.next(), minji.next()])
      expect(performance.now() - sentAt).toBeGreaterThanOrEqual(200)
    }
    using app = await AppSocket.open(server, customer)
    for (const say of [() => owner.send(roomId, 'hello'), () => app.say(roomId, 'hello')]) {
      const sentAt = performance.now()
      await say()
      expect(performance.now() - sentAt).toBeGreaterThanOrEqual(200)
    }
  })

  test('with every flush failing none comes, nobody else gets the message, and readiness says so', async () => {
    using lasting = lastingDir()
    await using healthy = await startParley(lasting)
    const { owner, customer, roomId } = await healthy.pair()
    await customer.send(roomId, 'before')
    await healthy.stop('SIGTERM')

    await using broken = await startParley({ ...lasting, under: underStrace(FLUSHES, 'error=EIO') })
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

// The calls of each thread are counted: those before these are of its start, and of the crowd's coming.
test.each([
  ['a flush fails', FLUSHES, 'error=EIO:when=50..54', 'io'],
  ['a write fails', 'pwrite64', 'error=EIO:when=1000..1004', 'io'],
  ['a write finds no room', 'pwrite64', 'error=ENOSPC:when=1000..1004', 'disk_full'],
])(
  'where %s for a while, the same server goes on by itself, and nothing acknowledged is lost',
  async (_, calls, fault, word) => {
    using lasting = lastingDir()
    const env = { PARLEY_LIMITS: 'off', PARLEY_JWT_SECRET: JWT_SECRET }
    await using server = await startParley({ ...lasting, env, under: underStrace(calls, fault) })
    const door = { url: server.url, wsUrl: server.wsUrl }
    const town = { nodes: [door], hostPerson: (id: string) => hostPerson(door, id, id) }
    const random = new Random(1)
    const crowd = await Crowd.gather(town, { people: 6, rooms: 4, hasRest: true }, random)
    crowd.begin(random, [0, 10])
    expect(await server.log.event('storage_failed')).toMatchObject({ note: word })
    await server.log.event('storage_recovered')
    await crowd.says(20)
    expect(await crowd.end()).toEqual([])
    await server.stop('SIGKILL')

    await using again = await startParley({ ...lasting, env })
    Object.assign(door, { url: again.url, wsUrl: again.wsUrl })
    expect(await crowd.reread()).toEqual([])
  },
)
