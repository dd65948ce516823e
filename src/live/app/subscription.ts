import type { RoomSignal } from '../../events.ts'
import type { Message } from '../../messages/model.ts'
import type { Attendee } from '../../presence/attendance.ts'
import { type Line, UNREAD_WINDOW_BYTES } from '../line/line.ts'
import type { Member, Wire } from '../member.ts'
import { appTopic } from '../topics.ts'
import { MAX_ANSWER_BYTES } from './protocol.ts'
import { encodeEntry, encodeLost, encodePublication, encodeSignal } from './protocol-pushes.ts'

/** Who has more than this unread gets no signals. */
const SIGNAL_WINDOW_BYTES = 64 << 10

export const APP: Wire = { topic: appTopic, encode: encodeEntry, encodeSignal }

/** Whose subscription it is. */
export interface Subscriber extends Attendee {
  readonly line: Line
  /** This subscription is no more. */
  forget(subscription: Subscription): void
}

/** What the reply to `subscribe` says of the place where the client now is. */
export interface Place {
  offset: number
  /** JSON of each, where it was recovered. */
  publications: string[] | undefined
}

export interface Wish {
  /** The last seq that the client has; `undefined` for one that does not recover. */
  after: number | undefined
  wantsAttendance: boolean
  /** To answer, and then to `listen`, in the tick in which it is called. */
  onAdmitted: (place: Place, listen: () => void) => void
}

/** One room on an app's socket. */
export class Subscription implements Member, Attendee {
  readonly wire = APP
  readonly roomId: number
  readonly #subscriber: Subscriber
  readonly #wantsAttendance: boolean
  // Only while it joins.
  #joining: { wish: Wish; recovered: string[] | undefined; bytes: number } | undefined

  constructor(subscriber: Subscriber, roomId: number, wish: Wish) {
    this.#subscriber = subscriber
    this.roomId = roomId
    this.#wantsAttendance = wish.wantsAttendance
    this.#joining = { wish, recovered: wish.after === undefined ? undefined : [], bytes: 0 }
  }

  get userId(): string {
    return this.#subscriber.userId
  }

  get client(): string {
    return this.#subscriber.client
  }

  get isOpen(): boolean {
    return this.#subscriber.line.isOpen
  }

  drained(): Promise<void> {
    return this.#subscriber.line.unsentUpTo(UNREAD_WINDOW_BYTES)
  }

  give(message: Message): boolean {
    const joining = this.#joining
    if (!joining?.recovered) return false
    const publication = encodePublication(message)
    joining.recovered.push(publication)
    joining.bytes += Buffer.byteLength(publication)
    if (joining.bytes > MAX_ANSWER_BYTES) joining.recovered = undefined
    return joining.recovered !== undefined
  }

  replayTooLong(): void {
    if (this.#joining) this.#joining.recovered = undefined
  }

  /** The reply first, then the topic, in one tick: what is new comes after what was recovered. */
  admit(topic: string, head: number): void {
    const joining = this.#joining
    if (!joining) return
    this.#joining = undefined
    const { wish, recovered } = joining
    // Where it was recovered the place is the client's own: each publication moves it on.
    const place = { offset: recovered ? (wish.after ?? head) : head, publications: recovered }
    wish.onAdmitted(place, () => this.#subscriber.line.subscribe(topic))
  }

  signal(frame: string, { type, userId }: RoomSignal): void {
    const { line } = this.#subscriber
    const isAttendance = type === 'room.joined' || type === 'room.left'
    if (isAttendance && !this.#wantsAttendance) return
    // Nobody is told of their own doing; but what was read on one device is read on the others.
    if (userId === this.userId && type !== 'room.marked') return
    if (line.unsentBytes <= SIGNAL_WINDOW_BYTES) line.send(frame)
  }

  lost(): void {
    const { line } = this.#subscriber
    line.unsubscribe(this.wire.topic(this.roomId))
    line.send(encodeLost(this.roomId))
    this.#subscriber.forget(this)
  }
}
