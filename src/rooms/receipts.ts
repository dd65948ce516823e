import type { Publish } from '../events.ts'
import type { Role } from './model.ts'
import type { Rooms } from './service.ts'
import type { Marks, RoomStore } from './store.ts'

interface Deps {
  rooms: Rooms
  store: Pick<RoomStore, 'markDelivered'>
  publish: Publish
  onError: (error: unknown) => void
}

interface Receipt {
  userId: string
  roomId: number
  role: Role
  seq: number
}

const WRITTEN_AFTER_MS = 250

/** What devices have received. There is one for nearly every message, so they wait for each other, and go into one write. */
export class Receipts {
  readonly #deps: Deps
  /** By room and side. */
  #waiting = new Map<string, Receipt>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * Received up to this seq. It is stored a moment later, and lost if the server is killed before: the device tells it again.
   * @throws ChatError `not_found`
   */
  async delivered(userId: string, roomId: number, seq: number): Promise<void> {
    const role = await this.#deps.rooms.requireMember(userId, roomId)
    const key = `${roomId} ${role}`
    const earlier = this.#waiting.get(key)?.seq ?? 0
    if (seq > earlier) this.#waiting.set(key, { userId, roomId, role, seq })
    this.#timer ??= setTimeout(() => this.flush().catch(this.#deps.onError), WRITTEN_AFTER_MS)
  }

  /** Writes what waits, and tells of what was new. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const receipts = [...this.#waiting.values()]
    this.#waiting = new Map()
    if (receipts.length === 0) return
    const marks = await this.#deps.store.markDelivered(receipts.map(({ roomId, role, seq }) => ({ roomId, role, seq })))
    for (const [at, receipt] of receipts.entries()) this.#tell(receipt, marks[at])
  }

  #tell({ userId, roomId }: Receipt, marks: Marks | null | undefined) {
    if (!marks?.moved) return
    const { readSeq, deliveredSeq } = marks
    this.#deps.publish({ type: 'room.marked', roomId, userId, readSeq, deliveredSeq })
  }
}
