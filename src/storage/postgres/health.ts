import type { StorageEvents } from '../storage.ts'
import type { Problem } from './faults.ts'

/** How it goes on the connection that stores, and on those of the pool; the server is told of both as one. */
export class Health {
  readonly #onHealth: StorageEvents['onHealth']
  readonly #problems: { flights?: Problem | 'stopped'; pool?: Problem } = {}

  constructor({ onHealth }: StorageEvents) {
    this.#onHealth = onHealth
  }

  get problem(): Problem | 'stopped' | undefined {
    return this.#problems.flights ?? this.#problems.pool
  }

  /** What stores has met with this, or goes well again. Nothing comes after `stopped`. */
  flights(problem: Problem | 'stopped' | undefined, code?: string): void {
    if (this.#problems.flights !== 'stopped') this.#turn({ flights: problem }, code)
  }

  pool(problem: Problem | undefined, code?: string): void {
    this.#turn({ pool: problem }, code)
  }

  #turn(change: { flights?: Problem | 'stopped' | undefined; pool?: Problem | undefined }, code: string | undefined) {
    const before = this.problem
    Object.assign(this.#problems, change)
    if (this.problem !== before) this.#onHealth?.(this.problem, code)
  }
}
