import type { Message } from '../messages/model.ts'
import type { MessageStore } from '../messages/store.ts'

/** A form in which a room's entries go out: encoded once, published once, however many sockets listen. */
export interface Wire {
  topic(roomId: number): string
  encode(message: Message): string | undefined
}

/** A socket, as a room sees it. */
export interface Member {
  readonly wire: Wire
  readonly isOpen: boolean
  send(frame: string): void
  /** Resolves when little enough is unsent to send more; at once when the socket has gone. */
  drained(): Promise<void>
  subscribe(topic: string): void
  /** The client asked for more than a replay gives, or for a place past the end. */
  replayTooLong(): void
}

interface Deps {
  roomId: number
  history: Pick<MessageStore, 'span' | 'lastSeq'>
  publish: (topic: string, frame: string) => void
  onError: (error: unknown) => void
}

/** Whoever is still reading what was stored before it came. */
interface Joiner {
  /** The last seq it was given. */
  cursor: number
  /** Up to here it reads from storage; what is newer waits in its buffer. */
  target: number
  buffer: Message[]
}

const PAGE = 100
const MAX_REPLAY = 1000
/** As much as may be sent in one go on top of what `drained` leaves unsent: the longest texts are 12 KB each. */
const MAX_BUFFER = 32

/**
 * One order for one live room. Commits come back in any order, and nothing behind this repairs one: the next entry is
 * published, a later one is held, a gap is read from storage.
 */
export class Sequencer {
  readonly #deps: Deps
  readonly #ready: Promise<void>
  /** The last seq that was published; everything up to it is in storage. */
  #head = -1
  // Nearly always empty, and there is one sequencer for each live room: made when first needed.
  #held: Map<number, Message> | undefined
  readonly #joiners: Joiner[] = []
  readonly #listeners: { wire: Wire; count: number }[] = []
  #repairing = false

  constructor(deps: Deps) {
    this.#deps = deps
    this.#ready = this.#open()
  }

  get isIdle(): boolean {
    return this.#listeners.length === 0 && this.#joiners.length === 0
  }

  async #open() {
    const head = await this.#deps.history.lastSeq(this.#deps.roomId)
    for (const seq of this.#held?.keys() ?? []) if (seq <= head) this.#held?.delete(seq)
    this.#head = head
    this.#releaseHeld()
  }

  /** A committed entry, in whatever order it comes. */
  enter(message: Message): void {
    if (message.seq === this.#head + 1) {
      this.#advance(message)
      this.#releaseHeld()
    } else if (message.seq > this.#head) {
      this.#held ??= new Map()
      this.#held.set(message.seq, message)
      if (this.#head >= 0) void this.#repair()
    }
  }

  #advance(message: Message) {
    const { roomId, publish } = this.#deps
    this.#head = message.seq
    for (const joiner of this.#joiners) buffer(joiner, message)
    for (const { wire } of this.#listeners) {
      const frame = wire.encode(message)
      if (frame !== undefined) publish(wire.topic(roomId), frame)
    }
  }

  #releaseHeld() {
    if (!this.#held) return
    for (let next = this.#held.get(this.#head + 1); next; next = this.#held.get(this.#head + 1)) {
      this.#held.delete(next.seq)
      this.#advance(next)
    }
    if (this.#held.size === 0) this.#held = undefined
  }

  /** A held entry is committed, so all before it are too: what is missing can be read. */
  async #repair() {
    if (this.#repairing) return
    this.#repairing = true
    try {
      while (this.#held) {
        const missing = await this.#deps.history.span(this.#deps.roomId, { after: this.#head, limit: PAGE })
        if (missing.length === 0) break
        for (const message of missing) {
          this.#held?.delete(message.seq)
          if (message.seq === this.#head + 1) this.#advance(message)
        }
        this.#releaseHeld()
      }
    } catch (error) {
      // The next entry of the room tries again.
      this.#deps.onError(error)
    } finally {
      this.#repairing = false
    }
  }

  /**
   * Gives the member all entries after `after`, then every new one: no gap, no repeat, in order. Resolves when it is on
   * the topic, or has gone.
   */
  async join(member: Member, after: number | undefined): Promise<boolean> {
    const joiner: Joiner = { cursor: Number.MAX_SAFE_INTEGER, target: 0, buffer: [] }
    this.#joiners.push(joiner)
    try {
      await this.#ready
      joiner.buffer = []
      joiner.cursor = this.#head
      joiner.target = this.#head
      if (after !== undefined && after <= this.#head && this.#head - after <= MAX_REPLAY) joiner.cursor = after
      else if (after !== undefined) member.replayTooLong()
      await member.drained()
      while (joiner.cursor < joiner.target && member.isOpen) await this.#replayPage(member, joiner)
      if (!member.isOpen) return false
      this.#admit(member, joiner)
      return true
    } finally {
      this.#joiners.splice(this.#joiners.indexOf(joiner), 1)
    }
  }

  /** Gives one page, no faster than the member drains it. */
  async #replayPage(member: Member, joiner: Joiner) {
    // Not past the target: storage is ahead of what was published, and that comes through the buffer or the topic.
    const { cursor, target } = joiner
    const page = await this.#deps.history.span(this.#deps.roomId, { after: cursor, before: target + 1, limit: PAGE })
    for (const message of page) {
      give(member, message)
      joiner.cursor = message.seq
      await member.drained()
    }
    if (page.length === 0) joiner.cursor = target
  }

  /** On the topic in the same tick in which the last buffered entry is sent: nothing falls between, nothing comes twice. */
  #admit(member: Member, joiner: Joiner) {
    for (const message of joiner.buffer) if (message.seq > joiner.cursor) give(member, message)
    member.subscribe(member.wire.topic(this.#deps.roomId))
    const { wire } = member
    const listener = this.#listeners.find((each) => each.wire === wire)
    if (listener) listener.count += 1
    else this.#listeners.push({ wire, count: 1 })
  }

  /** To be called once for each member that was admitted; Bun takes it off the topic when it closes. */
  leave({ wire }: Member): void {
    const at = this.#listeners.findIndex((each) => each.wire === wire)
    const listener = this.#listeners[at]
    if (!listener) return
    listener.count -= 1
    if (listener.count === 0) this.#listeners.splice(at, 1)
  }
}

/** A joiner that drains slowly must not hoard a busy room: past the bound it goes back to reading from storage. */
function buffer(joiner: Joiner, message: Message) {
  if (joiner.buffer.length < MAX_BUFFER) {
    joiner.buffer.push(message)
    return
  }
  joiner.buffer = []
  joiner.target = message.seq
}

function give(member: Member, message: Message) {
  const frame = member.wire.encode(message)
  if (frame !== undefined) member.send(frame)
}
