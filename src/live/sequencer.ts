import type { RoomSignal } from '../events.ts'
import type { Message } from '../messages/model.ts'
import type { MessageStore } from '../messages/store.ts'
import type { Member, Wire } from './member.ts'

export interface SequencerDeps {
  history: Pick<MessageStore, 'span' | 'lastSeq' | 'lastSeqs'>
  publish: (topic: string, frame: string) => void
  /** From now on this node is told what others store in the room. Resolves when it is sure to be, if that takes a while. */
  listen: (roomId: number) => Promise<void> | undefined
  /** What is missing is looked up after so long: the word of another node may be on its way. Milliseconds. */
  patienceMs: number
  /** So many entries had to be read, of which this node was not told. */
  onRepaired: (entries: number) => void
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

interface Audience {
  wire: Wire
  members: Member[]
}

const PAGE = 100
const MAX_REPLAY = 1000
/** As much as may be sent in one go on top of what `drained` leaves unsent: the longest texts are 12 KB each. */
const MAX_BUFFER = 32

/** One order for one live room: the next entry is published, a later one is held, a gap is read from storage. */
export class Sequencer {
  readonly #deps: SequencerDeps
  readonly #roomId: number
  // Until the head is known.
  #opening: Promise<void> | undefined
  /** The last seq that was published; everything up to it is in storage. */
  #head = -1
  // Nearly always empty, and there is one sequencer for each live room: made when first needed.
  #held: Map<number, Message> | undefined
  #joiners: Joiner[] | undefined
  readonly #audiences: Audience[] = []
  #missing: Timer | undefined
  #repairing: Promise<void> | undefined
  /** Up to here storage has entries, as far as is known. */
  #wanted = 0

  constructor(roomId: number, deps: SequencerDeps) {
    this.#roomId = roomId
    this.#deps = deps
    this.#opening = this.#open()
  }

  get isIdle(): boolean {
    return this.#audiences.length === 0 && this.#joiners === undefined
  }

  async #open() {
    await this.#deps.listen(this.#roomId)
    const head = await this.#deps.history.lastSeq(this.#roomId)
    for (const seq of this.#held?.keys() ?? []) if (seq <= head) this.#held?.delete(seq)
    this.#head = head
    this.#opening = undefined
    this.#releaseHeld()
    this.#lookForMissing()
  }

  /** A committed entry, in whatever order it comes. */
  enter(message: Message): void {
    if (message.seq === this.#head + 1) {
      this.#advance(message)
      this.#releaseHeld()
    } else if (message.seq > this.#head) {
      this.#held ??= new Map()
      this.#held.set(message.seq, message)
      this.#missing ??= setTimeout(() => this.#lookForMissing(), this.#deps.patienceMs)
    }
  }

  #lookForMissing() {
    this.#missing = undefined
    if (this.#held && this.#head >= 0) this.#repair(Math.max(...this.#held.keys())).catch(this.#deps.onError)
  }

