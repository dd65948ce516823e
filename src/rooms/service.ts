import type { Identity } from '../auth/model.ts'
import { BoundedMap } from '../lib/bounded-map.ts'
import { ChatError } from '../lib/errors.ts'
import { readCursor, writeCursor } from '../lib/http/cursor.ts'
import type { Products } from '../products/service.ts'
import type { ReadMark, Role, Room, RoomPage, RoomSummary } from './model.ts'
import type { RoomStore, Sides } from './store.ts'

interface Deps {
  rooms: RoomStore
  products: Products
  now: () => number
}

export interface InboxQuery {
  role?: Role | undefined
  productId?: string | undefined
  unread?: boolean | undefined
  cursor?: string | undefined
  limit: number
}

export class Rooms {
  readonly #deps: Deps
  // The two people of a room never change, so what was read once stays true.
  readonly #sides = new BoundedMap<number, Sides>(50_000)

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** The asker's room about the product, as its customer; made the first time. */
  async open({ user }: Identity, productId: string): Promise<{ room: Room; created: boolean }> {
    const { rooms, products, now } = this.#deps
    const product = await products.find(productId)
    if (product.ownerId === user.id) throw new ChatError('invalid', { reason: 'own_product' })
    const key = { ownerId: product.ownerId, customerId: user.id, productId }
    const opened = await rooms.open({ ...key, at: now(), make: product.archivedAt === null })
    if (!opened) throw new ChatError('conflict', { reason: 'product_archived' })
    const { id, owner, customer, lastSeq, createdAt, ...summary } = await this.summary(user.id, opened.roomId)
    return { room: { id, product: summary.product, owner, customer, lastSeq, createdAt }, created: opened.created }
  }

  async summary(userId: string, roomId: number): Promise<RoomSummary> {
    const summary = await this.#deps.rooms.summary(roomId, userId)
    if (!summary) throw new ChatError('not_found', { reason: 'room_not_found' })
    return summary
  }

  async inbox(userId: string, { role, productId, unread, cursor, limit }: InboxQuery): Promise<RoomPage> {
    const [lastMessageId = 0, roomId = 0] = cursor === undefined ? [] : readCursor(cursor, 2)
    const after = cursor === undefined ? undefined : { lastMessageId, roomId }
    const filter = { role, productId, unread: unread === true, after, limit: limit + 1 }
    const found = await this.#deps.rooms.inbox(userId, filter)
    const page = found.slice(0, limit)
    const last = page.at(-1)?.place
    const nextCursor = found.length > limit && last ? writeCursor(last.lastMessageId, last.roomId) : null
    return { items: page.map(({ summary }) => summary), nextCursor }
  }

  async markRead(userId: string, roomId: number, seq: number): Promise<ReadMark> {
    const role = await this.requireMember(userId, roomId)
    const mark = await this.#deps.rooms.markRead(roomId, role, seq)
    return { ...mark, totalUnread: await this.#deps.rooms.totalUnread(userId) }
  }

  /** A room that one is not in and a room that does not exist look the same from outside. */
  async requireMember(userId: string, roomId: number): Promise<Role> {
    const sides = this.#sides.get(roomId) ?? (await this.#load(roomId))
    if (sides?.ownerId === userId) return 'owner'
    if (sides?.customerId === userId) return 'customer'
    throw new ChatError('not_found', { reason: 'room_not_found' })
  }

  async #load(roomId: number): Promise<Sides | undefined> {
    const sides = await this.#deps.rooms.sides(roomId)
    if (sides) this.#sides.set(roomId, sides)
    return sides
  }
}
