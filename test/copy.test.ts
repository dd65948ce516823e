import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OPERATOR } from '../src/audit/model.ts'
import { openStorage } from '../src/storage/open.ts'
import type { Storage } from '../src/storage/storage.ts'
import { runCommand } from './support/command.ts'
import { TestPostgres } from './support/postgres.ts'
import { PROGRAM, startParley } from './support/server.ts'
import { accountIn, failure, roomIn, WORKER_URL } from './support/storage.ts'

const scratch = mkdtempSync(join(tmpdir(), 'parley-copy-'))
let postgres: TestPostgres

beforeAll(async () => {
  postgres = await TestPostgres.start()
})
afterAll(async () => {
  await postgres[Symbol.asyncDispose]()
  rmSync(scratch, { recursive: true, force: true })
})

const newDir = () => mkdtempSync(join(scratch, 'data-'))
const emptyDatabase = () => postgres.createDatabase('template1')
const openTarget = async (databaseUrl: string) => {
  const place = { dataDir: newDir(), databaseUrl, durability: 'full', workerUrl: WORKER_URL } as const
  return (await openStorage({ ...place, now: () => 1 })).storage
}
const migrate = (dataDir: string, url: string) =>
  runCommand(['migrate', '--from', `sqlite:${dataDir}`, '--to', url], { dataDir: join(scratch, 'another') })

/** A data directory that something was done with; no server runs on it. */
async function filled(fill: (storage: Storage) => Promise<unknown> = async () => {}) {
  const dataDir = newDir()
  const { storage } = await openStorage({ dataDir, durability: 'full', workerUrl: WORKER_URL, now: () => 1 })
  const people = await roomIn(storage)
  await fill(storage)
  const { epoch, clusterKey } = storage
  await storage.close()
  return { dataDir, epoch, clusterKey, ...people }
}

/** Texts that a careless way across would spoil. */
const TEXTS = ['plain', 'quote " backslash \\ {brace}, NULL', '안녕 👋🏽', 'tab\tand\nline', '  ', '\u2028']

