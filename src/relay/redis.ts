import { ReplyError } from 'ioredis'
import { Boards } from './boards.ts'
import { Envelopes } from './envelope.ts'
import { Link } from './redis-link.ts'
import type { RedisTarget } from './redis-url.ts'
import { type Board, isNodeChannel, nodeChannel, type Relay, type RelayEvents, type RelayState } from './relay.ts'

interface Options {
  target: RedisTarget
  /** Of the database that all nodes share. */
  clusterKey: string
  /** Milliseconds since 1970; and since the start, by a clock that never jumps. */
  now: () => number
  uptime: () => number
}

const BEAT_EVERY_MS = 1000
/** Who has not heard its own word for so long is deaf, whatever its connections say. */
const DEAF_AFTER_MS = 3000
/** Words that Redis has not answered yet: past that it is not keeping up, and hints may be lost. */
const MAX_UNANSWERED = 5000
/** Words in one command. */
const CHUNK = 500
const GOODBYE_WITHIN_MS = 500

interface Outgoing {
  channel: string
  text: string
  /** To how many it came. */
  told?: (listeners: number) => void
}

/** Nodes that hear each other through Redis' pub/sub. */
export class RedisRelay implements Relay {
  readonly node = Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString('hex')
  readonly #options: Options
  readonly #envelopes: Envelopes
  readonly #link: Link
  readonly #boards: Boards
  readonly #channels = new Set([nodeChannel(this.node)])
  /** Where it hears itself, and when it did since there are connections: one in each group of channels. */
  readonly #beats: ReadonlySet<string>
  readonly #heardAt = new Map<string, number>()
  #changedAt: number
  #beatAt: number
  /** Who waits for Redis, and for no longer than it is there. */
  readonly #waiting = new Set<() => void>()
  #events: RelayEvents | undefined
  #state: RelayState = 'away'
  /** What is said in one turn goes out together. */
  #outgoing: Outgoing[] = []
  #unanswered = 0
  #isScheduled = false
  readonly #onTheWay = new Set<Promise<void>>()
  readonly #timer: ReturnType<typeof setInterval>

