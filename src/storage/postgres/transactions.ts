import { sql } from 'drizzle-orm'
import { texts } from './arrays.ts'
import type { Db } from './database.ts'
import { codeOf } from './faults.ts'

export type Tx = Parameters<Parameters<Db['transaction']>[0]>[0]

/** Whoever reads within a transaction or outside of one. */
export type Reads = Pick<Db, 'select'>

/**
 * One transaction about these people, whose rows it holds from its start to its end: there is only one at a time about
 * somebody, in all nodes. Here, those about the same subject (a person, or a name) run in the order in which they were
 * asked for, as they do in SQLite.
 */
export type Write = <T>(subjects: readonly string[], work: (tx: Tx) => Promise<T>) => Promise<T>

const MAX_RUNS = 10
const FIRST_PAUSE_MS = 4
const LONGEST_PAUSE_MS = 250

/**
 * Somebody else was first with a row that was not there yet, and so could not be held (a unique or a foreign key), or two
 * waited for each other. The next run sees what they did, and refuses or goes on by that.
 */
const LOST = /^(40001|40P01|23505|23503)$/

export function transactionsOn(db: Db): Write {
  const last = new Map<string, Promise<unknown>>()

  return async (subjects, work) => {
    const before = subjects.map((subject) => last.get(subject))
    const done = Promise.allSettled(before).then(() => runWell(db, subjects, work))
    const settled = done.catch(() => {})
    for (const subject of subjects) last.set(subject, settled)
    try {
      return await done
    } finally {
      for (const subject of subjects) if (last.get(subject) === settled) last.delete(subject)
    }
  }
}

async function runWell<T>(db: Db, subjects: readonly string[], work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let run = 1; ; run++) {
    try {
      return await db.transaction(async (tx) => {
        await tx.execute(holding(subjects))
        return work(tx)
      })
    } catch (error) {
      if (run === MAX_RUNS || !LOST.test(codeOf(error))) throw error
      await Bun.sleep(Math.random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** run))
    }
  }
}

/** In one order everywhere: so no two wait for each other. */
const holding = (subjects: readonly string[]) =>
  sql`SELECT FROM users WHERE id = ANY(${texts(subjects)}::text[]) ORDER BY number FOR NO KEY UPDATE`
