import { Database, type Statement } from 'bun:sqlite'
import { afterAll, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { StartError } from '../src/lib/errors.ts'
import { openStorage } from '../src/storage/open.ts'
import { isNewEnough } from '../src/storage/sqlite/database.ts'
import { migrateDirectory } from '../src/storage/sqlite/directory.ts'
import type { Commands } from '../src/storage/sqlite/writer/commands.ts'
import { WriteQueue } from '../src/storage/sqlite/writer/queue.ts'
import { storageContract } from './contracts/storage.ts'
import { failure, openTestSqlite, roomIn, WORKER_URL } from './support/storage.ts'

storageContract('sqlite', openTestSqlite)

const made: string[] = []
afterAll(() => {
  for (const dir of made) rmSync(dir, { recursive: true, force: true })
})

function emptyDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'parley-data-'))
  made.push(dir)
  return dir
}

const place = (dataDir: string) => ({ dataDir, durability: 'full' as const })
const open = (dataDir: string) => openStorage({ ...place(dataDir), workerUrl: WORKER_URL, now: () => 1 })
/** The migrations of this release, oldest first. */
const NAMES = readdirSync(join(import.meta.dir, '../drizzle/sqlite')).sort()
const database = (dataDir: string) => new Database(join(dataDir, 'parley.db'))

test('a copy of a directory has the epoch of its original, and not its cluster key; a link to it has both', async () => {
  const [original, copy, link] = [emptyDir(), emptyDir(), join(emptyDir(), 'link')]
  const facts = async (dataDir: string) => {
    const { storage } = await open(dataDir)
    await storage.close()
    return { epoch: storage.epoch, clusterKey: storage.clusterKey }
  }
  const first = await facts(original)
  cpSync(join(original, 'parley.db'), join(copy, 'parley.db'))
  symlinkSync(original, link)
  expect(await facts(copy)).toEqual({ epoch: first.epoch, clusterKey: expect.not.stringMatching(first.clusterKey) })
  expect(await facts(link)).toEqual(first)
  expect(await facts(original)).toEqual(first)
})

describe('the data directory', () => {
  test('is for its owner alone', async () => {
    const dataDir = join(emptyDir(), 'made', 'on the way')
    const { storage } = await open(dataDir)
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
    await storage.close()
  })

  test('has everything in one file after a clean end', async () => {
    const dataDir = emptyDir()
    const { storage } = await open(dataDir)
    await roomIn(storage)
    await storage.close()
    const log = Bun.file(join(dataDir, 'parley.db-wal'))
    expect((await log.exists()) ? log.size : 0).toBe(0)
    expect(database(dataDir).query('SELECT count(*) AS rooms FROM rooms').get()).toEqual({ rooms: 1 })
  })

  test.each([
    [
      'a lock.db that is no lock',
      'lock.db',
      (path: string) => writeFileSync(path, 'x'.repeat(5000)),
      /lock\.db is no lock/,
    ],
    ['a parley.db that is a device', 'parley.db', (path: string) => symlinkSync('/dev/null', path), /cannot be read/],
    ['a parley.db that is a directory', 'parley.db', (path: string) => mkdirSync(path), /cannot be opened for writing/],
  ])('with %s is refused in one line', async (_, name, make, line) => {
    const dataDir = emptyDir()
    make(join(dataDir, name))
    const refused = await failure(open(dataDir))
    expect(refused).toBeInstanceOf(StartError)
    expect(refused).toMatchObject({ message: expect.stringMatching(line) })
  })

  test('leaves the mode of what a file in it leads to as it is', async () => {
    const dataDir = emptyDir()
    const elsewhere = join(emptyDir(), 'file')
    writeFileSync(elsewhere, 'not a database, and not ours')
    chmodSync(elsewhere, 0o644)
    symlinkSync(elsewhere, join(dataDir, 'parley.db'))
    expect(await failure(open(dataDir))).toBeInstanceOf(StartError)
    expect(statSync(elsewhere).mode & 0o777).toBe(0o644)
  })

  test('that is a link to nowhere is refused in one line', async () => {
    const dataDir = join(emptyDir(), 'link')
    symlinkSync('/nowhere/at/all', dataDir)
    expect(await failure(open(dataDir))).toMatchObject({ message: expect.stringMatching(/is not a directory/) })
  })

  test('is held by one process, and free again after it closed', async () => {
    const dataDir = emptyDir()
    const { storage } = await open(dataDir)
    expect(await failure(open(dataDir))).toMatchObject({ message: expect.stringMatching(/in use by another Parley/) })
    await storage.close()
    const { storage: again } = await open(dataDir)
    await again.close()
  })
})

