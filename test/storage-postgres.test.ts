import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { type AddressInfo, connect as connectPort, createServer } from 'node:net'
import { SQL } from 'bun'
import { StartError } from '../src/lib/errors.ts'
import type { Message } from '../src/messages/model.ts'
import { connect, drizzleOn, FOR_QUERIES, isNewEnough, LIMITS_MS } from '../src/storage/postgres/database.ts'
import { codeOf } from '../src/storage/postgres/faults.ts'
import { migratePostgres } from '../src/storage/postgres/migrate.ts'
import { openPostgres } from '../src/storage/postgres/open.ts'
import { postgresMessages } from '../src/storage/postgres/stores/messages.ts'
import { postgresRooms } from '../src/storage/postgres/stores/rooms.ts'
import type { Storage } from '../src/storage/storage.ts'
import { storageContract } from './contracts/storage.ts'
import { LOCKED, openTestPostgres, TestPostgres } from './support/postgres.ts'
import { accountIn, failure, roomIn } from './support/storage.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await TestPostgres.start()
})
// Also where a test has failed that stopped it.
afterEach(() => server.start())
afterAll(() => server[Symbol.asyncDispose]())

storageContract('postgres', () => openTestPostgres(server))

const upTo = (length: number) => Array.from({ length }, (_, at) => at + 1)
const connectTo = (url: string) => new SQL({ url, adapter: 'postgres', max: 1 })
const openOn = (url: string) => openPostgres({ url, durability: 'full', now: () => 1 })

/** One who is called like nobody else, and 12,000 newer ones. */
const MANY_PEOPLE = `
  INSERT INTO users (id, username, created_at)
  SELECT 'p' || i, CASE i WHEN 0 THEN 'rare' ELSE 'common' END, 1 FROM generate_series(0, 12000) AS i`

type Pair = Awaited<ReturnType<typeof roomIn>>
const draftFrom = ({ roomId, customer }: Pair, text: string, clientId: string | null = null) => {
  return { roomId, sender: { id: customer.id, username: customer.username }, text, clientId, at: 5 }
}

/** What it has told of how it does. */
function watched() {
  const turns: (string | undefined)[] = []
  return { turns, events: { onHealth: (problem: string | undefined) => void turns.push(problem) } }
}

/** Tries until it goes well: a condition, and no time. */
async function untilWell<T>(act: () => Promise<T>): Promise<T> {
  while (true) {
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'unavailable')) throw error
      await Bun.sleep(5)
    }
  }
}

async function until(holds: () => Promise<boolean> | boolean) {
  while (!(await holds())) await Bun.sleep(5)
}

/** A line to the server on which nothing comes back any more once it is deaf; what is sent still arrives. */
function deafLine(serverPort: number) {
  let isDeaf = false
  const listener = createServer((near) => {
    const far = connectPort(serverPort, '127.0.0.1')
    near.pipe(far)
    far.on('data', (piece) => isDeaf || near.write(piece))
    near.on('error', () => far.destroy()).on('close', () => far.destroy())
    far.on('error', () => near.destroy()).on('close', () => near.destroy())
  }).listen(0, '127.0.0.1')
  return {
    port: (listener.address() as AddressInfo).port,
    goDeaf: () => {
      isDeaf = true
    },
    async [Symbol.asyncDispose]() {
      listener.close()
    },
  }
}

async function expectNoGaps({ messages, rooms }: Storage, { roomId, owner, customer }: Pair): Promise<Message[]> {
  const kept = await messages.span(roomId, { after: 0, limit: 10_000 })
  expect(kept.map(({ seq }) => seq)).toEqual(upTo(kept.length))
  expect(await messages.lastSeq(roomId)).toBe(kept.length)
  const last = await rooms.summary(roomId, owner.id)
  expect(last?.lastMessage).toEqual(kept.at(-1) ?? null)
  expect(last?.unread).toBe(kept.findLastIndex(({ sender }) => sender?.id === customer.id) + 1)
  return kept
}

