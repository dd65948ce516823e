import type { ChatEvent, Publish } from '../events.ts'
import { BoundedMap } from '../lib/bounded-map.ts'
import type { Relay } from '../relay/relay.ts'
import type { Rooms } from '../rooms/service.ts'
import type { Sides } from '../rooms/store.ts'

interface Deps {
  relay: Relay
  rooms: Pick<Rooms, 'knownSides' | 'sides'>
  /** Tells this node alone. */
  tell: Publish
  onError: (error: unknown) => void
  /** Milliseconds of a clock that never jumps. */
  uptime: () => number
}

/** What concerns everybody, on every node. */
export const EVERYBODY = 'everybody'
export const roomChannel = (roomId: number): string => `room:${roomId}`
export const personChannel = (userId: string): string => `user:${userId}`

/** An inbox is told a moment later anyway: what happens in a room until then is one hint to each of its people. */
const GATHERED_MS = 100
/** For people whom no node listens for it may be so much longer: whoever comes meanwhile reads how it is then. */
const QUIET_MS = 1000
/** People whose hints wait for a relay that is away. */
const MAX_WAITING = 10_000

/** Tells other nodes of what happened here, and this one of what happened there. What gets lost is found in the database. */
export class Hints {
  readonly #deps: Deps
  /** The rooms of each person that have changed. */
  readonly #changed = new Map<string, Set<number>>()
  #timer: ReturnType<typeof setTimeout> | undefined
  /** For whom no node listened, and until when it is not asked again. */
  readonly #quiet = new BoundedMap<string, number>(MAX_WAITING)

  constructor(deps: Deps) {
    this.#deps = deps
  }

  readonly publish = (event: ChatEvent): void => {
    const { relay } = this.#deps
    if (relay.state === 'alone') return
    switch (event.type) {
      case 'message.created':
        relay.publish(roomChannel(event.message.roomId), JSON.stringify(event))
        this.#note(event.message.roomId)
        break
      case 'room.marked':
        relay.publish(roomChannel(event.roomId), JSON.stringify(event))
        this.#note(event.roomId)
        break
      case 'room.typing':
      case 'room.joined':
      case 'room.left':
        relay.publish(roomChannel(event.roomId), JSON.stringify(event))
        break
      case 'room.opened':
        this.#note(event.roomId)
        break
      case 'user.renamed': {
        const { id, username } = event.user
        relay.publish(EVERYBODY, JSON.stringify({ type: event.type, user: { id, username } }))
        break
      }
      case 'user.hid':
        relay.publish(EVERYBODY, JSON.stringify(event))
        break
    }
  }

  #note(roomId: number) {
    const { rooms, onError } = this.#deps
    const known = rooms.knownSides(roomId)
    if (known) this.#gather(roomId, known)
    else rooms.sides(roomId).then((sides) => sides && this.#gather(roomId, sides), onError)
  }

  #gather(roomId: number, { ownerId, customerId }: Sides) {
    for (const userId of [ownerId, customerId]) {
      const changed = this.#changed.get(userId)
      if (changed) changed.add(roomId)
      else if (this.#changed.size < MAX_WAITING) this.#changed.set(userId, new Set([roomId]))
    }
    this.#timer ??= setTimeout(() => this.flush(), GATHERED_MS)
  }

  /** Tells people what was gathered for them; what cannot be told waits for the relay. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const { relay, uptime } = this.#deps
    if (relay.state !== 'up') return
    const now = uptime()
    for (const [userId, rooms] of this.#changed) {
      if ((this.#quiet.get(userId) ?? 0) > now) continue
      this.#changed.delete(userId)
      void this.#tellPerson(userId, rooms)
    }
    if (this.#changed.size > 0) this.#timer = setTimeout(() => this.flush(), GATHERED_MS)
  }

  async #tellPerson(userId: string, rooms: Set<number>) {
    const { relay, uptime } = this.#deps
    const isHeard = await relay.ask(personChannel(userId), JSON.stringify({ rooms: [...rooms] }))
    if (!isHeard) this.#quiet.set(userId, uptime() + QUIET_MS)
  }

  /** Another node's word. A newer release may have some that this one does not know, and nobody listens to them. */
  hear(channel: string, word: ChatEvent | { rooms: number[] }): void {
    const { tell } = this.#deps
    if ('type' in word) tell(word)
    else if (channel.startsWith('user:')) for (const roomId of word.rooms) tell({ type: 'room.missed', roomId })
  }
}
