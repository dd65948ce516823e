import type { ChatEvent } from '../events.ts'
import type { Message } from '../messages/model.ts'
import type { MessageStore } from '../messages/store.ts'
import { type Member, Sequencer } from './sequencer.ts'

interface Deps {
  history: Pick<MessageStore, 'span' | 'lastSeq'>
  publish: (topic: string, frame: string) => void
  onError: (error: unknown) => void
}

/** The live rooms: those with a socket on this node. Where nobody listens, nothing is encoded. */
export class Hub {
  readonly #deps: Deps
  readonly #rooms = new Map<number, Sequencer>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  get liveRooms(): number {
    return this.#rooms.size
  }

  readonly publish = (event: ChatEvent): void => {
    if (event.type === 'message.created') this.#enter(event.message)
  }

  #enter(message: Message) {
    this.#rooms.get(message.roomId)?.enter(message)
  }

  /**
   * Puts the member on the room's topic, after it has been given everything after `after`. The answer takes it off
   * again; a member that went away meanwhile is off already.
   */
  async join(roomId: number, member: Member, after: number | undefined): Promise<() => void> {
    const room = this.#room(roomId)
    try {
      if (!(await room.join(member, after))) return () => {}
    } finally {
      this.#dropIdle(roomId, room)
    }
    return () => {
      room.leave(member)
      this.#dropIdle(roomId, room)
    }
  }

  #room(roomId: number): Sequencer {
    const existing = this.#rooms.get(roomId)
    if (existing) return existing
    const room = new Sequencer({ roomId, ...this.#deps })
    this.#rooms.set(roomId, room)
    return room
  }

  #dropIdle(roomId: number, room: Sequencer) {
    if (room.isIdle && this.#rooms.get(roomId) === room) this.#rooms.delete(roomId)
  }
}