describe('two nodes on one database', () => {
  test('store in the same rooms at once: no deadlock, no gap, and what both try is there once', async () => {
    await using opened = await openTestPostgres(server)
    const second = await openOn(opened.url)
    const pairs = await Promise.all(upTo(6).map(() => roomIn(opened.storage)))
    const tries = await Promise.all(
      [opened.storage, second].flatMap((node, at) =>
        upTo(20).flatMap((n) => {
          const inOrder = at === 0 ? pairs : pairs.toReversed()
          return inOrder.flatMap((pair) => [
            node.messages.append(draftFrom(pair, `${n}`, `c${n}`)),
            node.messages.append(draftFrom(pair, `of node ${at}`)),
          ])
        }),
      ),
    )
    for (const pair of pairs) {
      const kept = await expectNoGaps(opened.storage, pair)
      expect(kept).toHaveLength(20 + 40)
      const repeated = tries.filter(({ message }) => message.roomId === pair.roomId && message.clientId !== null)
      expect(repeated).toHaveLength(40)
      expect(repeated.filter(({ created }) => created)).toHaveLength(20)
      for (const { message } of repeated) expect(kept[message.seq - 1]).toEqual(message)
    }
    await second.close()
  })

  test('recognise by the newest 64 entries of a room, whoever of them stored those', async () => {
    await using opened = await openTestPostgres(server)
    const second = await openOn(opened.url)
    const pairs = await Promise.all(upTo(2).map(() => roomIn(opened.storage)))
    const entries = new Map(pairs.map(({ roomId }) => [roomId, [] as (string | null)[]]))
    let seed = 7
    const pick = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31
      return Math.floor((seed / 2 ** 31) * below)
    }
    for (const n of upTo(900)) {
      const node = pick(3) ? opened.storage : second
      const pair = pairs[pick(2)] ?? pairs[0]
      if (!pair) throw new Error('no room')
      const { id, username } = pick(2) ? pair.owner : pair.customer
      const clientId = pick(4) ? `c${pick(60)}` : null
      const kept = entries.get(pair.roomId) ?? []
      const key = clientId && `${id} ${clientId}`
      const earlier = key ? kept.slice(-64).lastIndexOf(key) : -1
      const draft = { roomId: pair.roomId, sender: { id, username }, text: `${clientId}`, clientId, at: 5 }
      const { message, created } = await node.messages.append(draft)
      if (created) kept.push(key)
      const place = earlier === -1 ? kept.length : Math.max(0, kept.length - 64) + earlier + 1
      expect([n, created, message.seq]).toEqual([n, earlier === -1, place])
      if (n % 300 === 0) {
        await node.messages.erase({ userId: id, roomId: pair.roomId, after: 0, at: 9 })
        for (const [at, entry] of kept.entries()) if (entry?.startsWith(`${id} `)) kept[at] = null
      }
    }
    await second.close()
  })

  test('move marks and messages of the same rooms at once, and none of them back', async () => {
    await using opened = await openTestPostgres(server)
    const second = await openOn(opened.url)
    const pairs = await Promise.all(upTo(4).map(() => roomIn(opened.storage)))
    const acts = [opened.storage, second].flatMap((node, at) =>
      upTo(30).flatMap((n) => {
        const inOrder = at === 0 ? pairs : pairs.toReversed()
        const receipts = inOrder.map(({ roomId }) => ({ roomId, role: 'owner' as const, seq: n }))
        return [
          ...inOrder.map((pair) => node.messages.append(draftFrom(pair, `${n}`))),
          node.rooms.markDelivered(receipts),
          ...inOrder.map(({ roomId }) => node.rooms.markRead(roomId, 'owner', n - 1)),
        ]
      }),
    )
    await Promise.all<unknown>(acts)
    for (const { roomId, owner, customer } of pairs) {
      expect(await second.rooms.summary(roomId, owner.id)).toMatchObject({ lastSeq: 60, readSeq: 29, unread: 31 })
      expect(await second.rooms.summary(roomId, customer.id)).toMatchObject({ readSeq: 60, peerDeliveredSeq: 30 })
    }
    await second.close()
  })

  test('have one epoch and one key, and see what the other has ended in order, however much ends at once', async () => {
    await using opened = await openTestPostgres(server)
    const second = await openOn(opened.url)
    expect([second.epoch, second.clusterKey]).toEqual([opened.storage.epoch, opened.storage.clusterKey])
    expect(second.clusterKey).toMatch(/^[0-9a-f]{64}$/)
    // With the same facts in it, as after a dump and a restore: all tests' databases are made from one.
    const copy = await openOn(await server.createDatabase())
    expect(copy.epoch).toBe(second.epoch)
    expect(copy.clusterKey).not.toBe(second.clusterKey)
    await copy.close()
    const people = await Promise.all(upTo(40).map((n) => accountIn(opened.storage, `person ${n}`)))
    let { place } = await second.revocations.after(undefined)
    let isDone = false
    const ended = people.map(({ id, session }, n) => {
      const node = n % 2 ? opened.storage : second
      return n % 3 ? node.sessions.end(session.tokenHash, 2) : node.users.signOut(id, 2)
    })
    const told: string[] = []
    const reading = (async () => {
      for (let last = false; !last; ) {
        last = isDone
        const next = await second.revocations.after(place)
        told.push(...next.revocations.map(({ kind, subject }) => `${kind} ${subject}`))
        place = next.place
      }
    })()
    await Promise.all(ended)
    isDone = true
    await reading
    const signedOut = people.filter((_, n) => n % 3 === 0).map(({ id }) => `tokens ${id}`)
    const expected = [...people.map(({ session }) => `session ${session.tokenHash}`), ...signedOut]
    expect(told.toSorted()).toEqual(expected.toSorted())
    await second.close()
  })
})

