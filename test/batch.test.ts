import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '../src/storage/sqlite/database.ts'
import { migrateSqlite } from '../src/storage/sqlite/migrate.ts'
import { Batches } from '../src/storage/sqlite/writer/batch.ts'
import type { Commands } from '../src/storage/sqlite/writer/commands.ts'
import { WriteQueue } from '../src/storage/sqlite/writer/queue.ts'
import { RoomsInHand } from '../src/storage/sqlite/writer/rooms-in-hand.ts'
import { WORKER_URL } from './support/storage.ts'

/** Batches on a real database. An item's name is what it stores, unless `faults` has something to throw for it. */
function batches(faults: Record<string, (() => void) | undefined>) {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-batch-'))
  migrateSqlite(dataDir, 'full', false)
  const { sqlite } = openDatabase(join(dataDir, 'parley.db'), 'writer', 'full')
  const runs: string[] = []
  const batch = new Batches({
    sqlite,
    rooms: new RoomsInHand(sqlite),
    run: ([name]) => {
      runs.push(name)
      sqlite.run('INSERT INTO meta (key, value) VALUES (?, ?)', [`item ${name}`, ''])
      faults[name]?.()
      return name
    },
  })
  const stored = () =>
    sqlite
      .query<{ key: string }, []>("SELECT key FROM meta WHERE key LIKE 'item %' ORDER BY key")
      .all()
      .map(({ key }) => key.slice(5))
  const end = () => {
    sqlite.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
  return { batch, runs, stored, [Symbol.dispose]: end }
}

const sqliteError = (code: string) => Object.assign(new Error(code), { code })

test('an item that fails by its own fault leaves nothing, and takes nothing from the others', () => {
  using tried = batches({
    b: () => {
      throw sqliteError('SQLITE_CONSTRAINT_FOREIGNKEY')
    },
  })
  expect(tried.batch.commit([['a'], ['b'], ['c']])).toEqual({
    results: ['a', null, 'c'],
    failed: { 1: 'SQLITE_CONSTRAINT_FOREIGNKEY' },
  })
  expect(tried.stored()).toEqual(['a', 'c'])
})

test('a disk that fills up while the items are tried one by one refuses the whole batch', () => {
  let isFull = false
  using tried = batches({
    a: () => {
      isFull = true
      throw sqliteError('SQLITE_CONSTRAINT_UNIQUE')
    },
    c: () => {
      if (isFull) throw sqliteError('SQLITE_FULL')
    },
  })
  expect(tried.batch.commit([['a'], ['b'], ['c']])).toEqual({ problem: 'disk_full', code: 'SQLITE_FULL' })
  expect(tried.runs).toEqual(['a', 'a', 'b', 'c'])
  expect(tried.stored()).toEqual([])
  // The next batch is none the worse for it.
  expect(tried.batch.commit([['d']])).toEqual({ results: ['d'], failed: {} })
  expect(tried.stored()).toEqual(['d'])
})

test.each([
  ['few wait: whoever answers a commit at once is in the next one', 1, [1, 2]],
  ['many wait: the next batch is gone before those of the last one are told', 40, [40, 40, 1]],
])('where %s', async (_, count, expected) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-queue-'))
  migrateSqlite(dataDir, 'full', false)
  const commits: number[] = []
  const opening = { path: join(dataDir, 'parley.db'), durability: 'full' } as const
  const queue = await WriteQueue.open<Commands>(WORKER_URL, opening, { onCommit: (_, writes) => commits.push(writes) })
  const some = () => Array.from({ length: count }, () => queue.write('heartbeat', 1))
  const first = some()
  // The first batch leaves before this, and is not answered yet.
  await new Promise((resolve) => setImmediate(resolve))
  const second = some()
  await first[0]
  await Promise.all([...second, queue.write('heartbeat', 2)])
  expect(commits).toEqual(expected)
  await queue.close()
  rmSync(dataDir, { recursive: true, force: true })
})
