import type { Database } from 'bun:sqlite'
import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { RoomsInHand } from './rooms-in-hand.ts'
import type { Item, Outcome, Problem } from './wire.ts'

type Run = (item: Item) => unknown

/** SQLite's own back-off starves one of two writers for seconds; a short jittered wait is fair. */
const BUSY_GIVE_UP_MS = 5000
const DISK_CHECK_MS = 1000
const DISK_FLOOR_BYTES = 64 << 20

export interface BatchDeps {
  sqlite: Database
  rooms: RoomsInHand
  run: Run
}

/** Commits batches, one flush each. What it answers is on disk. */
export class Batches {
  readonly #deps: BatchDeps
  readonly #begin
  readonly #commit
  readonly #rollback
  #diskCheckedAt = 0
  #diskHasRoom = true

  constructor(deps: BatchDeps) {
    this.#deps = deps
    this.#begin = deps.sqlite.prepare('BEGIN IMMEDIATE')
    this.#commit = deps.sqlite.prepare('COMMIT')
    this.#rollback = deps.sqlite.prepare('ROLLBACK')
  }

  commit(items: Item[]): Outcome {
    if (!this.#hasDiskRoom()) return { problem: 'disk_full', code: 'below the free-space floor' }
    try {
      return { results: this.#transaction(items), failed: {} }
    } catch (error) {
      const problem = problemOf(error)
      if (problem) return { problem, code: codeOf(error) }
      return this.#singly(items)
    }
  }

  #transaction(items: Item[]): unknown[] {
    const { rooms, run } = this.#deps
    this.#beginWhenFree()
    try {
      rooms.checkForeignWrites()
      const results = items.map(run)
      rooms.save()
      this.#commit.run()
      rooms.committed()
      return results
    } catch (error) {
      rooms.rolledBack()
      // After some errors (a full disk) SQLite has rolled back already.
      if (this.#deps.sqlite.inTransaction) this.#rollback.run()
      throw error
    }
  }

  /** One item's own fault must not cost the others theirs. */
  #singly(items: Item[]): Outcome {
    const results: unknown[] = []
    const failed: Record<number, string> = {}
    for (const [at, item] of items.entries()) {
      try {
        results[at] = this.#transaction([item])[0]
      } catch (error) {
        results[at] = null
        failed[at] = problemOf(error) ?? codeOf(error)
      }
    }
    return { results, failed }
  }

  #beginWhenFree() {
    const giveUpAt = performance.now() + BUSY_GIVE_UP_MS
    while (true) {
      try {
        this.#begin.run()
        return
      } catch (error) {
        if (problemOf(error) !== 'busy' || performance.now() > giveUpAt) throw error
        Bun.sleepSync(1 + Math.random())
      }
    }
  }

  /** Below a floor nothing is written: at the very end even a delete fails. */
  #hasDiskRoom(): boolean {
    const now = performance.now()
    if (this.#diskCheckedAt === 0 || now - this.#diskCheckedAt >= DISK_CHECK_MS || !this.#diskHasRoom) {
      const { bavail, blocks, bsize } = statfsSync(dirname(this.#deps.sqlite.filename))
      this.#diskHasRoom = bavail * bsize >= Math.min(DISK_FLOOR_BYTES, blocks * bsize * 0.02)
      this.#diskCheckedAt = now
    }
    return this.#diskHasRoom
  }
}

const BATCH_FAULTS: [prefix: string, problem: Problem][] = [
  ['SQLITE_FULL', 'disk_full'],
  ['SQLITE_BUSY', 'busy'],
  ['SQLITE_LOCKED', 'busy'],
  ['SQLITE_IOERR', 'io'],
  ['SQLITE_READONLY', 'io'],
  ['SQLITE_CANTOPEN', 'io'],
  ['SQLITE_CORRUPT', 'io'],
  ['SQLITE_NOTADB', 'io'],
  ['SQLITE_NOMEM', 'io'],
]

/** A fault of the disk or the database, not of an item. */
const problemOf = (error: unknown): Problem | undefined =>
  BATCH_FAULTS.find(([prefix]) => codeOf(error).startsWith(prefix))?.[1]

function codeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code
  return cause instanceof Error ? cause.name : 'unknown'
}
