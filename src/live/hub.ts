import type { ChatEvent, RoomSignal } from '../events.ts'
import type { Message } from '../messages/model.ts'
import { type Member, Sequencer, type SequencerDeps, type Wire } from './sequencer.ts'

/** The live rooms: those with a socket on this node. Where nobody listens, nothing is encoded. */
export class Hub {
  readonly #deps: SequencerDeps
  readonly #rooms = new Map<number, Sequencer>()
  // Whom this round of checks has still to visit.
  #unchecked: Iterator<Sequencer> | undefined

  constructor(deps: SequencerDeps) {
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

  /** To be called once for each member that was admitted, unless it was lost. */
  leave(roomId: number, member: Member): void {
    const room = this.#rooms.get(roomId)
    if (!room) return
    room.leave(member)
    this.#dropIdle(roomId, room)
  }

  /** Compares so great a part of the live rooms with storage, and catches up on what this node was not told. */
  check(part: number): void {
    for (let left = Math.ceil(this.#rooms.size * part); left > 0; left--) {
      this.#unchecked ??= this.#rooms.values()
      const { value, done } = this.#unchecked.next()
      if (done) this.#unchecked = undefined
      else value.check().catch(this.#deps.onError)
    }
  }

  #room(roomId: number): Sequencer {
    const existing = this.#rooms.get(roomId)
    if (existing) return existing
    const room = new Sequencer(roomId, this.#deps)
    this.#rooms.set(roomId, room)
    return room
  }

  #dropIdle(roomId: number, room: Sequencer) {
    if (room.isIdle && this.#rooms.get(roomId) === room) this.#rooms.delete(roomId)
  }
}