describe('the server', () => {
  test('that crashes under load costs nothing that was acknowledged, and storing goes on by itself', async () => {
    const { turns, events } = watched()
    await using opened = await openTestPostgres(server, { events })
    const { storage } = opened
    const pairs = await Promise.all(upTo(5).map(() => roomIn(storage)))
    const acknowledged: Message[] = []
    let isOver = false
    const send = async (pair: Pair, n: number) => {
      for (let at = 0; !isOver; at++) {
        // As a client does: the same one again, until it is told where it stands.
        const draft = draftFrom(pair, `${n} ${at}`, `c${n}-${at}`)
        acknowledged.push((await untilWell(() => storage.messages.append(draft))).message)
      }
    }
    const senders = upTo(20).flatMap((n) => pairs.map((pair) => send(pair, n)))
    for (const _ of upTo(2)) {
      const before = acknowledged.length
      await until(() => acknowledged.length > before + 500)
      await server.stop('immediate')
      await until(() => !storage.health().ok)
      expect(storage.health().problem).toBe('unreachable')
      expect(await storage.probe()).toBe(false)
      expect(await failure(storage.users.find('nobody'))).toMatchObject({ code: 'unavailable', retryAfter: 1 })
      await server.start()
      await until(() => storage.probe())
      expect(await untilWell(() => storage.users.find('nobody'))).toBeUndefined()
    }
    isOver = true
    await Promise.all(senders)
    expect(await storage.probe()).toBe(true)
    expect(turns).toEqual(['unreachable', undefined, 'unreachable', undefined])
    for (const pair of pairs) {
      const kept = await expectNoGaps(storage, pair)
      const mine = acknowledged.filter(({ roomId }) => roomId === pair.roomId)
      for (const message of mine) expect(kept[message.seq - 1]).toEqual(message)
      // Each was told of once, and is there once, although some were stored by a flight of which nobody heard.
      expect(kept).toHaveLength(mine.length)
    }
  })

  test('that does not answer is given up after the deadline, by sends and by reads; then all goes on', async () => {
    await using opened = await openTestPostgres(server, { deadlineMs: 1000, poolSize: 3 })
    const { storage } = opened
    const pair = await roomIn(storage)
    await storage.messages.append(draftFrom(pair, 'before'))
    server.pause()
    const asked = [
      storage.messages.append(draftFrom(pair, 'during', 'c1')),
      ...upTo(5).map(() => storage.users.find(pair.owner.id)),
      storage.users.signOut(pair.owner.id, 2),
    ]
    for (const error of await Promise.all(asked.map(failure))) expect(error).toMatchObject({ code: 'unavailable' })
    expect(storage.health()).toMatchObject({ ok: false, problem: 'unreachable' })
    server.resume()
    const { message } = await untilWell(() => storage.messages.append(draftFrom(pair, 'during', 'c1')))
    expect(message.seq).toBe(2)
    expect(await untilWell(() => storage.users.find(pair.owner.id))).toMatchObject({ id: pair.owner.id })
    await expectNoGaps(storage, pair)
  })

  test('that ends a connection in flight has stored all of the flight or nothing, and the next one goes well', async () => {
    await using opened = await openTestPostgres(server)
    const { storage } = opened
    const pair = await roomIn(storage)
    const beside = connectTo(opened.url)
    await beside.unsafe('BEGIN')
    await beside.unsafe(`SELECT FROM rooms WHERE id = ${pair.roomId} FOR UPDATE`)
    const sent = upTo(5).map((n) => failure(storage.messages.append(draftFrom(pair, `${n}`, `c${n}`))))
    const ended = `SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity
      WHERE datname = '${new URL(opened.url).pathname.slice(1)}' AND wait_event_type = 'Lock'`
    await until(async () => (await server.run(ended)).length > 0)
    for (const error of await Promise.all(sent)) expect(error).toMatchObject({ code: 'unavailable', retryAfter: 1 })
    await beside.unsafe('ROLLBACK')
    await beside.close()
    const again = await Promise.all(upTo(5).map((n) => storage.messages.append(draftFrom(pair, `${n}`, `c${n}`))))
    expect(again.map(({ created, message }) => [created, message.seq])).toEqual(upTo(5).map((n) => [true, n]))
    expect(storage.health()).toEqual({ ok: true, problem: undefined, waiting: 0 })
  })

  test('that gives no connection for reading any more is unreachable, although messages are stored', async () => {
    const { turns, events } = watched()
    const url = await server.createDatabase()
    const storage = await openPostgres({ url, durability: 'full', now: () => 1, events })
    const pair = await roomIn(storage)
    expect(await storage.probe()).toBe(true)
    const name = new URL(url).pathname.slice(1)
    // The one that stored last is the one that stores.
    const ended = `SELECT pg_terminate_backend(pid) FROM
      (SELECT pid FROM pg_stat_activity WHERE datname = '${name}' ORDER BY query_start DESC NULLS LAST OFFSET 1) AS readers`
    await storage.messages.append(draftFrom(pair, 'before'))
    await server.run(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`)
    await server.run(ended)
    await until(async () => (await failure(storage.users.find('nobody'))) !== undefined)
    expect((await storage.messages.append(draftFrom(pair, 'meanwhile'))).message.seq).toBe(2)
    expect(storage.health()).toEqual({ ok: false, problem: 'unreachable', waiting: 0 })
    expect(await storage.probe()).toBe(false)
    await server.run(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`)
    await until(() => storage.probe())
    expect(turns).toEqual(['unreachable', undefined])
    await storage.close()
  })

  test('that takes a right away refuses, which is said, and goes on by itself when it is back', async () => {
    const url = await server.createDatabase()
    const beside = connectTo(url)
    await beside.unsafe('CREATE ROLE clerk LOGIN')
    await beside.unsafe('GRANT ALL ON ALL TABLES IN SCHEMA public TO clerk')
    await beside.unsafe('GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO clerk')
    const { turns, events } = watched()
    const as = url.replace('parley@', 'clerk@')
    const storage = await openPostgres({ url: as, durability: 'full', now: () => 1, events })
    const pair = await roomIn(storage)
    await storage.messages.append(draftFrom(pair, 'before'))
    await beside.unsafe('REVOKE INSERT ON messages FROM clerk')
    const drafts = upTo(3).map((n) => draftFrom(pair, `${n}`))
    const told = await Promise.all(drafts.map((draft) => failure(storage.messages.append(draft))))
    for (const error of told) expect(error).toMatchObject({ code: 'unavailable' })
    // A mark needs less, and goes well.
    expect(await storage.rooms.markRead(pair.roomId, 'owner', 1)).toBeDefined()
    expect(storage.health().problem).toBe('refused')
    expect(await storage.probe()).toBe(false)
    await beside.unsafe('GRANT INSERT ON messages TO clerk')
    expect(await storage.probe()).toBe(true)
    expect((await storage.messages.append(draftFrom(pair, 'after'))).message.seq).toBe(2)
    expect(turns).toEqual(['refused', undefined])

    await beside.unsafe('REVOKE SELECT ON revocations FROM clerk')
    expect(await failure(storage.revocations.after(0))).toMatchObject({ code: 'unavailable' })
    expect(await storage.probe()).toBe(false)
    expect(storage.health().problem).toBe('refused')
    await beside.unsafe('GRANT SELECT ON revocations TO clerk')
    expect(await storage.probe()).toBe(true)
    expect(turns).toEqual(['refused', undefined, 'refused', undefined])
    await storage.close()
    await beside.close()
  })

  test('has a whole flight at once: a node that hears nothing any more keeps nobody waiting', async () => {
    await using opened = await openTestPostgres(server)
    const pair = await roomIn(opened.storage)
    await using line = deafLine(server.port)
    const url = new URL(opened.url)
    url.port = String(line.port)
    const deaf = await openPostgres({ url: url.href, durability: 'full', now: () => 1, deadlineMs: 3000 })
    await deaf.messages.append(draftFrom(pair, 'heard'))
    line.goDeaf()
    const unheard = failure(deaf.messages.append(draftFrom(pair, 'unheard')))
    await until(async () => (await opened.storage.messages.lastSeq(pair.roomId)) === 2)
    expect((await opened.storage.messages.append(draftFrom(pair, 'after it'))).message.seq).toBe(3)
    expect(await unheard).toMatchObject({ code: 'unavailable' })
    await deaf.close()
    await expectNoGaps(opened.storage, pair)
  })

  test('fails what it cannot store alone, and not what came with it', async () => {
    await using opened = await openTestPostgres(server)
    const { storage } = opened
    const pair = await roomIn(storage)
    const texts = upTo(20).map((n) => (n % 7 === 0 ? `\0 ${n}` : `${n}`))
    const settled = await Promise.allSettled(texts.map((text) => storage.messages.append(draftFrom(pair, text, text))))
    expect(settled.map(({ status }) => status === 'rejected')).toEqual(texts.map((text) => text.includes('\0')))
    const kept = await expectNoGaps(storage, pair)
    expect(kept.map(({ text }) => text)).toEqual(texts.filter((text) => !text.includes('\0')))
    expect(storage.health().ok).toBe(true)
  })

  test('is told no more than may wait, and stores all that was taken, also of what waits at the end', async () => {
    await using opened = await openTestPostgres(server)
    const pair = await roomIn(opened.storage)
    const sends = upTo(10_000).map((n) => opened.storage.messages.append(draftFrom(pair, `${n}`)))
    const closed = opened.reopen()
    const settled = await Promise.allSettled(sends)
    const refused = settled.filter((each) => each.status === 'rejected')
    expect(refused.length).toBeGreaterThan(0)
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'unavailable', retryAfter: 1 })
    expect(await (await closed).messages.lastSeq(pair.roomId)).toBe(10_000 - refused.length)
  })
})