  #advance(message: Message) {
    this.#head = message.seq
    for (const joiner of this.#joiners ?? []) buffer(joiner, message)
    // Of a copy, here and below: to be told may be the end of a member, who then leaves.
    for (const { wire } of [...this.#audiences]) {
      const frame = wire.encode(message)
      if (frame !== undefined) this.#deps.publish(wire.topic(this.#roomId), frame)
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

  /** What is committed up to a seq can be read. Rejects where storage cannot be read now. */
  #repair(upTo: number): Promise<void> {
    this.#wanted = Math.max(this.#wanted, upTo)
    if (this.#wanted <= this.#head) return Promise.resolve()
    // The next entry of the room, and the next check, try again what failed.
    this.#repairing ??= this.#readGap().catch((error) => {
      this.#repairing = undefined
      throw error
    })
    return this.#repairing
  }

  async #readGap() {
    while (this.#wanted > this.#head) {
      const from = this.#head
      const missing = await this.#deps.history.span(this.#roomId, { after: from, limit: PAGE })
      for (const message of missing) this.#catchUp(message)
      this.#releaseHeld()
      if (this.#head === from) this.#wanted = from
    }
    this.#repairing = undefined
  }

  #catchUp(message: Message) {
    const wasTold = this.#held?.delete(message.seq) ?? false
    if (message.seq !== this.#head + 1) return
    if (!wasTold) this.#deps.onRepaired(1)
    this.#advance(message)
  }

  /** The last seq that was published; -1 until that is known. */
  get head(): number {
    return this.#head
  }

  /**
   * Catches up on what storage has and was not published here; where that is far too much, the clients do it themselves.
   * `stored` is what storage had in last, and `published` what the head was before it was asked.
   */
  async compare(stored: number, published: number): Promise<void> {
    // Storage that has less than was published is another one: a copy from before was put in its place.
    if (stored < published || stored - this.#head > MAX_REPLAY) this.#lose(stored)
    else if (stored > this.#head) await this.#repair(stored)
  }

  #lose(head: number) {
    this.#head = head
    this.#held = undefined
    for (const joiner of this.#joiners ?? []) skipTo(joiner, head)
    for (const { members } of this.#audiences.splice(0)) for (const member of members) member.lost()
  }

  /**
   * Gives the member all entries after `after`, then every new one: no gap, no repeat, in order. Resolves when it is on
   * the topic, or has gone.
   */
  async join(member: Member, after: number | undefined): Promise<void> {
    const joiner: Joiner = { cursor: Number.MAX_SAFE_INTEGER, target: 0, buffer: [] }
    this.#joiners ??= []
    this.#joiners.push(joiner)
    try {
      // Told by another node, which was told of it before this one was.
      await this.catchUp(after ?? 0)
      joiner.buffer = []
      joiner.cursor = this.#head
      joiner.target = this.#head
      if (after !== undefined && after <= this.#head && this.#head - after <= MAX_REPLAY) joiner.cursor = after
      else if (after !== undefined) member.replayTooLong()
      await member.drained()
      while (joiner.cursor < joiner.target && member.isOpen) await this.#replayPage(member, joiner)
      if (member.isOpen) this.#admit(member, joiner)
    } finally {
      this.#joiners.splice(this.#joiners.indexOf(joiner), 1)
      if (this.#joiners.length === 0) this.#joiners = undefined
    }
  }

  /** Storage may be ahead of what was published here; up to this seq, if it is. Rejects where it cannot be read now. */
  async catchUp(seq: number): Promise<void> {
    if (this.#opening) await this.#opening
    if (seq > this.#head && (await this.#deps.history.lastSeq(this.#roomId)) >= seq) await this.#repair(seq)
  }

  /** Gives one page, no faster than the member drains it. */
  async #replayPage(member: Member, joiner: Joiner) {
    // Not past the target: storage is ahead of what was published, and that comes through the buffer or the topic.
    const { cursor, target } = joiner
    const page = await this.#deps.history.span(this.#roomId, { after: cursor, before: target + 1, limit: PAGE })
    for (const message of page) {
      joiner.cursor = message.seq
      if (!member.give(message)) joiner.cursor = target
      await member.drained()
      if (joiner.cursor >= target) return
    }
    if (page.length === 0) joiner.cursor = target
  }

  /** On the topic in the same tick in which the last buffered entry is sent: nothing falls between, nothing comes twice. */
  #admit(member: Member, joiner: Joiner) {
    for (const message of joiner.buffer) if (message.seq > joiner.cursor) member.give(message)
    const { wire } = member
    const audience = this.#audiences.find((each) => each.wire === wire)
    if (audience) audience.members.push(member)
    else this.#audiences.push({ wire, members: [member] })
    member.admit(wire.topic(this.#roomId), this.#head)
  }

  /** To be called once for each member that was admitted; Bun takes it off the topic when it closes. */
  leave(member: Member): void {
    const at = this.#audiences.findIndex(({ wire }) => wire === member.wire)
    const members = this.#audiences[at]?.members ?? []
    const place = members.indexOf(member)
    if (place < 0) return
    members.splice(place, 1)
    if (members.length === 0) this.#audiences.splice(at, 1)
  }

  /** Everyone who listens in this form. */
  members(wire: Wire): readonly Member[] {
    return this.#audiences.find((each) => each.wire === wire)?.members ?? []
  }

  /** To each member by itself, so that those who are slow can be left out. */
  signal(signal: RoomSignal): void {
    for (const { wire, members } of [...this.#audiences]) {
      const frame = wire.encodeSignal(signal)
      if (frame !== undefined) for (const member of [...members]) member.signal(frame, signal)
    }
  }
}

/** A joiner that drains slowly must not hoard a busy room: past the bound it goes back to reading from storage. */
function buffer(joiner: Joiner, message: Message) {
  if (joiner.buffer.length < MAX_BUFFER) joiner.buffer.push(message)
  else skipTo(joiner, message.seq)
}

function skipTo(joiner: Joiner, target: number) {
  joiner.buffer = []
  joiner.target = target
}
