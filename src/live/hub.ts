import type { ChatEvent, RoomSignal } from '../events.ts'
import type { Message } from '../messages/model.ts'
import type { Member, Wire } from './member.ts'
import { Sequencer, type SequencerDeps } from './sequencer.ts'

interface Deps extends SequencerDeps {
  /** Another process has stored something in this room, of which this node was not told. */
  onMissed: (roomId: number) => void
  /** Nobody here wants to be told what others store in this room any more. */
  ignore: (roomId: number) => void
}

/** The live rooms: those with a socket on this node. Where nobody listens, nothing is encoded. */
export class Hub {
  readonly #deps: Deps
  readonly #rooms = new Map<number, Sequencer>()
  // Whom this round of checks has still to visit.
  #unchecked: MapIterator<[number, Sequencer]> | undefined

  constructor(deps: Deps) {
    this.#deps = deps
  }

  get liveRooms(): number {
    return this.#rooms.size
  }

  readonly publish = (event: ChatEvent): void => {
    switch (event.type) {
      case 'message.created':
        this.#enter(event.message)
        break
      case 'room.typing':
      case 'room.marked':
      case 'room.joined':
      case 'room.left':
        this.#signal(event)
        break
    }
  }

  #enter(message: Message) {
    this.#rooms.get(message.roomId)?.enter(message)
  }

  #signal(signal: RoomSignal) {
    this.#rooms.get(signal.roomId)?.signal(signal)
  }

  /** The rooms that somebody listens to. */
  roomIds(): Iterable<number> {
    return this.#rooms.keys()
  }

  /** Whoever listens in a room in this form. */
  members(roomId: number, wire: Wire): readonly Member[] {
    return this.#rooms.get(roomId)?.members(wire) ?? []
  }

  /** Admits the member to the room, after it has been given everything after `after`; not where it goes away meanwhile. */
  async join(roomId: number, member: Member, after: number | undefined): Promise<void> {
    const room = this.#room(roomId)
    try {
      await room.join(member, after)
    } finally {
      this.#dropIdle(roomId, room)
    }
  }

  /**
   * Before somebody is told of an entry that another node may have stored: what came before it is published first. Rejects
   * where that cannot be read: then nobody may be told.
   */
  async catchUp(roomId: number, seq: number): Promise<void> {
    await this.#rooms.get(roomId)?.catchUp(seq)
  }

  /** To be called once for each member that was admitted, unless it was lost. */
  leave(roomId: number, member: Member): void {
    const room = this.#rooms.get(roomId)
    if (!room) return
    room.leave(member)
    this.#dropIdle(roomId, room)
  }

  /** Compares so great a part of the live rooms with storage, in one read, and catches up on what this node was not told. */
  async check(part: number): Promise<void> {
    // All of them, and not only those that are left of this round.
    if (part >= 1) this.#unchecked = undefined
    const { history, patienceMs, onError } = this.#deps
    const rooms = this.#nextOf(Math.ceil(this.#rooms.size * part)).filter(({ published }) => published >= 0)
    if (rooms.length === 0) return
    try {
      const stored = await history.lastSeqs(rooms.map(({ roomId }) => roomId))
      const others = rooms.map((each) => ({ ...each, last: stored.get(each.roomId) ?? 0 })).filter(isBehind)
      // What was stored just now is on its way.
      if (others.length > 0) await Bun.sleep(patienceMs)
      for (const each of others.filter(isBehind)) await this.#compare(each)
    } catch (error) {
      onError(error)
    }
  }

  async #compare({ roomId, room, published, last }: Checked) {
    await room.compare(last, published).catch(this.#deps.onError)
    this.#dropIdle(roomId, room)
    this.#deps.onMissed(roomId)
  }

  /** So many of the rooms, each time others, until it was the turn of all of them. */
  #nextOf(count: number): Omit<Checked, 'last'>[] {
    this.#unchecked ??= this.#rooms.entries()
    const next = [...this.#unchecked.take(count)]
    if (next.length < count) this.#unchecked = undefined
    return next.map(([roomId, room]) => ({ roomId, room, published: room.head }))
  }

  #room(roomId: number): Sequencer {
    const existing = this.#rooms.get(roomId)
    if (existing) return existing
    const room = new Sequencer(roomId, this.#deps)
    this.#rooms.set(roomId, room)
    return room
  }

  #dropIdle(roomId: number, room: Sequencer) {
    if (!room.isIdle || this.#rooms.get(roomId) !== room) return
    this.#rooms.delete(roomId)
    this.#deps.ignore(roomId)
  }
}

/** A room, where it had got to here, and where storage had got to a moment later. */
interface Checked {
  roomId: number
  room: Sequencer
  published: number
  last: number
}

const isBehind = ({ room, published, last }: Checked) => last > room.head || last < published