describe('a server that can’t be used is refused in one line, and without the password', () => {
  const SECRET = 'hunter2'
  const url = (user: string, place: string) => `postgres://${user}:${SECRET}@${place}`

  test.each([
    ['the password', () => url(LOCKED, `127.0.0.1:${server.port}/migrated`), /refuses the password/],
    ['the user', () => url('nobody', `127.0.0.1:${server.port}/migrated`), /refuses this user/],
    ['the database', () => url('parley', `127.0.0.1:${server.port}/nothing`), /has no such database/],
    ['the port', () => url('parley', '127.0.0.1:1/migrated'), /127\.0\.0\.1:1\/migrated cannot be reached/],
    ['TLS', () => url('parley', `127.0.0.1:${server.port}/migrated?sslmode=require`), /offers no TLS/],
    [
      'a parameter',
      () => url('parley', `127.0.0.1:${server.port}/migrated?colour=red`),
      /Take it out, or mend its name/,
    ],
    ['sslmode', () => url('parley', `127.0.0.1:${server.port}/migrated?sslmode=no`), /Look at sslmode/],
    ['the scheme', () => url('parley', '127.0.0.1:1/migrated').replace('postgres', 'mysql'), /has this form/],
    ['the URL', () => `postgres://parley:${SECRET}/1@127.0.0.1:1/migrated`, /has this form/],
    ['the escapes', () => `postgres://parley:1/${SECRET}@127.0.0.1:1/migrated`, /the database URL cannot be reached/],
  ])('%s', async (_, where, line) => {
    for (const refused of [await failure(openOn(where())), await failure(migratePostgres(where(), { check: true }))]) {
      expect(refused).toBeInstanceOf(StartError)
      expect(refused).toMatchObject({ message: expect.stringMatching(line) })
      expect(Bun.inspect(refused)).not.toContain(SECRET)
    }
  })

  test('what flushes nothing', async () => {
    const database = await server.createDatabase()
    const reloaded = async (value: string) => {
      await server.run(`ALTER SYSTEM SET fsync = ${value}`)
      await server.run('SELECT pg_reload_conf()')
      await until(async () => (await server.run('SHOW fsync'))[0]?.fsync === value)
    }
    await reloaded('off')
    expect(await failure(openOn(database))).toMatchObject({
      name: 'StartError',
      message: expect.stringMatching(/fsync = off.*Set fsync = on/),
    })
    const relaxed = await openPostgres({ url: database, durability: 'relaxed', now: () => 1 })
    await relaxed.close()
    await reloaded('on')
    const full = await openOn(database)
    await full.close()
  })

  test('what can only be read', async () => {
    const database = await server.createDatabase()
    const name = new URL(database).pathname.slice(1)
    await server.run(`ALTER DATABASE ${name} SET default_transaction_read_only = on`)
    expect(await failure(openOn(database))).toMatchObject({ message: expect.stringMatching(/Name the primary/) })
  })

  test('what has tables of somebody else', async () => {
    await server.run('CREATE DATABASE shop')
    await using shop = new SQL({ url: server.url('shop'), adapter: 'postgres', max: 1 })
    await shop`CREATE TABLE users (name text)`
    const refused = await failure(migratePostgres(server.url('shop'), { check: false }))
    expect(refused).toMatchObject({ name: 'StartError', message: expect.stringMatching(/has tables of somebody else/) })
  })

  test('what keeps texts in another encoding', async () => {
    await server.run("CREATE DATABASE latin TEMPLATE template0 ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C'")
    const refused = await failure(migratePostgres(server.url('latin'), { check: false }))
    expect(refused).toMatchObject({ message: expect.stringMatching(/server_encoding = LATIN1/) })
  })

  test.each([
    ['130014', false],
    ['90624', false],
    [undefined, false],
    ['140000', true],
    ['150018', true],
    ['180001', true],
  ])('version %p: %p', (version, isEnough) => {
    expect(isNewEnough(version)).toBe(isEnough)
  })
})

