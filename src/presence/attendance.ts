import type { ChatEvent, Publish } from '../events.ts'
import { LEAVE_AFTER_MS, type Presence } from './service.ts'

/** An app's socket on a room. */
export interface Attendee {
  readonly userId: string
  /** The id of its connection. */
  readonly client: string
}

interface Deps {
  presence: Presence
  /** Who is on the room at this moment, on this node. */
  attendees: (roomId: number) => readonly Attendee[]
  /** Every room on this node that somebody is on. */
  rooms: () => Iterable<number>
  publish: Publish
  /** Milliseconds of a clock that never jumps. */
  uptime: () => number
}

interface Leaving extends Attendee {
  roomId: number
  goneAt: number
}

/** Who looks at which room. A blip stays silent: a leave is told when the person has not come back for a while. */
export class Attendance {
  readonly #deps: Deps
  /** By room and person, soonest first. */
  readonly #leaving = new Map<string, Leaving>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** To be called when the attendee is one of those on the room. */
  entered(roomId: number, { userId, client }: Attendee): void {
    const wasHere = this.#leaving.delete(keyOf(roomId, userId)) || this.#socketsOf(userId, roomId) > 1
    if (wasHere || this.#deps.presence.isHidden(userId)) return
    this.#tell('room.joined', roomId, { userId, client })
  }

  /** To be called when the attendee is none of them any more. */
  exited(roomId: number, { userId, client }: Attendee): void {
    const { presence, uptime } = this.#deps
    if (presence.isHidden(userId) || this.#socketsOf(userId, roomId) > 0) return
    const key = keyOf(roomId, userId)
    this.#leaving.delete(key)
    this.#leaving.set(key, { roomId, userId, client, goneAt: uptime() + LEAVE_AFTER_MS })
  }

  #socketsOf(userId: string, roomId: number): number {
    return this.#deps.attendees(roomId).filter((each) => each.userId === userId).length
  }

  #tell(type: 'room.joined' | 'room.left', roomId: number, { userId, client }: Attendee) {
    this.#deps.publish({ type, roomId, userId, client })
  }

  /** Whoever hides leaves every room in that moment, for the others, and joins them again when they show. */
  readonly publish = (event: ChatEvent): void => {
    if (event.type !== 'user.hid') return
    const { userId, isHidden } = event
    const { attendees, rooms } = this.#deps
    for (const roomId of rooms()) {
      const attendee = attendees(roomId).find((each) => each.userId === userId)
      if (attendee) this.#tell(isHidden ? 'room.left' : 'room.joined', roomId, attendee)
    }
    for (const [key, leaving] of this.#leaving) {
      if (leaving.userId !== userId || !isHidden) continue
      this.#leaving.delete(key)
      this.#tell('room.left', leaving.roomId, leaving)
    }
  }

  /** Whom the asker may see on the room: themselves, and whoever does not hide it. */
  of(roomId: number, askerId: string): Attendee[] {
    const { attendees, presence } = this.#deps
    return attendees(roomId).filter(({ userId }) => userId === askerId || !presence.isHidden(userId))
  }

  /** To be called every second or so. */
  tick(): void {
    const now = this.#deps.uptime()
    for (const [key, { roomId, goneAt, ...attendee }] of this.#leaving) {
      if (goneAt > now) break
      this.#leaving.delete(key)
      this.#tell('room.left', roomId, attendee)
    }
  }
}

/** Of somebody in a room. */
export const keyOf = (roomId: number, userId: string) => `${roomId} ${userId}`