describe('migrations', () => {
  test('make a database in which every table is strict, with an epoch and a cluster key', async () => {
    const dataDir = emptyDir()
    expect(migrateDirectory(place(dataDir), false)).toMatchObject({ pending: [], snapshot: undefined })
    const tables = database(dataDir)
      .query<{ name: string; strict: number }, []>("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'")
      .all()
    const loose = tables.filter(({ name, strict }) => !strict && !/^(sqlite_|__drizzle)/.test(name))
    expect(loose).toEqual([])
    expect(factsOf(dataDir)).toEqual({ epoch: expect.any(String), cluster_key: expect.any(String) })
  })

  test('check tells what is missing and changes nothing', () => {
    const dataDir = join(emptyDir(), 'not', 'there')
    expect(migrateDirectory(place(dataDir), true).pending).toEqual(NAMES)
    expect(existsSync(dirname(dataDir))).toBe(false)
  })

  test('run again do nothing', () => {
    const dataDir = emptyDir()
    expect(migrateDirectory(place(dataDir), false).applied).toEqual(NAMES)
    expect(migrateDirectory(place(dataDir), false)).toEqual({ applied: [], pending: [], snapshot: undefined })
    expect(migrateDirectory(place(dataDir), true).pending).toEqual([])
  })

  test('of a newer Parley are refused, and the data is left as it is', () => {
    const dataDir = emptyDir()
    migrateDirectory(place(dataDir), false)
    database(dataDir).run("INSERT INTO __drizzle_migrations (hash, name) VALUES ('', '29990101000000_future')")
    const before = readFileSync(join(dataDir, 'parley.db'))
    expect(() => migrateDirectory(place(dataDir), false)).toThrow(/newer Parley.*29990101000000_future/)
    expect(readFileSync(join(dataDir, 'parley.db')).equals(before)).toBe(true)
  })

  test('take a snapshot of what was there before', async () => {
    const dataDir = emptyDir()
    const { storage } = await open(dataDir)
    const { roomId } = await roomIn(storage)
    await storage.close()
    asTheReleaseBefore(dataDir)

    const report = migrateDirectory(place(dataDir), false)

    expect(report.applied).toEqual([NAMES.at(-1) ?? ''])
    expect(readdirSync(join(dataDir, 'backups'))).toHaveLength(1)
    const snapshot = new Database(report.snapshot ?? '', { readonly: true })
    expect(snapshot.query('SELECT id FROM rooms').get()).toEqual({ id: roomId })
    expect(snapshot.query('SELECT name FROM __drizzle_migrations').all()).toHaveLength(NAMES.length - 1)
  })

  test('leave no copy that looks whole and is not', async () => {
    const dataDir = emptyDir()
    migrateDirectory(place(dataDir), false)
    asTheReleaseBefore(dataDir)
    // As a start that was killed while it copied left it.
    const backups = join(dataDir, 'backups')
    mkdirSync(backups)
    for (const name of ['unfinished-before-x.db', 'unfinished-before-x.db-journal'])
      writeFileSync(join(backups, name), '')
    const { snapshot } = migrateDirectory(place(dataDir), false)
    expect(readdirSync(backups)).toEqual([basename(snapshot ?? '')])
    expect(statSync(snapshot ?? '').size).toBeGreaterThan(10_000)
  })

  test('that were killed before the first facts were written are mended by the next start', async () => {
    const dataDir = emptyDir()
    migrateDirectory(place(dataDir), false)
    database(dataDir).run('DELETE FROM meta')
    const { storage } = await open(dataDir)
    await storage.close()
    expect(factsOf(dataDir)).toEqual({ epoch: expect.any(String), cluster_key: expect.any(String) })
  })

  test.each([
    [
      'is no database',
      (file: string) => Bun.write(file, 'this is no database, and it is long enough to see that '.repeat(99)),
    ],
    ['has its first page damaged', damage],
  ])('leave a file alone that %s', async (_, spoil) => {
    const dataDir = emptyDir()
    migrateDirectory(place(dataDir), false)
    const file = join(dataDir, 'parley.db')
    await spoil(file)
    const before = await Bun.file(file).bytes()
    expect(await failure(open(dataDir))).toMatchObject({ message: expect.stringMatching(/damaged database/) })
    expect(await Bun.file(file).bytes()).toEqual(before)
  })
})

async function damage(file: string) {
  const bytes = await Bun.file(file).bytes()
  await Bun.write(file, bytes.fill(0xff, 100, 4000))
}

/** As the release left it that did not have the newest migration, which is the one of the console. */
function asTheReleaseBefore(dataDir: string) {
  const file = database(dataDir)
  const undo = ['DROP TABLE audit', 'DROP TABLE admin_links', 'DROP INDEX users_admins']
  for (const statement of [...undo, 'ALTER TABLE sessions DROP COLUMN begun_by']) file.run(statement)
  file.run('DELETE FROM __drizzle_migrations WHERE name = ?', [NAMES.at(-1) ?? ''])
}

