import type { ChatEvent } from '../events.ts'
import type { RoomSummary } from './model.ts'
import type { Rooms } from './service.ts'
import type { RoomStore, Sides } from './store.ts'

interface Deps {
  rooms: Rooms
  store: Pick<RoomStore, 'summaries' | 'unreadOf'>
  /** Tells a person, on every device, how a room of theirs is now, and what is unread in all of them. */
  tell: (userId: string, room: RoomSummary, totalUnread: number) => void
  onError: (error: unknown) => void
}

/** Somebody who is told. */
interface Reader {
  devices: number
  /** What is unread in each room where anything is: read when the first room changes, and kept up from then on. */
  unread: Map<number, number> | undefined
  total: number
}

/** A change is told so long after it, with all that came to the room in between. */
const TOLD_AFTER_MS = 250
/** Others have their turn after so long. */
const SLICE_MS = 10

/** The inboxes of whoever looks at one: what changes in them is told to each device, once for all that happened meanwhile. */
export class Inboxes {
  readonly #deps: Deps
  readonly #readers = new Map<string, Reader>()
  #changed = new Set<number>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** A device of this person is to be told. To be followed by one `unwatch`. */
  watch(userId: string): void {
    const reader = this.#readers.get(userId)
    if (reader) reader.devices += 1
    else this.#readers.set(userId, { devices: 1, unread: undefined, total: 0 })
  }

  unwatch(userId: string): void {
    const reader = this.#readers.get(userId)
    if (!reader) return
    reader.devices -= 1
    if (reader.devices === 0) this.#readers.delete(userId)
  }

  readonly publish = (event: ChatEvent): void => {
    if (this.#readers.size === 0) return
    switch (event.type) {
      case 'message.created':
        this.#note(event.message.roomId)
        break
      case 'room.marked':
      case 'room.opened':
      case 'room.missed':
        this.#note(event.roomId)
        break
    }
  }

  #note(roomId: number) {
    const { rooms, onError } = this.#deps
    const known = rooms.knownSides(roomId)
    if (known) this.#change(roomId, known)
    else rooms.sides(roomId).then((sides) => sides && this.#change(roomId, sides), onError)
  }

  #change(roomId: number, { ownerId, customerId }: Sides) {
    if (!this.#readers.has(ownerId) && !this.#readers.has(customerId)) return
    this.#changed.add(roomId)
    this.#timer ??= setTimeout(() => this.#tellAll(), TOLD_AFTER_MS)
  }

  async #tellAll() {
    const changed = this.#changed
    this.#changed = new Set()
    let sliceEndsAt = performance.now() + SLICE_MS
    for (const roomId of changed) {
      await this.#tellBoth(roomId).catch(this.#deps.onError)
      if (performance.now() < sliceEndsAt) continue
      await new Promise(setImmediate)
      sliceEndsAt = performance.now() + SLICE_MS
    }
    this.#timer = this.#changed.size === 0 ? undefined : setTimeout(() => this.#tellAll(), TOLD_AFTER_MS)
  }

  async #tellBoth(roomId: number) {
    for (const { userId, summary } of await this.#deps.store.summaries(roomId)) await this.#tell(userId, summary)
  }

  async #tell(userId: string, room: RoomSummary) {
    const { store, tell } = this.#deps
    const reader = this.#readers.get(userId)
    if (!reader) return
    if (!reader.unread) {
      reader.unread = await store.unreadOf(userId)
      reader.total = [...reader.unread.values()].reduce((sum, unread) => sum + unread, 0)
    }
    // What is stored is the truth, and each row says all of it: nothing can add up to a wrong total.
    reader.total += room.unread - (reader.unread.get(room.id) ?? 0)
    if (room.unread > 0) reader.unread.set(room.id, room.unread)
    else reader.unread.delete(room.id)
    tell(userId, room, reader.total)
  }
}