/** So many entries of the room, as a server that ran for long leaves them. */
function addMessages(dataDir: string, roomId: number, count: number) {
  using database = new Database(join(dataDir, 'parley.db'))
  database.run(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
     INSERT INTO messages (room_id, seq, count_no, kind, sender_no, text, created_at)
     SELECT ${roomId}, i, i, 'text', 1, 'message ' || i, i FROM n`,
  )
  database.run(
    'UPDATE rooms SET last_seq = ?1, last_count = ?1, last_message_id = ?1, last_message_seq = ?1 WHERE id = ?2',
    [count, roomId],
  )
}

/** How many messages are there, also before there is a table for them. */
const copiedTo = async (target: Bun.SQL) =>
  Number((await target`SELECT count(*) AS n FROM messages`.catch(() => []))[0]?.n ?? 0)

describe('parley migrate --from sqlite:… --to postgres://…', () => {
  test('brings everything along, and numbers go on where they were', async () => {
    let before: Awaited<ReturnType<typeof seenIn>> | undefined
    const { dataDir, epoch, clusterKey, owner, customer, roomId } = await filled(async (storage) => {
      const { owner, customer, roomId } = await roomIn(storage)
      for (const [at, text] of TEXTS.entries()) {
        const sender = [owner, customer, null][at % 3] ?? null
        await storage.messages.append({ roomId, sender, text, clientId: `c${at}`, at })
      }
      await storage.rooms.markRead(roomId, 'owner', 3)
      await storage.keys.create({ id: 'k', name: 'shop', keyHash: 'h', scopes: ['messages'], createdAt: 1 })
      await storage.presence.hide(owner.id, true)
      await storage.presence.note([{ userId: customer.id, at: 60_000 }])
      const gone = await accountIn(storage, 'gone')
      await storage.users.erase(gone.id, 'gone', 5)
      await storage.adminLinks.issue({ tokenHash: 'link', expiresAt: 9 }, { newId: 'admin' }, 6)
      before = await seenIn(storage, roomId, owner.id)
    })
    const url = await emptyDatabase()
    const { code, out, err } = await migrate(dataDir, url)
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('every row compared') })
    expect(err).toContain('messages     6 of 6')

    const storage = await openTarget(url)
    expect(storage.epoch).toBe(epoch)
    // A rehearsal must not hear the nodes of what it was copied from.
    expect(storage.clusterKey).not.toBe(clusterKey)
    expect(await seenIn(storage, roomId + 1, before?.ownerId ?? '')).toEqual(before as never)
    // What is new is behind all that came along.
    const sender = { id: owner.id, username: 'minji' }
    const sent = await storage.messages.append({ roomId, sender, text: 'on', clientId: null, at: 9 })
    expect(sent.message.seq).toBe(1)
    const [newest] = await storage.rooms.inbox(customer.id, {
      role: undefined,
      productId: undefined,
      unread: false,
      after: undefined,
      limit: 1,
    })
    expect(newest?.place.lastMessageId).toBe(TEXTS.length + 1)
    expect((await roomIn(storage)).roomId).toBe(roomId + 2)
    await storage.audit.add([{ actor: OPERATOR, action: 'room.read', target: { kind: 'room', id: '1' } }], 10)
    expect((await storage.audit.list(undefined, 5)).map(({ action }) => action)).toEqual(['room.read', 'admin.link'])
    expect(await storage.users.find('admin')).toMatchObject({ role: 'admin' })
    const place = await storage.revocations.after(undefined)
    expect((await storage.revocations.after(0)).revocations.length).toBeGreaterThan(0)
    expect(place.place).toBeGreaterThan(0)
    await storage.close()
  })

  test('cut short it is no database that a server opens, and goes on where it was', async () => {
    const { dataDir, roomId, owner } = await filled()
    addMessages(dataDir, roomId, 60_000)
    const url = await emptyDatabase()
    const args = ['migrate', '--from', `sqlite:${dataDir}`, '--to', url, '--data-dir', join(scratch, 'another')]
    const child = Bun.spawn([...PROGRAM, ...args], {
      env: { PATH: process.env.PATH ?? '' },
      stderr: 'pipe',
      stdout: 'ignore',
    })
    const target = new Bun.SQL({ url, adapter: 'postgres' })
    while ((await copiedTo(target)) === 0) await Bun.sleep(5)
    child.kill('SIGKILL')
    await child.exited
    const [part] = await target`SELECT count(*) AS n, min(xmin::text) AS first FROM messages`
    expect(Number(part?.n)).toBeLessThan(60_000)
    expect(await failure(openTarget(url))).toMatchObject({
      name: 'StartError',
      message: expect.stringContaining('cut short'),
    })
    for (const how of [[], ['--check']]) {
      const elsewhere = await runCommand(['migrate', ...how, '--database-url', url], { dataDir: newDir() })
      expect(elsewhere).toMatchObject({ code: 78, err: expect.stringContaining('cut short') })
    }

    expect(await migrate(dataDir, url)).toMatchObject({ code: 0 })
    // What had been copied was not copied again.
    const [kept] = await target`SELECT count(*) AS n FROM messages WHERE xmin::text = ${part?.first}`
    expect(Number(kept?.n)).toBeGreaterThan(0)
    expect(await copiedTo(target)).toBe(60_000)
    await target.close()
    const storage = await openTarget(url)
    expect(await storage.messages.lastSeq(roomId)).toBe(60_000)
    expect(await storage.rooms.totalUnread(owner.id)).toBe(60_000)
    await storage.close()
  })

  test('a server that goes away in the middle is named, and the same command goes on', async () => {
    const { dataDir, roomId } = await filled()
    addMessages(dataDir, roomId, 60_000)
    const url = await emptyDatabase()
    const copying = migrate(dataDir, url)
    const target = new Bun.SQL({ url, adapter: 'postgres' })
    while ((await copiedTo(target)) === 0) await Bun.sleep(5)
    await target.close()
    await postgres.stop('immediate')
    const told = await copying
    await postgres.start()
    expect(told).toMatchObject({ code: 1, err: expect.stringContaining('The same command goes on where it was.') })
    expect(await migrate(dataDir, url)).toMatchObject({ code: 0 })
  })

  test('what differs is not called a copy', async () => {
    const { dataDir, roomId } = await filled()
    addMessages(dataDir, roomId, 20)
    const url = await emptyDatabase()
    const target = new Bun.SQL({ url, adapter: 'postgres' })
    expect(await migrate(dataDir, url)).toMatchObject({ code: 0 })
    // Once more, it compares; and what was written since is not taken for copied.
    expect(await migrate(dataDir, url)).toMatchObject({ code: 0, err: expect.not.stringContaining('copy ') })
    const rewrite = (text: string) => {
      using source = new Database(join(dataDir, 'parley.db'))
      source.run('UPDATE messages SET text = ? WHERE seq = 20', [text])
    }
    rewrite('later')
    const stale = await migrate(dataDir, url)
    expect(stale).toMatchObject({ code: 78, err: expect.stringMatching(/messages differs.*It was whole before/) })
    rewrite('message 20')
    const { epoch } = await filled()
    await target`INSERT INTO meta (key, value) VALUES ('copying', ${epoch})`
    expect(await migrate(dataDir, url)).toMatchObject({ code: 78, err: expect.stringContaining('holds other data') })
    // As if it were not done yet, and somebody had written there meanwhile.
    await target`UPDATE meta SET value = (SELECT value FROM meta WHERE key = 'epoch') WHERE key = 'copying'`
    await target`UPDATE messages SET text = 'spoilt' WHERE seq = 7`
    const spoilt = await migrate(dataDir, url)
    expect(spoilt).toMatchObject({ code: 78, err: expect.stringContaining('The copy of messages differs') })
    expect(await failure(openTarget(url))).toMatchObject({ name: 'StartError' })
    await target.close()
  })

  test('a server that runs keeps its data to itself', async () => {
    await using parley = await startParley()
    const { code, err } = await migrate(parley.dataDir, await emptyDatabase())
    expect({ code, err }).toEqual({ code: 78, err: expect.stringContaining('is in use by another Parley') })
  })

  test('what a relaxed run left that did not end cleanly is looked at by a server first: the epoch has to be another', async () => {
    const { dataDir } = await filled()
    using database = new Database(join(dataDir, 'parley.db'))
    database.run("INSERT INTO meta (key, value) VALUES ('relaxed_run', 'not ended')")
    const { code, err } = await migrate(dataDir, await emptyDatabase())
    expect({ code, err }).toEqual({ code: 78, err: expect.stringContaining('was relaxed, and did not end cleanly') })
  })

  test('a text that PostgreSQL cannot store is named', async () => {
    const { dataDir, roomId } = await filled()
    addMessages(dataDir, roomId, 3)
    using database = new Database(join(dataDir, 'parley.db'))
    database.run("UPDATE messages SET text = 'a' || char(0) || 'b' WHERE seq = 2")
    const { code, err } = await migrate(dataDir, await emptyDatabase())
    expect({ code, err }).toEqual({ code: 78, err: expect.stringContaining('A text in messages has a U+0000') })
  })

  test.each([
    ['nothing to copy from', ['--to', 'postgres://u:hunter2@db/p'], '--to goes with --from', 2],
    ['nothing to copy to', ['--from', 'sqlite:./x'], '--from needs --to', 2],
    [
      'what is no SQLite',
      ['--from', './x', '--to', 'postgres://u:hunter2@db/p'],
      '--from has to be sqlite:DIRECTORY',
      2,
    ],
    [
      'what is no PostgreSQL',
      ['--from', 'sqlite:./x', '--to', 'mysql://u:hunter2@db/p'],
      '--to must be a URL such as',
      2,
    ],
    ['that nothing is to change', ['--check', '--from', 'sqlite:./x'], '--check looks at one database', 2],
    ['no data', ['--from', 'sqlite:./nowhere', '--to', 'postgres://u:hunter2@127.0.0.1:1/p'], 'has no parley.db', 78],
  ])('%s is said', async (_, args, message, exit) => {
    const { code, err } = await runCommand(['migrate', ...args], { dataDir: newDir() })
    expect(code).toBe(exit)
    expect(err).toContain(message)
    expect(err).not.toContain('hunter2')
  })
})

/** What people and the backend see of it. */
async function seenIn(storage: Storage, roomId: number, ownerId: string) {
  return {
    ownerId,
    history: await storage.messages.span(roomId, { limit: 100 }),
    summaries: await storage.rooms.summaries(roomId),
    users: await storage.users.list(undefined, 100),
    keys: await storage.keys.list(),
    isHidden: await storage.presence.isHidden(ownerId),
    unread: await storage.rooms.totalUnread(ownerId),
    session: await storage.sessions.find(`hash of ${ownerId}`),
    products: await storage.products.ofOwner(ownerId, 0, 10),
  }
}
