import type { ChatEvent } from '../events.ts'
import { BoundedMap } from '../lib/bounded-map.ts'
import { inSlices } from '../lib/slices.ts'
import type { RoomSummary } from './model.ts'
import type { Rooms } from './service.ts'
import type { RoomStore, Sides } from './store.ts'

interface Deps {
  rooms: Rooms
  store: Pick<RoomStore, 'summaries' | 'unreadOf' | 'changedSince'>
  /** Whether other nodes may do something in the rooms of people here. */
  hasOthers: boolean
  /** This node wants to be told of what others do in the rooms of this person; or not any more. */
  listen: (userId: string) => Promise<void> | undefined
  ignore: (userId: string) => void
  /** Tells a person, on every device, how a room of theirs is now, and what is unread in all of them. */
  tell: (userId: string, room: RoomSummary, totalUnread: number) => void
  onError: (error: unknown) => void
}

/** Somebody who is told. */
interface Reader {
  devices: number
  /** Until this node is told of what others do in their rooms. */
  listening: Promise<void> | undefined
  /** What is unread in each room where anything is: read when the first room changes, or at once where there are other nodes. */
  unread: Map<number, number> | undefined
  total: number
}

/** A change is told so long after it, with all that came to the room in between. */
const TOLD_AFTER_MS = 250
/** What is committed late may have an earlier place: each check looks again at what the last few have seen. */
const PLACES = 3
const CHECKED_AT_ONCE = 2000
/** Rooms of which it is remembered how far they were told. */
const MAX_TOLD = 10_000

/** The inboxes of whoever looks at one: what changes in them is told to each device, once for all that happened meanwhile. */
export class Inboxes {
  readonly #deps: Deps
  readonly #readers = new Map<string, Reader>()
  #changed = new Set<number>()
  #timer: ReturnType<typeof setTimeout> | undefined
  /** The last seq of rooms that were told lately. */
  readonly #told = new BoundedMap<number, number>(MAX_TOLD)
  /** Where everything ended at the last checks, oldest first. */
  readonly #places: number[] = []
  #isChecking = false
  #isComparing = false
  /** Whom this round of comparisons has still to visit. */
  #uncompared: MapIterator<string> | undefined

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** A device of this person is to be told. To be followed by one `unwatch`. Resolves when nothing is missed any more. */
  watch(userId: string): Promise<void> | undefined {
    let reader = this.#readers.get(userId)
    if (!reader) {
      reader = { devices: 0, listening: undefined, unread: undefined, total: 0 }
      this.#readers.set(userId, reader)
      if (this.#deps.hasOthers) reader.listening = this.#listen(userId, reader)
    }
    reader.devices += 1
    return reader.listening
  }

  /** What was unread before it was told anything: against that it is compared what others have read. */
  async #listen(userId: string, reader: Reader) {
    await this.#deps.listen(userId)
    await this.#read(userId, reader).catch(this.#deps.onError)
  }

  async #read(userId: string, reader: Reader): Promise<Map<number, number>> {
    const unread = await this.#deps.store.unreadOf(userId)
    reader.unread = unread
    reader.total = [...unread.values()].reduce((sum, count) => sum + count, 0)
    return unread
  }

  unwatch(userId: string): void {
    const reader = this.#readers.get(userId)
    if (!reader) return
    reader.devices -= 1
    if (reader.devices > 0) return
    this.#readers.delete(userId)
    if (this.#deps.hasOthers) this.#deps.ignore(userId)
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
    await inSlices(changed, (roomId) => this.#tellBoth(roomId).catch(this.#deps.onError))
    this.#timer = this.#changed.size === 0 ? undefined : setTimeout(() => this.#tellAll(), TOLD_AFTER_MS)
  }

  async #tellBoth(roomId: number) {
    for (const { userId, summary } of await this.#deps.store.summaries(roomId)) {
      this.#told.set(roomId, summary.lastSeq)
      await this.#tell(userId, summary)
    }
  }

  /** Looks for what other nodes have written and this one was not told of. To be called now and then. */
  async check(): Promise<void> {
    if (this.#isChecking) return
    this.#isChecking = true
    try {
      await this.#checkAll([...this.#readers.keys()], this.#places[0])
    } catch (error) {
      this.#deps.onError(error)
    } finally {
      this.#isChecking = false
    }
  }

  async #checkAll(userIds: string[], since: number | undefined) {
    const { store } = this.#deps
    const { place } = await store.changedSince([], undefined)
    for (let from = 0; from < userIds.length; from += CHECKED_AT_ONCE) {
      const { rooms } = await store.changedSince(userIds.slice(from, from + CHECKED_AT_ONCE), since)
      for (const { roomId, lastSeq } of rooms) if ((this.#told.get(roomId) ?? 0) < lastSeq) this.#note(roomId)
      await new Promise(setImmediate)
    }
    // Only now: what could not be looked up is looked up the next time.
    this.#places.push(place)
    if (this.#places.length > PLACES) this.#places.shift()
  }

  /** Looks with so great a part of the people, each time others, for rooms that they have read elsewhere. */
  async compare(part: number): Promise<void> {
    if (this.#isComparing) return
    this.#isComparing = true
    const count = Math.ceil(this.#readers.size * part)
    this.#uncompared ??= this.#readers.keys()
    const next = [...this.#uncompared.take(count)]
    if (next.length < count) this.#uncompared = undefined
    await inSlices(next, (userId) => this.#compare(userId).catch(this.#deps.onError))
    this.#isComparing = false
  }

  async #compare(userId: string) {
    const reader = this.#readers.get(userId)
    const known = reader && (reader.unread ?? (await this.#read(userId, reader)))
    if (!known) return
    const stored = await this.#deps.store.unreadOf(userId)
    for (const roomId of new Set([...known.keys(), ...stored.keys()])) {
      if (known.get(roomId) !== stored.get(roomId)) this.#note(roomId)
    }
  }

  async #tell(userId: string, room: RoomSummary) {
    const { tell } = this.#deps
    const reader = this.#readers.get(userId)
    if (!reader) return
    const unread = reader.unread ?? (await this.#read(userId, reader))
    // What is stored is the truth, and each row says all of it: nothing can add up to a wrong total.
    reader.total += room.unread - (unread.get(room.id) ?? 0)
    if (room.unread > 0) unread.set(room.id, room.unread)
    else unread.delete(room.id)
    tell(userId, room, reader.total)
  }
}
