import type { ChatEvent, Publish } from '../events.ts'
import type { Relay } from '../relay/relay.ts'
import type { Rooms } from '../rooms/service.ts'
import { LEAVE_AFTER_MS, type Presence } from './service.ts'

/** An app's socket on a room. */
export interface Attendee {
  readonly userId: string
  /** The id of its connection. */
  readonly client: string
}

interface Deps {
  presence: Presence
  /** Where each node says who is on its rooms. */
  relay: Pick<Relay, 'post' | 'read' | 'state'>
  /** Who is on the room at this moment, on this node. */
  attendees: (roomId: number) => readonly Attendee[]
  /** Every room on this node that somebody is on. */
  roomIds: () => Iterable<number>
  rooms: Pick<Rooms, 'knownSides'>
  publish: Publish
  onError: (error: unknown) => void
  /** Milliseconds of a clock that never jumps. */
  uptime: () => number
}

/** How a node says of a room who is on it, or was a moment ago. */
type Posted = [client: string, userId: string, isLeaving: boolean][]

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
    this.#post(roomId)
    if (wasHere || this.#deps.presence.isHidden(userId)) return
    this.#unlessElsewhere(roomId, userId, () => this.#tell('room.joined', roomId, { userId, client }))
  }

  /** To be called when the attendee is none of them any more. */
  exited(roomId: number, { userId, client }: Attendee): void {
    const { presence, uptime } = this.#deps
    if (!presence.isHidden(userId) && this.#socketsOf(userId, roomId) === 0) {
      const key = keyOf(roomId, userId)
      this.#leaving.delete(key)
      this.#leaving.set(key, { roomId, userId, client, goneAt: uptime() + LEAVE_AFTER_MS })
    }
    this.#post(roomId)
  }

  #socketsOf(userId: string, roomId: number): number {
    return this.#deps.attendees(roomId).filter((each) => each.userId === userId).length
  }

  #post(roomId: number) {
    const { relay, rooms, attendees } = this.#deps
    if (relay.state === 'alone') return
    const { ownerId = '', customerId = '' } = rooms.knownSides(roomId) ?? {}
    const leaving = [ownerId, customerId].flatMap((userId) => this.#leaving.get(keyOf(roomId, userId)) ?? [])
    const posted: Posted = [
      ...attendees(roomId).map(({ client, userId }): Posted[number] => [client, userId, false]),
      ...leaving.map(({ client, userId }): Posted[number] => [client, userId, true]),
    ]
    relay.post('rooms', String(roomId), posted.length > 0 ? JSON.stringify(posted) : undefined)
  }

  async #elsewhere(roomId: number): Promise<Posted> {
    const [texts = []] = await this.#deps.relay.read('rooms', [String(roomId)])
    return texts.flatMap((text): Posted => JSON.parse(text))
  }

  /** A person may be on a room through several nodes; none of them tells of a coming or going that is none. */
  #unlessElsewhere(roomId: number, userId: string, tell: () => void) {
    this.#unless(roomId, ([, who]) => who === userId, tell)
  }

  /** Of what all of them are told at once, the one tells that has the first of the person's sockets. */
  #ifFirst(roomId: number, { userId, client }: Attendee, tell: () => void) {
    this.#unless(roomId, ([other, who, isLeaving]) => who === userId && !isLeaving && other < client, tell)
  }

  #unless(roomId: number, isMatch: (posted: Posted[number]) => boolean, tell: () => void) {
    const { relay, onError } = this.#deps
    if (relay.state === 'alone') return tell()
    this.#elsewhere(roomId).then((there) => {
      if (!there.some(isMatch)) tell()
    }, onError)
  }

  #tell(type: 'room.joined' | 'room.left', roomId: number, { userId, client }: Attendee) {
    this.#deps.publish({ type, roomId, userId, client })
  }

  /** Whoever hides leaves every room in that moment, for the others, and joins them again when they show. */
  readonly publish = (event: ChatEvent): void => {
    if (event.type !== 'user.hid') return
    const { userId, isHidden } = event
    const { attendees, roomIds } = this.#deps
    for (const roomId of roomIds()) {
      const own = attendees(roomId).filter((each) => each.userId === userId)
      const [attendee] = own.sort((a, b) => (a.client < b.client ? -1 : 1))
      if (!attendee) continue
      this.#ifFirst(roomId, attendee, () => this.#tell(isHidden ? 'room.left' : 'room.joined', roomId, attendee))
    }
    for (const [key, leaving] of this.#leaving) {
      if (leaving.userId !== userId || !isHidden) continue
      this.#leaving.delete(key)
      this.#post(leaving.roomId)
      this.#tell('room.left', leaving.roomId, leaving)
    }
  }

  /** Whom the asker may see on the room: themselves, and whoever does not hide it. */
  async of(roomId: number, askerId: string): Promise<Attendee[]> {
    const elsewhere = (await this.#elsewhere(roomId)).filter(([, , isLeaving]) => !isLeaving)
    const all = [
      ...this.#deps.attendees(roomId).map(({ client, userId }) => ({ client, userId })),
      ...elsewhere.map(([client, userId]) => ({ client, userId })),
    ]
    const others = new Set(all.map(({ userId }) => userId).filter((userId) => userId !== askerId))
    const hidden = await this.#hiddenAmong([...others])
    return all.filter(({ userId }) => !hidden.has(userId))
  }

  async #hiddenAmong(userIds: string[]): Promise<Set<string>> {
    const hides = await Promise.all(userIds.map((userId) => this.#isHidden(userId)))
    return new Set(userIds.filter((_, at) => hides[at]))
  }

  /** Where there are other nodes, as stored: this one may not have heard of it. */
  async #isHidden(userId: string): Promise<boolean> {
    const { presence, relay, onError } = this.#deps
    if (presence.isHidden(userId)) return true
    if (relay.state === 'alone') return false
    try {
      return (await presence.setting(userId)).hidden
    } catch (error) {
      onError(error)
      return true
    }
  }

  /** To be called every second or so. */
  tick(): void {
    const now = this.#deps.uptime()
    for (const [key, { roomId, goneAt, ...attendee }] of this.#leaving) {
      if (goneAt > now) break
      this.#leaving.delete(key)
      this.#post(roomId)
      this.#unlessElsewhere(roomId, attendee.userId, () => this.#tell('room.left', roomId, attendee))
    }
  }
}

/** Of somebody in a room. */
export const keyOf = (roomId: number, userId: string) => `${roomId} ${userId}`
