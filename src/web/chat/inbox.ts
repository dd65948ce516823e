import { computed, signal } from '@preact/signals'
import type { Role, RoomSummary } from '../../rooms/model.ts'
import { type Api, answered } from './api.ts'

/** Where the list of one side stands. */
export interface Shelf {
  state: 'loading' | 'ready' | 'failed'
  nextCursor: string | null
}

const PAGE = 30

/** The rooms of a person, newest activity first: what they rent, and what they rent out. */
export class Inbox {
  readonly rooms = signal<ReadonlyMap<number, RoomSummary>>(new Map())
  readonly shelves = { customer: signal<Shelf>(EMPTY), owner: signal<Shelf>(EMPTY) }
  readonly listed = { customer: this.#listed('customer'), owner: this.#listed('owner') }
  readonly #api: Api
  /** Told since the line is there: newer than any page that is still on its way. */
  #told = new Map<number, RoomSummary>()

  constructor(api: Api) {
    this.#api = api
  }

  /** Nobody told of what has changed while there was no line: it is loaded again. */
  async load(): Promise<void> {
    this.#told = new Map()
    await Promise.all([this.#loadFirst('customer'), this.#loadFirst('owner')])
  }

  async loadMore(role: Role): Promise<void> {
    const { state, nextCursor } = this.shelves[role].value
    if (state === 'ready' && nextCursor !== null) await this.#loadPage(role, nextCursor)
  }

  take(room: RoomSummary): void {
    this.#told.set(room.id, room)
    this.rooms.value = new Map([...this.rooms.value, [room.id, room]])
  }

  /** What the other one has read and received, before the inbox itself is told. */
  mark(
    roomId: number,
    marks: Partial<Pick<RoomSummary, 'peerReadSeq' | 'peerDeliveredSeq' | 'unread' | 'readSeq'>>,
  ): void {
    const room = this.rooms.value.get(roomId)
    if (room) this.rooms.value = new Map([...this.rooms.value, [roomId, { ...room, ...marks }]])
  }

  async #loadFirst(role: Role) {
    const items = await this.#loadPage(role, undefined)
    if (!items) return
    const others = [...this.rooms.value].filter(([, room]) => room.role !== role)
    this.rooms.value = new Map([...others, ...items.map((room) => [room.id, room] as const), ...this.#told])
  }

  async #loadPage(role: Role, cursor: string | undefined): Promise<RoomSummary[] | undefined> {
    const shelf = this.shelves[role]
    shelf.value = { ...shelf.value, state: 'loading' }
    try {
      const query = { role, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) }
      const { items, nextCursor } = await answered(this.#api.rooms.get({ query }))
      this.rooms.value = new Map([...this.rooms.value, ...items.map((room) => [room.id, room] as const), ...this.#told])
      shelf.value = { state: 'ready', nextCursor }
      return items
    } catch {
      shelf.value = { ...shelf.value, state: 'failed' }
      return undefined
    }
  }

  #listed(role: Role) {
    return computed(() =>
      [...this.rooms.value.values()].filter((room) => room.role === role && isListed(room)).sort(newestFirst),
    )
  }
}

const EMPTY: Shelf = { state: 'loading', nextCursor: null }

/** The owner hears of a room with its first message. */
const isListed = ({ role, lastMessage }: RoomSummary) => role === 'customer' || lastMessage !== null

const newestFirst = (a: RoomSummary, b: RoomSummary) => b.lastActivityAt.localeCompare(a.lastActivityAt) || b.id - a.id
