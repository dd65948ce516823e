import type { SQL } from 'bun'
import { getTableName } from 'drizzle-orm'
import { canOnlyRead, codeOf, type Problem, problemOf } from './faults.ts'
import type { Health } from './health.ts'
import * as schema from './schema.ts'

type Sessions = Pick<SQL, 'unsafe'>
type Query = ReturnType<SQL['unsafe']>

/** One query that is under way, or one transaction by its last statement: when it was asked. */
interface Asked {
  at: number
}

export interface PoolDeps {
  connect: () => SQL
  /** How long all of it may leave what it was asked unanswered. */
  deadlineMs: number
  health: Pick<Health, 'problem' | 'pool'>
}

/** So long may one wait while others are answered: for a place, or on a line that went dead alone. */
const LONGEST_WAIT = 3

/**
 * A pool for drizzle that outlives a server which does not answer: where nothing comes for `deadlineMs`, all that was
 * asked of the old connections fails, and new ones are made. Each statement of its transactions has a snapshot of its
 * own, so that those after a lock see what was committed before it was had.
 */
export class Pool {
  readonly #deps: PoolDeps
  readonly #timer: Timer
  #asked = new Set<Asked>()
  #answeredAt = 0
  #isWell = false
  #sql: SQL

  constructor(deps: PoolDeps) {
    this.#deps = deps
    this.#sql = deps.connect()
    this.#timer = setInterval(() => this.#look(), Math.min(1000, deps.deadlineMs / 2))
  }

  /** With the methods that drizzle calls, and no other. */
  get client(): SQL {
    const unsafe = (text: string, params?: unknown[]) => this.#ask(text, params)
    const begin = (work: (sql: SQL) => Promise<unknown>) => this.#begin(work)
    // The compiler cannot know what drizzle does without.
    return { unsafe, begin, options: {} } as unknown as SQL
  }

  /** Whether something was answered within the last `ms`, and nothing was missed since a probe went well. */
  wasWellWithin(ms: number): boolean {
    return this.#isWell && performance.now() - this.#answeredAt < ms
  }

  /** Rejects where there is no connection. */
  async probe(): Promise<void> {
    const rows: unknown = await this.#timed(askOf(this.#sql, RIGHTS))
    const [row] = rows as { may_all: boolean }[]
    if (row?.may_all) this.#turn(undefined)
    else this.#turn('refused', '42501')
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#sql.close({ timeout: this.#deps.deadlineMs / 1000 })
  }

  /** Drizzle asks for `values()`, or takes the query for a promise; either sends it. */
  #ask(text: string, params: unknown[] | undefined) {
    const query = askOf(this.#sql, text, params)
    const timed = () => this.#timed(query)
    return {
      values: () => this.#timed(query.values()),
      // biome-ignore lint/suspicious/noThenProperty: it stands for a promise.
      then: (...args: Parameters<Query['then']>) => timed().then(...args),
      catch: (...args: Parameters<Query['catch']>) => timed().catch(...args),
    }
  }

  #begin(work: (sql: SQL) => Promise<unknown>): Promise<unknown> {
    const asked = { at: performance.now() }
    const begun = this.#sql.begin('ISOLATION LEVEL READ COMMITTED', (sql) => {
      const unsafe = (text: string, params?: unknown[]) => {
        asked.at = performance.now()
        this.#answeredAt = asked.at
        return askOf(sql, text, params)
      }
      // As above.
      return work({ unsafe } as unknown as SQL)
    })
    return this.#timed(begun, asked)
  }

  async #timed<T>(answer: PromiseLike<T>, asked: Asked = { at: performance.now() }): Promise<T> {
    const [sql, all] = [this.#sql, this.#asked]
    all.add(asked)
    try {
      return await answer
    } catch (error) {
      this.#tell(error)
      if (canOnlyRead(error) && sql === this.#sql) this.#renew(this.#deps.deadlineMs)
      throw error
    } finally {
      all.delete(asked)
      this.#answeredAt = performance.now()
    }
  }

  /** One query may wait for a lock for too long: that says nothing of the others. */
  #tell(error: unknown) {
    const problem = problemOf(error)
    if (problem === undefined || problem === 'busy') return
    this.#turn(problem, codeOf(error))
  }

  #turn(problem: Problem | undefined, code?: string) {
    this.#isWell = problem === undefined
    this.#deps.health.pool(problem, code)
  }

  #look() {
    if (this.#asked.size === 0) return
    const waited = performance.now() - Math.min(...[...this.#asked].map(({ at }) => at))
    const silent = Math.min(waited, performance.now() - this.#answeredAt)
    const { deadlineMs } = this.#deps
    if (silent < deadlineMs && waited < LONGEST_WAIT * deadlineMs) return
    this.#renew(0)
  }

  /** New connections; the old ones end when what they were asked is answered, or it is no longer waited for. */
  #renew(waitMs: number) {
    const old = this.#sql
    this.#sql = this.#deps.connect()
    this.#asked = new Set()
    void old.close({ timeout: waitMs / 1000 })
  }
}

/** Whether this user may do all that stores do. A table that is gone is an error of its own. */
const RIGHTS = `
SELECT bool_and(has_table_privilege(name, needed)) AS may_all
FROM unnest('{${Object.values(schema).map(getTableName)}}'::text[]) AS name, unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS needed`

/** No text in PostgreSQL can have a U+0000. What is to be stored was looked at before; what is looked up is not there. */
const askOf = (sql: Sessions, text: string, params: unknown[] = []): Query =>
  sql.unsafe(
    text,
    params.map((each) => (typeof each === 'string' && each.includes('\0') ? each.replaceAll('\0', '\ufffd') : each)),
  )
