import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { migrateStorage, openStorage } from '../src/storage/open.ts'
import { storageContract } from './contracts/storage.ts'
import { failure, openTestSqlite, roomIn, WORKER_URL } from './support/storage.ts'

storageContract('sqlite', openTestSqlite)

const emptyDir = () => mkdtempSync(join(tmpdir(), 'parley-data-'))
const place = (dataDir: string) => ({ dataDir, durability: 'full' as const })
const open = (dataDir: string) => openStorage({ ...place(dataDir), workerUrl: WORKER_URL, now: () => 1 })
const database = (dataDir: string) => new Database(join(dataDir, 'parley.db'))

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
    expect(migrateStorage(place(dataDir), { check: false })).toMatchObject({ pending: [], snapshot: undefined })
    const tables = database(dataDir)
      .query<{ name: string; strict: number }, []>("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'")
      .all()
    const loose = tables.filter(({ name, strict }) => !strict && !/^(sqlite_|__drizzle)/.test(name))
    expect(loose).toEqual([])
    const keys = database(dataDir).query<{ key: string }, []>('SELECT key FROM meta ORDER BY key').all()
    expect(keys.map(({ key }) => key)).toEqual(['cluster_key', 'epoch'])
  })

  test('check tells what is missing and changes nothing', () => {
    const dataDir = join(emptyDir(), 'not', 'there')
    expect(migrateStorage(place(dataDir), { check: true }).pending).toHaveLength(1)
    expect(existsSync(dirname(dataDir))).toBe(false)
  })

  test('run again do nothing', () => {
    const dataDir = emptyDir()
    expect(migrateStorage(place(dataDir), { check: false }).applied).toHaveLength(1)
    expect(migrateStorage(place(dataDir), { check: false })).toEqual({ applied: [], pending: [], snapshot: undefined })
    expect(migrateStorage(place(dataDir), { check: true }).pending).toEqual([])
  })

  test('of a newer Parley are refused, and the data is left as it is', () => {
    const dataDir = emptyDir()
    migrateStorage(place(dataDir), { check: false })
    database(dataDir).run("INSERT INTO __drizzle_migrations (hash, name) VALUES ('', '29990101000000_future')")
    const before = readFileSync(join(dataDir, 'parley.db'))
    expect(() => migrateStorage(place(dataDir), { check: false })).toThrow(/newer Parley.*29990101000000_future/)
    expect(readFileSync(join(dataDir, 'parley.db')).equals(before)).toBe(true)
  })

  test('take a snapshot of what was there before', () => {
    const dataDir = emptyDir()
    migrateStorage(place(dataDir), { check: false })
    // As if this release had a migration that the data has not: the known one under an older name.
    const names = database(dataDir).query<{ name: string }, []>('SELECT name FROM __drizzle_migrations').all()
    const [name = ''] = names.map((row) => row.name)
    dropEverything(dataDir)
    database(dataDir).run('CREATE TABLE kept (value TEXT) STRICT')
    database(dataDir).run("INSERT INTO kept VALUES ('before')")

    const report = migrateStorage(place(dataDir), { check: false })

    expect(report.applied).toEqual([name])
    expect(readdirSync(join(dataDir, 'backups'))).toHaveLength(1)
    const snapshot = new Database(report.snapshot ?? '', { readonly: true })
    expect(snapshot.query('SELECT value FROM kept').get()).toEqual({ value: 'before' })
  })

  test.each([
    [
      'is no database',
      (file: string) => Bun.write(file, 'this is no database, and it is long enough to see that '.repeat(99)),
    ],
    ['has its first page damaged', damage],
  ])('leave a file alone that %s', async (_, spoil) => {
    const dataDir = emptyDir()
    migrateStorage(place(dataDir), { check: false })
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

function dropEverything(dataDir: string) {
  const file = database(dataDir)
  file.run('PRAGMA foreign_keys = OFF')
  const tables = file
    .query<{ name: string }, []>("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .all()
  for (const { name } of tables.filter((table) => table.name !== '__drizzle_migrations')) file.run(`DROP TABLE ${name}`)
  file.run('DELETE FROM __drizzle_migrations')
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
