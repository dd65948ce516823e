import type { Cluster, Redis } from 'ioredis'
import { openCluster, openSingle, type Session } from './redis-session.ts'
import type { RedisTarget } from './redis-url.ts'

export interface LinkEvents {
  onMessage(channel: string, envelope: Buffer): void
  onReady(): void
  /** Some channels more are heard. */
  onSubscribed(): void
  onTrouble(error: unknown): void
  onClosed(): void
}

const RETRY_AT_MOST_MS = 1000
/** Channels in one command. */
const CHUNK = 500
/**
 * A Redis Cluster keeps all names with the same text in braces on one shard, and their words in order. So many texts are
 * enough for the shards to have about the same to do, and few enough to ask each of them every second whether it is there.
 */
const GROUPS = 64

/** One session after the other, to a Redis of whatever kind. */
export class Link {
  readonly #target: RedisTarget
  readonly #prefix: string
  readonly #events: LinkEvents
  readonly #groups: number
  #session: Session | undefined
  #isReady = false
  #timer: ReturnType<typeof setTimeout> | undefined
  #failures = 0
  /** Why this session does not get there was said. */
  #isExplained = false

  /** `prefix`: before every name of this cluster. */
  constructor(target: RedisTarget, prefix: string, events: LinkEvents) {
    this.#target = target
    this.#prefix = prefix
    this.#events = events
    this.#groups = target.kind === 'cluster' ? GROUPS : 1
    this.#begin()
  }

  #begin() {
    const { onMessage } = this.#events
    this.#isExplained = false
    const open = this.#target.kind === 'cluster' ? openCluster : openSingle
    const session: Session = open(this.#target, {
      onMessage: (name, envelope) => session === this.#session && onMessage(this.#channelOf(name), envelope),
      onReady: () => session === this.#session && this.#ready(),
      onTrouble: (error) => session === this.#session && this.#explain(error),
      onBroken: () => session === this.#session && this.#lose(),
    })
    this.#session = session
  }

  #explain(error: unknown) {
    this.#isExplained = true
    this.#events.onTrouble(error)
  }

  #lose() {
    if (!this.#isReady && !this.#isExplained)
      this.#explain(new Error('whoever listens there hung up, as no Redis does'))
    this.renew()
  }

  #ready() {
    this.#isReady = true
    this.#events.onReady()
  }

  /** Gives up the session, and begins another one: a moment later, and not all nodes in the same one. */
  renew(): void {
    this.#end()
    this.#failures += 1
    const delay = Math.min(50 * this.#failures, RETRY_AT_MOST_MS) * (0.5 + Math.random() / 2)
    this.#timer = setTimeout(() => this.#begin(), delay)
    this.#events.onClosed()
  }

  #end() {
    clearTimeout(this.#timer)
    this.#session?.close()
    this.#session = undefined
    this.#isReady = false
  }

  /** To be called when words come through. */
  works(): void {
    this.#failures = 0
  }

  close(): void {
    this.#end()
  }

  /** Words of one node on channels of the same group stay in order. */
  groupOf(channel: string): number {
    return this.#groups === 1 ? 0 : Bun.hash.crc32(channel) % this.#groups
  }

  /** Channels that begin with this, one in each group. */
  oneInEach(start: string): string[] {
    const found = new Map<number, string>()
    for (let at = 0; found.size < this.#groups; at++) found.set(this.groupOf(`${start}:${at}`), `${start}:${at}`)
    return [...found.values()]
  }

  #nameOf(channel: string): string {
    return `${this.#prefix}{${this.groupOf(channel)}}${channel}`
  }

  #channelOf(name: string): string {
    return name.slice(name.indexOf('}') + 1)
  }

  get #open(): Session {
    if (!this.#session || !this.#isReady) throw new Error('no connection to Redis')
    return this.#session
  }

  get commands(): Redis | Cluster {
    return this.#open.commands
  }

  /** In this order; resolves to how many heard each. */
  async publish(words: readonly { channel: string; envelope: string }[]): Promise<number[]> {
    return this.#open.publish(words.flatMap(({ channel, envelope }) => [this.#nameOf(channel), envelope]))
  }

  /** All at once: what is ignored while they are on their way comes after them. */
  async subscribe(channels: Iterable<string>): Promise<void> {
    const session = this.#open
    const sent: Promise<unknown>[] = []
    for (const group of Map.groupBy(channels, (channel) => this.groupOf(channel)).values()) {
      const names = group.map((channel) => this.#nameOf(channel))
      for (let from = 0; from < names.length; from += CHUNK)
        sent.push(session.subscribe(names.slice(from, from + CHUNK)).then(this.#events.onSubscribed))
    }
    await Promise.all(sent)
  }

  async unsubscribe(channel: string): Promise<void> {
    await this.#open.unsubscribe(this.#nameOf(channel))
  }
}
