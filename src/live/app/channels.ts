import { ChatError } from '../../lib/errors.ts'
import type { Attendee } from '../../presence/attendance.ts'
import type { AppConnection } from './connection.ts'
import { encodeReply, fitting, type RequestOf, roomOf } from './protocol.ts'
import { encodePublication } from './protocol-pushes.ts'
import { type Place, type Subscriber, Subscription } from './subscription.ts'

/** More rooms than an app shows at once; and the commands for all of them fit into one frame after a reconnect. */
const MAX_CHANNELS = 256
const MAX_HISTORY = 100
/** Of the flags that the protocol has. */
const REJECT_UNRECOVERED = 2

/** The rooms that one connection listens to. Each method answers the JSON of a reply. */
export class Channels implements Subscriber {
  readonly #session: AppConnection
  #subscriptions: Subscription[] = []

  constructor(session: AppConnection) {
    this.#session = session
  }

  get line() {
    return this.#session.line
  }

  get client(): string {
    return this.#session.client
  }

  get userId(): string {
    return this.#session.me.user.id
  }

  #find(roomId: number): Subscription | undefined {
    return this.#subscriptions.find((each) => each.roomId === roomId)
  }

  /** The reply is sent by the subscription, in the moment in which it begins to listen. */
  async subscribe(id: number, request: RequestOf<'subscribe'>): Promise<undefined> {
    const { deps, line, me } = this.#session
    const roomId = this.#roomIn(request.channel)
    const isOwn = request.channel === `user:${me.user.id}`
    if (isOwn || this.#find(roomId)) throw new ChatError('conflict', { reason: 'already_subscribed' })
    if (this.#subscriptions.length >= MAX_CHANNELS) throw new ChatError('invalid', { reason: 'too_many_channels' })
    await deps.rooms.requireMember(me.user.id, roomId)
    const isSameEpoch = request.epoch === undefined || request.epoch === '' || request.epoch === deps.epoch
    const after = request.recover && isSameEpoch ? (request.offset ?? 0) : undefined
    const subscription = new Subscription(this, roomId, {
      after,
      wantsAttendance: request.join_leave ?? false,
      onAdmitted: (place, listen) => {
        if (request.recover) deps.onReplay(place.publications ? 'complete' : 'too_long')
        if (isRejected(request, place)) return this.#reject(id, subscription)
        this.#subscriptions.push(subscription)
        this.#session.charge(place.publications?.length ?? 0)
        line.send(encodeReply(id, 'subscribe', this.#place(place, request.recover ?? false)))
        listen()
        deps.attendance.entered(roomId, subscription)
      },
    })
    await deps.hub.join(roomId, subscription, after)
  }

  #reject(id: number, subscription: Subscription) {
    this.#session.deps.hub.leave(subscription.roomId, subscription)
    this.#session.refuse(id, new ChatError('conflict', { reason: 'unrecoverable_position' }))
  }

  #place({ offset, publications }: Place, wasRecovering: boolean): string {
    const place = {
      recoverable: true,
      positioned: true,
      epoch: this.#session.deps.epoch,
      offset,
      ...(wasRecovering ? { was_recovering: true, recovered: publications !== undefined } : {}),
    }
    const recovered = publications && publications.length > 0 ? `,"publications":[${publications.join(',')}]` : ''
    return `${JSON.stringify(place).slice(0, -1)}${recovered}}`
  }

  async unsubscribe({ channel }: RequestOf<'unsubscribe'>): Promise<string> {
    const subscription = this.#find(this.#roomIn(channel))
    if (subscription) {
      this.line.unsubscribe(subscription.wire.topic(subscription.roomId))
      this.#leave(subscription)
    }
    return '{}'
  }

  #leave(subscription: Subscription) {
    this.#session.deps.hub.leave(subscription.roomId, subscription)
    this.forget(subscription)
  }

  forget(subscription: Subscription): void {
    this.#subscriptions = this.#subscriptions.filter((each) => each !== subscription)
    this.#session.deps.attendance.exited(subscription.roomId, subscription)
  }

  /** The connection has gone. */
  clear(): void {
    for (const subscription of this.#subscriptions) this.#leave(subscription)
  }

  async publish({ channel, data }: RequestOf<'publish'>): Promise<string> {
    const { deps, me } = this.#session
    await deps.messages.send(me, this.#roomIn(channel), data)
    this.#session.forgive()
    return '{}'
  }

  /** NaN, which no room has, for a channel that is no room's. */
  #roomIn(channel: string): number {
    return roomOf(channel) ?? Number.NaN
  }

  async history({ channel, limit = 0, since, reverse = false }: RequestOf<'history'>): Promise<string> {
    const { deps, me } = this.#session
    const { epoch } = deps
    if (since?.epoch && since.epoch !== epoch) throw new ChatError('conflict', { reason: 'unrecoverable_position' })
    const roomId = this.#roomIn(channel)
    const most = limit < 0 ? MAX_HISTORY : Math.min(limit, MAX_HISTORY)
    const from = since?.offset
    const span = reverse ? { before: from } : { after: from ?? 0 }
    const lastSeq = await deps.messages.lastSeq(me, roomId)
    const { items } = most === 0 ? { items: [] } : await deps.messages.page(me, roomId, { ...span, limit: most })
    this.#session.charge(items.length)
    const publications = fitting((reverse ? items.reverse() : items).map(encodePublication))
    return `{"publications":[${publications.join(',')}],"epoch":${JSON.stringify(epoch)},"offset":${lastSeq}}`
  }

  async presence({ channel }: RequestOf<'presence'>): Promise<string> {
    const attendees = await this.#attendees(channel)
    const presence = attendees.map(({ client, userId: user }) => [client, { client, user }])
    return JSON.stringify({ presence: Object.fromEntries(presence) })
  }

  async presenceStats({ channel }: RequestOf<'presence_stats'>): Promise<string> {
    const attendees = await this.#attendees(channel)
    const people = new Set(attendees.map(({ userId }) => userId))
    return JSON.stringify({ num_clients: attendees.length, num_users: people.size })
  }

  async #attendees(channel: string): Promise<Attendee[]> {
    const { deps, me } = this.#session
    const roomId = this.#roomIn(channel)
    await deps.rooms.requireMember(me.user.id, roomId)
    return deps.attendance.of(roomId, me.user.id)
  }
}

/** A client that has a way of its own to begin anew wants an error, and not a place to go on from. */
const isRejected = ({ recover, flag = 0 }: RequestOf<'subscribe'>, { publications }: Place): boolean =>
  recover === true && publications === undefined && (flag & REJECT_UNRECOVERED) !== 0