  constructor(options: Options) {
    this.#options = options
    this.#envelopes = new Envelopes(options.clusterKey, this.node, options.target.db)
    this.#link = new Link(options.target, this.#envelopes.prefix, {
      onMessage: (channel, envelope) => this.#receive(channel, envelope),
      onReady: () => void this.#resubscribe(),
      onSubscribed: () => {
        this.#changedAt = options.uptime()
      },
      onTrouble: (error) => this.#events?.onTrouble(error),
      onClosed: () => this.#lose(),
    })
    this.#boards = new Boards({
      ...options,
      ...{ link: this.#link, envelopes: this.#envelopes, node: this.node },
      onRefused: (error) => this.#events?.onTrouble(error),
    })
    this.#beats = new Set(this.#link.oneInEach(`beat:${this.node}`))
    this.#changedAt = this.#beatAt = options.uptime()
    this.#timer = setInterval(() => this.#beat(), BEAT_EVERY_MS)
  }

  get state(): RelayState {
    return this.#state
  }

  attend(events: RelayEvents): void {
    this.#events = events
  }

  async #resubscribe() {
    this.#changedAt = this.#options.uptime()
    try {
      await this.#link.subscribe([...this.#channels, ...this.#beats])
      this.#sayBeats()
    } catch (error) {
      // Whoever can't subscribe stays deaf, and is taken for it.
      this.#events?.onTrouble(error)
    }
  }

  #lose() {
    this.#heardAt.clear()
    this.#changedAt = this.#options.uptime()
    this.#turn('away')
  }

  #beat() {
    const uptime = this.#options.uptime()
    // A process that stood still itself has not read yet what it was told meanwhile.
    const stoodStill = uptime - this.#beatAt > 2 * BEAT_EVERY_MS
    this.#beatAt = uptime
    if (!stoodStill && uptime - this.#wellAt() > DEAF_AFTER_MS) {
      return this.#giveUp(new Error('Redis does not answer'))
    }
    if (this.#state !== 'up') return
    this.#sayBeats()
    this.#boards.keep()
  }

  #giveUp(trouble: Error) {
    this.#events?.onTrouble(trouble)
    this.#link.renew()
  }

  /** When all of it worked for the last time, or was begun. */
  #wellAt(): number {
    return this.#state === 'up' ? Math.min(...this.#heardAt.values()) : this.#changedAt
  }

  #sayBeats() {
    for (const channel of this.#beats) this.#say({ channel, text: '' })
  }

  #say(word: Outgoing) {
    if (this.#unanswered + this.#outgoing.length >= MAX_UNANSWERED) {
      word.told?.(0)
      return
    }
    this.#outgoing.push(word)
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#send())
  }

  #send() {
    this.#isScheduled = false
    const words = this.#outgoing
    this.#outgoing = []
    for (let from = 0; from < words.length; from += CHUNK) {
      const published = this.#publish(words.slice(from, from + CHUNK))
      this.#onTheWay.add(published)
      void published.then(() => this.#onTheWay.delete(published))
    }
  }

  /** Sealed in the order in which they go out. */
  async #publish(words: Outgoing[]) {
    const now = this.#options.now()
    const sealed = words.map(({ channel, text }) => ({ channel, envelope: this.#envelopes.seal(channel, text, now) }))
    this.#unanswered += words.length
    const heard = await this.#link.publish(sealed).catch((error): number[] => {
      this.#events?.onTrouble(error)
      return []
    })
    this.#unanswered -= words.length
    for (const [at, { told }] of words.entries()) told?.(heard[at] ?? 0)
  }

  publish(channel: string, text: string): void {
    if (this.#state === 'up') this.#say({ channel, text })
  }

  async ask(channel: string, text: string): Promise<boolean> {
    if (this.#state !== 'up') return false
    const { promise, resolve } = Promise.withResolvers<number>()
    this.#say({ channel, text: isNodeChannel(channel) ? this.#envelopes.hide(text) : text, told: resolve })
    return (await this.#answered(promise, 0)) > 0
  }

  /** What Redis answers, or this when it goes away before, or refuses. */
  #answered<T>(answer: Promise<T>, otherwise: T): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>()
    const giveUp = () => resolve(otherwise)
    this.#waiting.add(giveUp)
    void answer.then(resolve, giveUp).finally(() => this.#waiting.delete(giveUp))
    return promise
  }

  #receive(channel: string, envelope: Buffer) {
    const isBeat = this.#beats.has(channel)
    const isOwn = this.#envelopes.nodeOf(envelope) === this.node
    // Not looked at: what this node said to others comes back to it, and what it ignores may still come.
    if (isBeat ? !isOwn : isOwn || !this.#channels.has(channel)) return
    const word = this.#envelopes.open(channel, envelope.toString(), this.#link.groupOf(channel))
    if (!word) this.#events?.onForged()
    else if (isBeat) this.#hearSelf(channel)
    else {
      this.#events?.onLag(Math.max(0, this.#options.now() - word.sentAt))
      this.#events?.onHeard(channel, isNodeChannel(channel) ? this.#envelopes.show(word.text) : word.text)
    }
  }

  #hearSelf(channel: string) {
    this.#heardAt.set(channel, this.#options.uptime())
    if (this.#state === 'up' || this.#heardAt.size < this.#beats.size) return
    this.#link.works()
    this.#boards.renew()
    this.#turn('up')
    this.#events?.onBack()
  }

  #turn(state: RelayState) {
    if (this.#state === state) return
    this.#state = state
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
    this.#events?.onState(state)
  }

  listen(channel: string): Promise<void> {
    this.#channels.add(channel)
    const subscribed = this.#link.subscribe([channel])
    // Whoever may not hear a channel is deaf.
    subscribed.catch((error) => error instanceof ReplyError && this.#giveUp(error))
    return this.#answered(subscribed, undefined)
  }

  ignore(channel: string): void {
    if (this.#channels.delete(channel)) this.#link.unsubscribe(channel).catch(() => {})
  }

  post(board: Board, key: string, text: string | undefined): void {
    this.#boards.post(board, key, text, this.#state === 'up')
  }

  async read(board: Board, keys: readonly string[]): Promise<string[][]> {
    if (this.#state !== 'up' || keys.length === 0) return keys.map(() => [])
    return this.#boards.read(board, keys)
  }

  /** What it has posted stays for its last seconds: the people of a node that restarts come back on another one. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#events = undefined
    this.#turn('away')
    this.#send()
    await Promise.race([Promise.all(this.#onTheWay), Bun.sleep(GOODBYE_WITHIN_MS)])
    this.#link.close()
  }
}