describe('the epoch', () => {
  const epochOf = async (url: string, durability: 'full' | 'relaxed') => {
    const storage = await openPostgres({ url, durability, now: () => 1 })
    await storage.close()
    return storage.epoch
  }

  test('is another one after a run that did not flush, if the server has gone meanwhile', async () => {
    const url = await server.createDatabase()
    const first = await epochOf(url, 'relaxed')
    expect(await epochOf(url, 'relaxed')).toBe(first)
    await server.stop('immediate')
    await server.start()
    const second = await epochOf(url, 'full')
    expect(second).not.toBe(first)
    await server.stop('immediate')
    await server.start()
    for (const durability of ['full', 'relaxed'] as const) expect(await epochOf(url, durability)).toBe(second)
  })

  test('is another one after a failover, which a node that runs notices: it ends, and stores nothing more', async () => {
    await using server = await TestPostgres.start()
    await using opened = await openTestPostgres(server)
    const { storage, url } = opened
    const { owner, roomId } = await roomIn(storage)
    const draft = { roomId, sender: owner, text: 'hi', clientId: null, at: 1 }
    await storage.messages.append(draft)
    await server.takeAnotherTimeline()
    while (storage.health().problem !== 'stopped') {
      expect(await failure(storage.messages.append(draft))).toMatchObject({ code: 'unavailable' })
    }
    expect(await storage.failed).toMatchObject({ message: expect.stringContaining('another place in its history') })
    expect(await storage.messages.lastSeq(roomId)).toBe(1)
    const next = await openPostgres({ url, durability: 'full', now: () => 1 })
    expect(next.epoch).not.toBe(storage.epoch)
    expect((await next.messages.append(draft)).message.seq).toBe(2)
    await next.close()
  })

  test('of a relaxed run is another one after a crash, which a node that runs notices as well', async () => {
    await using server = await TestPostgres.start()
    const url = await server.createDatabase()
    const storage = await openPostgres({ url, durability: 'relaxed', now: () => 1 })
    const people = await roomIn(storage)
    await server.stop('immediate')
    await server.start()
    while (storage.health().problem !== 'stopped') await failure(storage.messages.append(draftFrom(people, 'hi')))
    expect(await storage.failed).toMatchObject({ message: expect.stringContaining('another place in its history') })
    await storage.close()
  })

  test('is left as it is by a command beside a server', async () => {
    const url = await server.createDatabase()
    const first = await epochOf(url, 'relaxed')
    const beside = connectTo(url)
    await beside.unsafe("UPDATE meta SET value = 'before' WHERE key = 'relaxed_run'")
    const guest = await openPostgres({ url, durability: 'full', now: () => 1, isGuest: true })
    expect(guest.epoch).toBe(first)
    await guest.close()
    expect(await beside.unsafe("SELECT FROM meta WHERE key = 'relaxed_run' AND value = 'before'")).toHaveLength(1)
    await beside.close()
  })

  test('is another one on another timeline of the server', async () => {
    const url = await server.createDatabase()
    const first = await epochOf(url, 'full')
    const beside = connectTo(url)
    await beside.unsafe("UPDATE meta SET value = '0000002A' WHERE key = 'timeline'")
    await beside.close()
    const second = await epochOf(url, 'full')
    expect(second).not.toBe(first)
    expect(await epochOf(url, 'full')).toBe(second)
  })
})

