import { type Board, nodeChannel, type Relay, type RelayEvents } from './relay.ts'

/** Nodes of one process: one alone, as every server without Redis has it, or several that hear each other. */
export class LocalRelays {
  readonly #members = new Set<LocalRelay>()

  join(): Relay {
    const member = new LocalRelay(this.#members)
    this.#members.add(member)
    return member
  }
}

class LocalRelay implements Relay {
  readonly node = crypto.randomUUID()
  readonly #everyone: Set<LocalRelay>
  readonly #channels = new Set([nodeChannel(this.node)])
  readonly #boards: Record<Board, Map<string, string>> = { people: new Map(), rooms: new Map() }
  #events: RelayEvents | undefined

  constructor(everyone: Set<LocalRelay>) {
    this.#everyone = everyone
  }

  get state() {
    return this.#everyone.size > 1 ? 'up' : 'alone'
  }

  attend(events: RelayEvents): void {
    this.#events = events
  }

  publish(channel: string, text: string): void {
    for (const listener of this.#listeners(channel)) queueMicrotask(() => listener.#hear(channel, text))
  }

  async ask(channel: string, text: string): Promise<boolean> {
    this.publish(channel, text)
    return this.#listeners(channel).length > 0
  }

  #listeners(channel: string): LocalRelay[] {
    return this.#others().filter((each) => each.#channels.has(channel))
  }

  #others(): LocalRelay[] {
    return this.#everyone.has(this) ? [...this.#everyone].filter((each) => each !== this) : []
  }

  #hear(channel: string, text: string) {
    if (!this.#channels.has(channel)) return
    this.#events?.onLag(0)
    this.#events?.onHeard(channel, text)
  }

  listen(channel: string): undefined {
    this.#channels.add(channel)
  }

  ignore(channel: string): void {
    this.#channels.delete(channel)
  }

  post(board: Board, key: string, text: string | undefined): void {
    if (text === undefined) this.#boards[board].delete(key)
    else this.#boards[board].set(key, text)
  }

  async read(board: Board, keys: readonly string[]): Promise<string[][]> {
    const others = this.#others()
    return keys.map((key) => others.flatMap((each) => each.#boards[board].get(key) ?? []))
  }

  async close(): Promise<void> {
    this.#everyone.delete(this)
  }
}
