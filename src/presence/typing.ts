import type { ChatEvent, Publish } from '../events.ts'
import type { Rooms } from '../rooms/service.ts'
import { keyOf } from './attendance.ts'

interface Deps {
  rooms: Rooms
  publish: Publish
  /** Milliseconds of a clock that never jumps. */
  uptime: () => number
}

/** Others show it for ten seconds: whoever goes on typing is told of again before that. */
const TOLD_EVERY_MS = 3000

/** Who is writing. It is told at most every three seconds, and has an end by itself. */
export class Typing {
  readonly #deps: Deps
  /** By room and person, when it was last told: longest ago first. */
  readonly #told = new Map<string, number>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** @throws ChatError `not_found` */
  async note(userId: string, roomId: number): Promise<void> {
    const { rooms, publish, uptime } = this.#deps
    await rooms.requireMember(userId, roomId)
    const [key, now] = [keyOf(roomId, userId), uptime()]
    if (now - (this.#told.get(key) ?? Number.NEGATIVE_INFINITY) < TOLD_EVERY_MS) return
    this.#forget(now)
    this.#told.delete(key)
    this.#told.set(key, now)
    publish({ type: 'room.typing', roomId, userId })
  }

  #forget(now: number) {
    for (const [key, at] of this.#told) {
      if (now - at < TOLD_EVERY_MS) return
      this.#told.delete(key)
    }
  }

  /** Gone with the message: the next key that is struck is told at once. */
  readonly publish = (event: ChatEvent): void => {
    if (event.type !== 'message.created' || this.#told.size === 0) return
    const { roomId, sender } = event.message
    if (sender) this.#told.delete(keyOf(roomId, sender.id))
  }
}
