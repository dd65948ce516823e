import type { Caller, Identity } from '../auth/model.ts'
import type { Publish } from '../events.ts'
import { ChatError } from '../lib/errors.ts'
import type { RateLimit } from '../lib/rate-limit.ts'
import type { Rooms } from '../rooms/service.ts'
import type { Peer } from '../users/model.ts'
import { type Message, type MessagePage, type NewMessage, readText } from './model.ts'
import type { MessageStore, Span } from './store.ts'

interface Deps {
  messages: MessageStore
  rooms: Rooms
  /** Sends of one person, over every socket and REST. */
  sends: RateLimit
  publish: Publish
  now: () => number
}

export interface Sent {
  message: Message
  /** `false` where `clientId` repeats: `message` is the first one. */
  created: boolean
}

export class Messages {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** A message of a person's, or a system message of the marketplace's. */
  post({ person }: Caller, roomId: number, draft: NewMessage): Promise<Sent> {
    return person ? this.send(person, roomId, draft) : this.#announce(roomId, draft)
  }

  /** Authorise, commit, then publish. When it resolves, the message is flushed to disk: that is the acknowledgement. */
  async send({ user }: Identity, roomId: number, draft: NewMessage): Promise<Sent> {
    const { rooms, sends } = this.#deps
    sends.take(user.id)
    await rooms.requireMember(user.id, roomId)
    return this.#append(roomId, { id: user.id, username: user.username }, draft)
  }

  /** Nobody sent it, and nobody has to have read it. */
  async #announce(roomId: number, draft: NewMessage): Promise<Sent> {
    await this.#deps.rooms.requireRoom(roomId)
    return this.#append(roomId, null, draft)
  }

  async #append(roomId: number, sender: Peer | null, { text, clientId }: NewMessage): Promise<Sent> {
    const { messages, publish, now } = this.#deps
    const sent = await messages.append({
      roomId,
      sender,
      text: requireText(text),
      clientId: clientId ?? null,
      at: now(),
    })
    if (sent.created) publish({ type: 'message.created', message: sent.message })
    return sent
  }

  /** The seq of the newest entry; 0 in an empty room. */
  async lastSeq({ user }: Identity, roomId: number): Promise<number> {
    await this.#deps.rooms.requireMember(user.id, roomId)
    return this.#deps.messages.lastSeq(roomId)
  }

  async page({ user }: Identity, roomId: number, span: Span): Promise<MessagePage> {
    await this.#deps.rooms.requireMember(user.id, roomId)
    if (span.before !== undefined && span.after !== undefined) {
      throw new ChatError('invalid', { reason: 'before_and_after' })
    }
    const found = await this.#deps.messages.span(roomId, { ...span, limit: span.limit + 1 })
    const hasMore = found.length > span.limit
    if (!hasMore) return { items: found, hasMore }
    return { items: span.after === undefined ? found.slice(1) : found.slice(0, -1), hasMore }
  }
}

function requireText(raw: string): string {
  const read = readText(raw)
  if ('text' in read) return read.text
  throw new ChatError('invalid', { reason: read.problem, errors: [{ path: '/text', fault: read.problem }] })
}
