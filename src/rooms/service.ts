import type { Caller } from '../auth/model.ts'
import type { Publish } from '../events.ts'
import { BoundedMap } from '../lib/bounded-map.ts'
import { ChatError, type Fault } from '../lib/errors.ts'
import { readCursor, writeCursor } from '../lib/http/cursor.ts'
import type { RateLimit } from '../lib/rate-limit.ts'
import type { Product } from '../products/model.ts'
import type { Products } from '../products/service.ts'
import type { UserStore } from '../users/store.ts'
import type { NewRoom, ReadMark, Role, Room, RoomPage, RoomSummary } from './model.ts'
import type { RoomStore, Sides } from './store.ts'

interface Deps {
  rooms: RoomStore
  products: Products
  users: Pick<UserStore, 'find'>
  /** Rooms that one person makes. */
  newRooms: RateLimit
  publish: Publish
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

  /** A customer's room about a product, made the first time: the asker's, or that of whom the marketplace names. */
  async open(caller: Caller, { productId, customerId }: NewRoom): Promise<{ room: Room; created: boolean }> {
    const { products, rooms } = this.#deps
    const customer = caller.person ? ownId(caller.person.user.id, customerId) : await this.#customer(customerId)
    const product = await products.find(productId)
    if (product.ownerId === customer) throw new ChatError('invalid', { reason: 'own_product' })
    const key = { ownerId: product.ownerId, customerId: customer, productId }
    const roomId = await rooms.find(key)
    const opened = roomId === undefined ? await this.#make(key, product, caller) : { roomId, created: false }
    const { id, owner, customer: peer, lastSeq, createdAt, ...summary } = await this.summary(customer, opened.roomId)
    return {
      room: { id, product: summary.product, owner, customer: peer, lastSeq, createdAt },
      created: opened.created,
    }
  }

  async #make(key: Sides & { productId: string }, product: Product, { person }: Caller) {
    const { rooms, newRooms, publish, now } = this.#deps
    if (product.archivedAt !== null) throw new ChatError('conflict', { reason: 'product_archived' })
    if (person) newRooms.take(person.user.id)
    const opened = await rooms.open({ ...key, at: now() })
    if (opened.created) publish({ type: 'room.opened', roomId: opened.roomId })
    return opened
  }

  async #customer(customerId: string | undefined): Promise<string> {
    if (customerId === undefined) throw fieldError('/customerId', 'required')
    const customer = await this.#deps.users.find(customerId)
    if (!customer || customer.erasedAt !== undefined) throw fieldError('/customerId', 'no_such_user')
    return customerId
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
    const { rooms, publish } = this.#deps
    const role = await this.requireMember(userId, roomId)
    const { readSeq, deliveredSeq, unread, moved } = await rooms.markRead(roomId, role, seq)
    if (moved) publish({ type: 'room.marked', roomId, userId, readSeq, deliveredSeq })
    return { readSeq, unread, totalUnread: await rooms.totalUnread(userId) }
  }

  /** In all rooms of this person. */
  totalUnread(userId: string): Promise<number> {
    return this.#deps.rooms.totalUnread(userId)
  }

  /** A room that one is not in and a room that does not exist look the same from outside. */
  async requireMember(userId: string, roomId: number): Promise<Role> {
    const sides = this.knownSides(roomId) ?? (await this.sides(roomId))
    if (sides?.ownerId === userId) return 'owner'
    if (sides?.customerId === userId) return 'customer'
    throw new ChatError('not_found', { reason: 'room_not_found' })
  }

  /** For the marketplace's backend, which may speak in every room. */
  async requireRoom(roomId: number): Promise<void> {
    const sides = this.knownSides(roomId) ?? (await this.sides(roomId))
    if (!sides) throw new ChatError('not_found', { reason: 'room_not_found' })
  }

  /** The two people of a room that was asked for lately. */
  knownSides(roomId: number): Sides | undefined {
    return this.#sides.get(roomId)
  }

  async sides(roomId: number): Promise<Sides | undefined> {
    const sides = await this.#deps.rooms.sides(roomId)
    if (sides) this.#sides.set(roomId, sides)
    return sides
  }
}

/** Whoever asks is the customer: nobody opens a room in another's name. */
function ownId(userId: string, customerId: string | undefined): string {
  if (customerId !== undefined) throw fieldError('/customerId', 'for_keys_only')
  return userId
}

const fieldError = (path: string, fault: Fault) => new ChatError('invalid', { errors: [{ path, fault }] })