function factsOf(dataDir: string): Record<string, string> {
  const rows = database(dataDir).query<{ key: string; value: string }, []>('SELECT key, value FROM meta').all()
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]))
}

test.each([
  ['3.51.2', false],
  ['3.50.9', false],
  ['2.99.99', false],
  ['0', false],
  ['3.51.3', true],
  ['3.51.10', true],
  ['3.52.0', true],
  ['3.100.0', true],
  ['4.0', true],
])('SQLite %s is new enough: %p', (version, isEnough) => {
  expect(isNewEnough(version)).toBe(isEnough)
})

test('a page of the inbox takes as many queries for forty rooms as for one', async () => {
  using counted = countingQueries()
  await using opened = await openTestSqlite()
  const { storage } = opened
  const { owner, customer, roomId } = await roomIn(storage)
  await storage.messages.append({ roomId, sender: customer, text: 'hi', clientId: null, at: 1 })
  const filter = { role: undefined, productId: undefined, unread: false, after: undefined, limit: 100 }
  const beforeOne = counted.queries
  expect(await storage.rooms.inbox(owner.id, filter)).toHaveLength(1)
  const forOne = counted.queries - beforeOne
  for (let n = 1; n < 40; n++) {
    const productId = `tent ${n}`
    const fields = { title: 'Tent', priceMinor: null, currency: null, imageUrl: null, url: null }
    await storage.products.create({ ...fields, id: productId, ownerId: owner.id, at: 1 })
    const room = { ownerId: owner.id, customerId: customer.id, productId, at: 1 }
    const opened = await storage.rooms.open(room)
    const draft = { roomId: opened?.roomId ?? 0, sender: customer, text: 'hi', clientId: null, at: 1 }
    await storage.messages.append(draft)
  }
  const before = counted.queries
  expect(await storage.rooms.inbox(owner.id, filter)).toHaveLength(40)
  expect(counted.queries - before).toBe(forOne)
  expect(forOne).toBeWithin(1, 5)
})

test('a search reads the index of the titles, on the first page and on later ones', async () => {
  using counted = countingQueries()
  await using opened = await openTestSqlite()
  for (const before of [undefined, 5]) {
    await opened.storage.products.list({ q: 'tent', ownerId: undefined, before, limit: 31 })
    using database = new Database(opened.file)
    const plan = database
      .query<{ detail: string }, []>(`EXPLAIN QUERY PLAN ${counted.last}`)
      .all()
      .map(({ detail }) => detail)
    expect(plan).toEqual([expect.stringContaining('products_search')])
  }
})

test('a search of the console looks at so many at a time, and goes on where it gave up', async () => {
  await using opened = await openTestSqlite()
  await opened.spoil((file) => {
    using database = new Database(file)
    database.run(MANY_PEOPLE)
    database.run('INSERT INTO products (id, owner_id, title, created_at) SELECT id, id, username, 1 FROM users')
    database.run('INSERT INTO rooms (product_id, owner_no, customer_no, created_at) SELECT id, number, 1, 1 FROM users')
  })
  const { console } = opened.storage
  for (const find of [console.users, console.products]) {
    const first = await find({ q: 'Rare', limit: 5 })
    expect(first).toEqual({ items: [], place: 12_001 - 10_000 + 1 })
    const second = await find({ q: 'Rare', limit: 5, after: first.place })
    expect([second.items.length, second.place]).toEqual([1, undefined])
  }
  const ends = [12_001 - 2000 + 1, 12_001 - 4000 + 1]
  const first = await console.rooms({ q: 'Rare', limit: 5 })
  expect(first).toEqual({ items: [], place: { activity: 0, id: ends[0] ?? 0 } })
  expect(await console.rooms({ q: 'Rare', limit: 5, after: first.place })).toEqual({
    items: [],
    place: { activity: 0, id: ends[1] ?? 0 },
  })
  expect((await console.rooms({ q: 'Rare', limit: 5, after: { activity: 0, id: 3 } })).items).toMatchObject([{ id: 1 }])
})

/** One who is called like nobody else, and 12,000 newer ones. */
const MANY_PEOPLE = `
  WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
  INSERT INTO users (id, username, created_at) SELECT 'p' || i, iif(i = 0, 'rare', 'common'), 1 FROM n`

/** Counts how often SQLite is asked on this thread, where all reading is done, by statements that are made from now on. */
function countingQueries() {
  const { query, prepare } = Database.prototype
  const counter = {
    queries: 0,
    /** The text of the statement that was made last. */
    last: '',
    [Symbol.dispose]: () => void Object.assign(Database.prototype, { query, prepare }),
  }
  const counted = (statement: Statement) =>
    new Proxy(statement, {
      get(target, name) {
        const value = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          if (['all', 'get', 'values', 'raw', 'iterate'].includes(String(name))) counter.queries += 1
          return value.apply(target, args)
        }
      },
    })
  Object.assign(Database.prototype, {
    query(this: Database, sql: string) {
      counter.last = sql
      return counted(query.call(this, sql))
    },
    prepare(this: Database, sql: string) {
      counter.last = sql
      return counted(prepare.call(this, sql))
    },
  })
  return counter
}