test('a server that can only be read is unreachable to whoever writes', async () => {
  await using server = await TestPostgres.start()
  const storage = await openOn(await server.createDatabase())
  const people = await roomIn(storage)
  await server.becomeStandby()
  const sends = () => Promise.all(upTo(20).map((n) => failure(storage.messages.append(draftFrom(people, `${n}`)))))
  while ((await sends()).some((error) => (error as { code?: string }).code !== 'unavailable')) await Bun.sleep(10)
  expect(storage.health()).toMatchObject({ ok: false, problem: 'unreachable' })
  expect(await storage.messages.lastSeq(people.roomId)).toBe(0)
  await storage.close()
})

test('sessions that can only be read are left, so that a server which can be written again is', async () => {
  await using server = await TestPostgres.start()
  const url = await server.createDatabase()
  const storage = await openOn(url)
  const people = await roomIn(storage)
  const name = new URL(url).pathname.slice(1)
  const sends = () => failure(storage.messages.append(draftFrom(people, 'x')))
  const signsUp = () => failure(accountIn(storage, 'haneul'))
  await server.run(`ALTER DATABASE ${name} SET default_transaction_read_only = on`)
  await server.run(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`)
  await until(async () =>
    [await sends(), await signsUp()].every((error) => codeOf((error as Error | undefined)?.cause) === '25006'),
  )
  await server.run(`ALTER DATABASE ${name} RESET default_transaction_read_only`)
  await until(async () => [await sends(), await signsUp()].every((error) => error === undefined))
  await storage.close()
})

describe('migrations', () => {
  test('are run by one of several nodes that start at once', async () => {
    const url = await server.createDatabase('template0')
    const before = await migratePostgres(url, { check: true })
    expect(before).toEqual({ applied: [], pending: expect.any(Array), snapshot: undefined })
    const reports = await Promise.all(upTo(3).map(() => migratePostgres(url, { check: false })))
    expect(reports.flatMap(({ applied }) => applied)).toEqual(before.pending)
    expect(await migratePostgres(url, { check: true })).toEqual({ applied: [], pending: [], snapshot: undefined })
    const nodes = await Promise.all(upTo(3).map(() => openOn(url)))
    expect(new Set(nodes.map(({ epoch }) => epoch)).size).toBe(1)
    for (const node of nodes) await node.close()
  })

  test('of a newer Parley are refused, and nothing is changed', async () => {
    const url = await server.createDatabase()
    const beside = connectTo(url)
    await beside.unsafe("INSERT INTO drizzle.__drizzle_migrations (hash, name) VALUES ('', '29990101000000_future')")
    await beside.unsafe('DELETE FROM meta')
    for (const check of [true, false]) {
      const refused = await failure(migratePostgres(url, { check }))
      expect(refused).toMatchObject({ message: expect.stringMatching(/newer Parley.*29990101000000_future/) })
    }
    expect(await beside.unsafe('SELECT * FROM meta')).toHaveLength(0)
    await beside.close()
  })

  test('leave no text whose order depends on the machine', async () => {
    const beside = connectTo(await server.createDatabase())
    const loose = await beside.unsafe(`SELECT table_name, column_name FROM information_schema.columns
      WHERE table_schema = 'public' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'`)
    expect([...loose]).toEqual([])
    await beside.close()
  })
})

