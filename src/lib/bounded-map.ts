/** A map that keeps the `limit` entries used last. */
export class BoundedMap<K, V> {
  readonly #limit: number
  readonly #entries = new Map<K, V>()

  constructor(limit: number) {
    this.#limit = limit
  }

  get(key: K): V | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) return undefined
    // Only a map that is nearly full needs an order of use; before that a lookup stays a lookup.
    if (this.#entries.size > this.#limit / 2) {
      this.#entries.delete(key)
      this.#entries.set(key, value)
    }
    return value
  }

  set(key: K, value: V): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size <= this.#limit) return
    const { value: oldest, done } = this.#entries.keys().next()
    if (!done) this.#entries.delete(oldest)
  }

  clear(): void {
    this.#entries.clear()
  }
}
