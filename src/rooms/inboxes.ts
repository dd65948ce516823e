import type { ChatEvent } from '../events.ts'
import type { RoomSummary } from './model.ts'
import type { Rooms } from './service.ts'
import type { RoomStore, Sides } from './store.ts'

interface Deps {
  rooms: Rooms
  store: Pick<RoomStore, 'unreadOf'>
  /** Tells a person, on every device, how a room of theirs is now, and what is unread in all of them. */
  tell: (userId: string, room: RoomSummary, totalUnread: number) => void
  onError: (error: unknown) => void
}

/** Somebody who is told. */
interface Reader {
  devices: number
  /** Rooms of theirs that have changed since they were last told. */
  changed: Set<number> | undefined
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
  #changed = new Set<string>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** A device of this person is to be told. To be followed by one `unwatch`. */
  watch(userId: string): void {
    const reader = this.#readers.get(userId)
    if (reader) reader.devices += 1
    else this.#readers.set(userId, { devices: 1, changed: undefined, unread: undefined, total: 0 })
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
        this.#changeBoth(event.message.roomId)
        break
      case 'room.marked':
        this.#changeBoth(event.roomId)
        break
      case 'room.opened':
        this.#change(event.customerId, event.roomId)
        break
    }
  }

  #changeBoth(roomId: number) {
    const { rooms, onError } = this.#deps
    const change = ({ ownerId, customerId }: Sides) => {
      this.#change(ownerId, roomId)
      this.#change(customerId, roomId)
    }
    const known = rooms.knownSides(roomId)
    if (known) change(known)
    else rooms.sides(roomId).then((sides) => sides && change(sides), onError)
  }

  #change(userId: string, roomId: number) {
    const reader = this.#readers.get(userId)
    if (!reader) return
    reader.changed ??= new Set()
    reader.changed.add(roomId)
    this.#changed.add(userId)
    this.#timer ??= setTimeout(() => this.#tellAll(), TOLD_AFTER_MS)
  }

  async #tellAll() {
    const changed = this.#changed
    this.#changed = new Set()
    let sliceEndsAt = performance.now() + SLICE_MS
    for (const userId of changed) {
      for (const roomId of this.#takeChanged(userId)) {
        await this.#tell(userId, roomId).catch(this.#deps.onError)
        if (performance.now() < sliceEndsAt) continue
        await new Promise(setImmediate)
        sliceEndsAt = performance.now() + SLICE_MS
      }
    }
    this.#timer = this.#changed.size === 0 ? undefined : setTimeout(() => this.#tellAll(), TOLD_AFTER_MS)
  }

  #takeChanged(userId: string): Iterable<number> {
    const reader = this.#readers.get(userId)
    const changed = reader?.changed ?? []
    if (reader) reader.changed = undefined
    return changed
  }

  async #tell(userId: string, roomId: number) {
    const room = await this.#deps.rooms.summary(userId, roomId)
    const reader = this.#readers.get(userId)
    if (!reader) return
    if (!reader.unread) {
      reader.unread = await this.#deps.store.unreadOf(userId)
      reader.total = [...reader.unread.values()].reduce((sum, unread) => sum + unread, 0)
    }
    // What is stored is the truth, and each row says all of it: nothing can add up to a wrong total.
    reader.total += room.unread - (reader.unread.get(roomId) ?? 0)
    if (room.unread > 0) reader.unread.set(roomId, room.unread)
    else reader.unread.delete(roomId)
    this.#deps.tell(userId, room, reader.total)
  }
}
