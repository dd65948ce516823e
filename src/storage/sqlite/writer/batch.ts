import type { Database } from 'bun:sqlite'
import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { codeOf, problemOf } from './faults.ts'
import type { RoomsInHand } from './rooms-in-hand.ts'
import type { Item, Outcome, Results } from './wire.ts'

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
  readonly #savepoint
  readonly #release
  readonly #rollbackItem
  #diskCheckedAt = 0
  #diskHasRoom = true

  constructor(deps: BatchDeps) {
    this.#deps = deps
    this.#begin = deps.sqlite.prepare('BEGIN IMMEDIATE')
    this.#commit = deps.sqlite.prepare('COMMIT')
    this.#rollback = deps.sqlite.prepare('ROLLBACK')
    this.#savepoint = deps.sqlite.prepare('SAVEPOINT item')
    this.#release = deps.sqlite.prepare('RELEASE item')
    this.#rollbackItem = deps.sqlite.prepare('ROLLBACK TO item')
  }

  commit(items: Item[]): Outcome {
    if (!this.#hasDiskRoom()) return { problem: 'disk_full', code: 'below the free-space floor' }
    try {
      return this.#transaction(() => this.#together(items))
    } catch (error) {
      if (!problemOf(error)) return this.#withoutTheFaulty(items)
      return refusal(error)
    }
  }

  #together(items: Item[]): Results {
    return { results: items.map(this.#deps.run), failed: {} }
  }

  /** One item's own fault must not cost the others theirs: once more, each within a savepoint, with one flush for all. */
  #withoutTheFaulty(items: Item[]): Outcome {
    try {
      return this.#transaction(() => this.#oneByOne(items))
    } catch (error) {
      return refusal(error)
    }
  }

  #oneByOne(items: Item[]): Results {
    const results: unknown[] = []
    const failed: Record<number, string> = {}
    for (const [at, item] of items.entries()) {
      this.#savepoint.run()
      try {
        results[at] = this.#deps.run(item)
        // Into the transaction, so that the next item's fault takes back its own change of the room, and not this one.
        this.#deps.rooms.save()
      } catch (error) {
        if (problemOf(error)) throw error
        this.#rollbackItem.run()
        this.#deps.rooms.forget()
        results[at] = null
        failed[at] = codeOf(error)
      }
      this.#release.run()
    }
    return { results, failed }
  }

  #transaction(work: () => Results): Results {
    const { rooms, sqlite } = this.#deps
    this.#beginWhenFree()
    try {
      rooms.checkForeignWrites()
      const results = work()
      rooms.save()
      this.#commit.run()
      return results
    } catch (error) {
      rooms.forget()
      // After some errors (a full disk) SQLite has rolled back already.
      if (sqlite.inTransaction) this.#rollback.run()
      throw error
    }
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

/** A batch of which nothing was stored. */
const refusal = (error: unknown): Outcome => ({ problem: problemOf(error) ?? 'io', code: codeOf(error) })