/** The first page of the table of messages. */
function damageMessages(file: string) {
  using database = new Database(file)
  const table = database.query<{ page: number }, []>(
    "SELECT rootpage AS page FROM sqlite_schema WHERE name = 'messages'",
  )
  const size = database.query<{ page_size: number }, []>('PRAGMA page_size').get()?.page_size ?? 0
  const page = table.get()?.page ?? 0
  writeFileSync(file, readFileSync(file).fill(0xff, (page - 1) * size, page * size))
}

describe('the writer', () => {
  test('notices what a command beside it has written', async () => {
    await using opened = await openTestSqlite()
    const { storage } = opened
    const { owner, roomId } = await roomIn(storage)
    const send = (text: string) => storage.messages.append({ roomId, sender: owner, text, clientId: null, at: 1 })
    await send('one')
    const beside = new Database(opened.file)
    beside.run(
      `INSERT INTO messages (room_id, seq, count_no, kind, text, created_at) VALUES (${roomId}, 2, 2, 'system', 'beside', 1)`,
    )
    beside.run(`UPDATE rooms SET last_seq = 2, last_count = 2 WHERE id = ${roomId}`)
    expect((await send('three')).message.seq).toBe(3)
  })

  test('waits for a lock that somebody else holds for a moment', async () => {
    await using opened = await openTestSqlite()
    const { owner, roomId } = await roomIn(opened.storage)
    const beside = new Database(opened.file)
    beside.run('BEGIN IMMEDIATE')
    const sent = opened.storage.messages.append({ roomId, sender: owner, text: 'hi', clientId: null, at: 1 })
    // It cannot be there before the lock is free.
    expect(await Promise.race([sent, opened.storage.messages.lastSeq(roomId)])).toBe(0)
    beside.run('ROLLBACK')
    expect((await sent).message.seq).toBe(1)
  })

  test('tells of a damaged page when it meets it, and does not call itself ready again', async () => {
    await using opened = await openTestSqlite()
    const { owner, roomId } = await roomIn(opened.storage)
    await opened.spoil(damageMessages)
    const { storage } = opened
    const sent = storage.messages.append({ roomId, sender: owner, text: 'hi', clientId: null, at: 1 })
    expect(await failure(sent)).toMatchObject({ code: 'unavailable' })
    // The heartbeat goes to another page, which is sound.
    expect(await storage.probe()).toBe(false)
    expect(await storage.probe()).toBe(false)
    expect(storage.health()).toMatchObject({ ok: false, problem: 'damaged' })
  })

  test('tells of a damaged page that a read meets as well', async () => {
    await using opened = await openTestSqlite()
    const { owner, roomId } = await roomIn(opened.storage)
    await opened.storage.messages.append({ roomId, sender: owner, text: 'hi', clientId: null, at: 1 })
    await opened.spoil(damageMessages)
    const { storage } = opened
    expect(await failure(storage.messages.span(roomId, { limit: 10 }))).toMatchObject({ code: 'unavailable' })
    expect(await storage.probe()).toBe(false)
    expect(storage.health().problem).toBe('damaged')
  })

  test('that has stopped takes no more, whatever a read meets after that', async () => {
    const dataDir = emptyDir()
    migrateDirectory(place(dataDir), false)
    const path = join(dataDir, 'parley.db')
    const queue = await WriteQueue.open<Commands>(WORKER_URL, { path, durability: 'full' }, {})
    await queue.close()
    queue.reportDamage('SQLITE_CORRUPT')
    expect(queue.health.problem).toBe('stopped')
    expect(await failure(queue.write('heartbeat', 1))).toMatchObject({ code: 'unavailable' })
  })

  test('refuses more than may wait, and stores all that it took', async () => {
    await using opened = await openTestSqlite()
    const { storage } = opened
    const { owner, roomId } = await roomIn(storage)
    const sends = Array.from({ length: 10_000 }, (_, at) =>
      storage.messages.append({ roomId, sender: owner, text: `${at}`, clientId: null, at: 1 }),
    )
    const settled = await Promise.allSettled(sends)
    const taken = settled.filter(({ status }) => status === 'fulfilled').length
    const refused = settled.filter((each) => each.status === 'rejected')
    expect(refused.length).toBeGreaterThan(0)
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'unavailable' })
    expect(await storage.messages.lastSeq(roomId)).toBe(taken)
  })
})
