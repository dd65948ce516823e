import type { ReservedSQL, SQL } from 'bun'
import { ChatError } from '../../../lib/errors.ts'
import type { StorageEvents } from '../../storage.ts'
import { canOnlyRead, codeOf, type Problem, problemOf } from '../faults.ts'
import type { Health } from '../health.ts'
import { HISTORY, type History } from '../meta.ts'
import { ClientIds } from './client-ids.ts'
import { fly, type Item, prepare, type Results } from './flight.ts'

const MAX_WAITING = 8192
const MAX_WAITING_BYTES = 32 << 20
const MAX_BATCH = 512
/** What shows that messages can be stored. A mark asks for less. */
const STORES = { append: true, heartbeat: true }

export interface QueueDeps {
  /** One connection, for flights alone: they wait for nobody. It tells each time that it is another one. */
  connect: (onconnect: () => void) => SQL
  /** Whether the server may not have any more what was acknowledged since this node began. */
  isOther: (now: History | undefined) => boolean
  health: Pick<Health, 'problem' | 'flights'>
  onCommit: StorageEvents['onCommit']
  /** How long a flight may take, until its connection is given up. */
  deadlineMs: number
}

interface Waiter {
  item: Item
  bytes: number
  resolve: (value: never) => void
  reject: (error: unknown) => void
}

type Refused = { problem: Problem; code: string; cause: unknown }

/** Stores one item; resolves after the commit that holds it. */
export type Enqueue = <I extends Item>(item: I) => Promise<Results[I['kind']]>

/**
 * What every message and every mark goes through: group commit without a timer, as with SQLite. Whatever arrives while
 * one flight is under way goes into the next one. A write that fails as `unavailable` was not stored, with one exception:
 * where the connection was lost after the flight had left, nobody knows, and it may have been.
 */
export class FlightQueue {
  readonly #deps: QueueDeps
  readonly #sql: SQL
  #isPrepared = false
  readonly #clientIds = new ClientIds()
  #waiting: Waiter[] = []
  #waitingBytes = 0
  #isFlying = false
  #scheduled = false
  #idle: (() => void)[] = []
  #isStopped = false
  #okAt = 0
  #fail: (error: Error) => void = () => {}
  /** Resolves when a server has come back that may not have all that was acknowledged. A connection that is lost comes back. */
  readonly failed = new Promise<Error>((resolve) => {
    this.#fail = resolve
  })

  constructor(deps: QueueDeps) {
    this.#deps = deps
    this.#sql = deps.connect(() => {
      this.#isPrepared = false
    })
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Whether a commit went well within the last `ms`, and none failed since. */
  wasWellWithin(ms: number): boolean {
    return this.#deps.health.problem === undefined && this.#okAt > 0 && performance.now() - this.#okAt < ms
  }

  readonly enqueue: Enqueue = (item) =>
    new Promise((resolve, reject) => {
      const isFull = this.#waiting.length >= MAX_WAITING || this.#waitingBytes > MAX_WAITING_BYTES
      if (this.#isStopped || isFull) {
        reject(new ChatError('unavailable', { retryAfter: 1 }))
        return
      }
      const bytes = sizeOf(item)
      this.#waiting.push({ item, bytes, resolve, reject })
      this.#waitingBytes += bytes
      if (!this.#isFlying && !this.#scheduled) {
        this.#scheduled = true
        setImmediate(this.#ship)
      }
    })

  readonly #ship = () => {
    this.#scheduled = false
    if (this.#isFlying) return
    if (this.#waiting.length === 0) {
      for (const resolve of this.#idle.splice(0)) resolve()
      return
    }
    const batch = this.#waiting.length <= MAX_BATCH ? this.#waiting : this.#waiting.slice(0, MAX_BATCH)
    this.#waiting = this.#waiting.length <= MAX_BATCH ? [] : this.#waiting.slice(MAX_BATCH)
    for (const { bytes } of batch) this.#waitingBytes -= bytes
    this.#isFlying = true
    void this.#store(batch).then(() => {
      this.#isFlying = false
      this.#ship()
    })
  }

  /** One item's own fault must not cost the others theirs: once more, in halves. */
  async #store(batch: Waiter[]): Promise<void> {
    const startedAt = performance.now()
    const outcome = await this.#fly(batch.map(({ item }) => item)).catch((error: unknown) => refusal(error))
    if (Array.isArray(outcome)) {
      if (batch.some(({ item }) => item.kind in STORES)) this.#deps.health.flights(undefined)
      this.#okAt = performance.now()
      this.#deps.onCommit?.(this.#okAt - startedAt, batch.length)
      for (const [at, { resolve }] of batch.entries()) resolve(outcome[at] as never)
    } else if ('problem' in outcome) {
      this.#deps.health.flights(outcome.problem, outcome.code)
      const error = new ChatError('unavailable', { retryAfter: 1, cause: outcome.cause })
      for (const { reject } of batch) reject(error)
    } else if (batch.length === 1) {
      for (const { reject } of batch) reject(outcome.fault)
    } else {
      const half = batch.length >> 1
      await this.#store(batch.slice(0, half))
      await this.#store(batch.slice(half))
    }
  }

  async #fly(items: Item[]): Promise<unknown[]> {
    const connection = await this.#sql.reserve()
    const timer = setTimeout(() => void connection.close({ timeout: 0 }), this.#deps.deadlineMs)
    try {
      if (!this.#isPrepared) await this.#prepare(connection)
      return await fly(connection, items, this.#clientIds)
    } catch (error) {
      if (canOnlyRead(error)) await connection.close({ timeout: 0 })
      throw error
    } finally {
      clearTimeout(timer)
      connection.release()
    }
  }

  async #prepare(connection: ReservedSQL) {
    const [now]: History[] = await connection.unsafe(HISTORY)
    if (this.#deps.isOther(now)) {
      const error = new OtherHistory()
      this.#isStopped = true
      this.#deps.health.flights('stopped', error.code)
      this.#fail(error)
      throw error
    }
    await prepare(connection)
    this.#isPrepared = true
  }

  /** Stores what waits, then closes the connection. */
  async close(): Promise<void> {
    if (this.#isFlying || this.#waiting.length > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
    this.#isStopped = true
    await this.#sql.close({ timeout: 0 })
  }
}

/** Nothing may be stored under the old epoch any more: a start gives it another one. */
class OtherHistory extends Error {
  readonly code = 'ERR_POSTGRES_CONNECTION_TIMELINE'

  constructor() {
    super(
      'PostgreSQL goes on from another place in its history: after a failover, a restored backup, or a crash of what did not flush',
    )
  }
}

const refusal = (error: unknown): Refused | { fault: unknown } => {
  const problem = problemOf(error)
  return problem ? { problem, code: codeOf(error), cause: error } : { fault: error }
}

/** About what it takes in memory and on the wire. */
function sizeOf(item: Item): number {
  if (item.kind === 'append') return item.append.text.length + 100
  return item.kind === 'mark' ? 50 * item.receipts.length : 100
}