describe('queries', () => {
  /** An owner with 5,000 rooms, a customer with 5,000 others, and one room with 5,000 messages. */
  const SEED = [
    `INSERT INTO users (id, username, created_at) SELECT 'u' || n, 'x', 1 FROM generate_series(1, 2000) AS n`,
    `INSERT INTO products (id, owner_id, title, created_at) SELECT 'p' || n, 'u1', 'Tent', 1 FROM generate_series(1, 10000) AS n`,
    `INSERT INTO rooms (product_id, owner_no, customer_no, last_seq, last_count, last_message_id, last_message_seq, created_at)
     SELECT 'p' || n, CASE WHEN n % 2 = 0 THEN 1 ELSE 2 + n % 998 END, CASE WHEN n % 2 = 1 THEN 1000 ELSE 1001 + n % 999 END,
       1, 1, n, 1, 1 FROM generate_series(1, 10000) AS n`,
    `INSERT INTO messages (room_id, seq, count_no, kind, sender_no, text, created_at)
     SELECT n, 1, 1, 'text', 1, 'hi', 1 FROM generate_series(1, 10000) AS n`,
    `INSERT INTO messages (room_id, seq, count_no, kind, sender_no, text, created_at)
     SELECT 1, n, n, 'text', 1, 'hi', 1 FROM generate_series(2, 5000) AS n`,
    'ANALYZE',
  ]

  const OTHERS_CONNECTED = 'SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()'

  test('of an inbox and of a history go by their indexes, and read no more than a page', async () => {
    const sql = connect({ url: await server.createDatabase(), durability: 'full' }, 1, LIMITS_MS, {
      settings: FOR_QUERIES,
    })
    for (const statement of SEED) await sql.unsafe(statement)
    const plans: string[] = []
    const explained = async (text: string, params: unknown[]) => {
      const rows: Record<string, string>[] = await sql.unsafe(`EXPLAIN ANALYZE ${text}`, params)
      plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'))
      return []
    }
    // As drizzle calls it; nothing is written.
    const client = {
      options: {},
      unsafe: (text: string, params: unknown[]) => ({ values: () => explained(text, params) }),
    }
    const db = drizzleOn(client as unknown as SQL)
    const enqueue = () => Promise.reject(new Error('nothing is to be written'))
    const filter = { productId: undefined, unread: false, after: undefined, limit: 30 }
    const rooms = postgresRooms(db, enqueue)
    for (const after of [undefined, { lastMessageId: 2500, roomId: 2500 }]) {
      await rooms.inbox('u1', { ...filter, role: 'owner', after })
      await rooms.inbox('u1000', { ...filter, role: 'customer', after })
    }
    await postgresMessages(db, enqueue).span(1, { before: 2500, limit: 100 })
    expect(plans).toHaveLength(5)
    expect(plans.filter((plan) => /Index (Only )?Scan Backward using rooms_owner_inbox/.test(plan))).toHaveLength(2)
    expect(plans.filter((plan) => /Index (Only )?Scan Backward using rooms_customer_inbox/.test(plan))).toHaveLength(2)
    expect(plans.at(-1)).toContain('using messages_room_seq')
    for (const plan of plans) {
      expect(plan).not.toMatch(/Seq Scan on (rooms|messages|products)/)
      const read = [...plan.matchAll(/actual [^)]*rows=(\d+)/g)].map(([, rows]) => Number(rows))
      expect(Math.max(...read)).toBeLessThanOrEqual(100)
    }
    await sql.close()
  })

  test('of the console look at so many at a time, and go on where they gave up', async () => {
    // One of its own: to empty it again would take longer than all else.
    const url = await server.createDatabase()
    await using beside = connectTo(url)
    const storage = await openOn(url)
    await beside.unsafe(MANY_PEOPLE)
    await beside.unsafe(
      'INSERT INTO products (id, owner_id, title, created_at) SELECT id, id, username, 1 FROM users ORDER BY number',
    )
    await beside.unsafe(
      'INSERT INTO rooms (product_id, owner_no, customer_no, created_at) SELECT id, number, 1, 1 FROM users ORDER BY number',
    )
    const { console } = storage
    for (const find of [console.users, console.products]) {
      const first = await find({ q: 'Rare', limit: 5 })
      expect(first).toEqual({ items: [], place: 12_001 - 10_000 + 1 })
      const second = await find({ q: 'Rare', limit: 5, after: first.place })
      expect([second.items.length, second.place]).toEqual([1, undefined])
    }
    const first = await console.rooms({ q: 'Rare', limit: 5 })
    expect(first).toEqual({ items: [], place: { activity: 0, id: 12_001 - 2000 + 1 } })
    expect((await console.rooms({ q: 'Rare', limit: 5, after: { activity: 0, id: 3 } })).items).toMatchObject([
      { id: 1 },
    ])
  })

  test('that store do not read more as there is more, also when they were planned while there was nothing', async () => {
    const url = await server.createDatabase()
    const beside = connectTo(url)
    // Or PostgreSQL would guess that there is more.
    await beside.unsafe('VACUUM')
    const storage = await openOn(url)
    const pair = await roomIn(storage)
    const send = (to: Pair, clientId: string) => storage.messages.append(draftFrom(to, 'hi', clientId))
    await send(pair, 'first')
    for (let more = 1; more <= 250; more++) await send(await roomIn(storage), 'one')
    await beside.unsafe('SELECT pg_stat_reset()')
    for (let more = 1; more <= 100; more++) {
      await send(pair, `more ${more}`)
      await storage.rooms.markRead(pair.roomId, 'owner', more)
    }
    await storage.close()
    await until(async () => (await beside.unsafe(OTHERS_CONNECTED)).length === 0)
    const read = await beside.unsafe('SELECT indexrelname AS index, idx_tup_read AS rows FROM pg_stat_user_indexes')
    const rowsOf = (name: string) => Number(read.find(({ index }: { index: string }) => index === name)?.rows)
    // Each of the 200 writes locks, reads and moves a room, of which there are old versions.
    expect(rowsOf('rooms_pkey')).toBeLessThan(10_000)
    expect(rowsOf('messages_room_seq')).toBeLessThan(1000)
    await beside.close()
  })
})
