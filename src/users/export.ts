import type { AuditStore } from '../admin/store.ts'
import type { Actor } from '../audit/model.ts'
import type { MessageStore } from '../messages/store.ts'
import type { PresenceStore } from '../presence/store.ts'
import type { ProductStore } from '../products/store.ts'
import type { RoomStore } from '../rooms/store.ts'
import type { Users } from './service.ts'

interface Deps {
  users: Users
  products: Pick<ProductStore, 'ofOwner'>
  rooms: Pick<RoomStore, 'idsOf' | 'summary'>
  messages: Pick<MessageStore, 'span'>
  presence: Pick<PresenceStore, 'find'>
  audit: Pick<AuditStore, 'add'>
  now: () => number
}

const PAGE = 200
const LINES_AT_ONCE = 100

/** What is stored of a person, and what they can see: newline-delimited JSON, of which little is in memory at a time. */
export class UserExports {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * The person, when they were last seen, their products, their rooms, and after each room its messages; at last an `end`, without which the export
   * is not whole. It is written no faster than it is read; `mayGoOn` is asked again and again. It is in the audit log before the first line is given out.
   */
  async of(userId: string, actor: Actor, mayGoOn: () => Promise<boolean>): Promise<ReadableStream<Uint8Array>> {
    const { users, audit, now } = this.#deps
    const user = await users.find(userId)
    await audit.add([{ actor, action: 'user.export', target: { kind: 'user', id: userId } }], now())
    const entries = this.#entries(user.id)
    const encoder = new TextEncoder()
    const lines = [JSON.stringify({ type: 'user', user })]
    return new ReadableStream({
      async pull(controller) {
        // Reads are synchronous: between two chunks others have their turn.
        await new Promise(setImmediate)
        if (!(await mayGoOn())) return controller.error(new Error('the key was revoked'))
        while (lines.length < LINES_AT_ONCE) {
          const { value, done } = await entries.next()
          if (done) return end(controller, encoder.encode(written(lines)))
          lines.push(JSON.stringify(value))
        }
        controller.enqueue(encoder.encode(written(lines)))
      },
    })
  }

  async *#entries(userId: string): AsyncGenerator<object> {
    const { presence, products, rooms, messages } = this.#deps
    const counts = { products: 0, rooms: 0, messages: 0 }
    const seen = await presence.find(userId)
    if (seen) yield { type: 'presence', lastSeenAt: timeOf(seen.lastSeenAt), hidden: seen.isHidden }
    for await (const { product } of pages(
      (after) => products.ofOwner(userId, after, PAGE),
      ({ place }) => place,
    )) {
      counts.products += 1
      yield { type: 'product', product }
    }
    for (const roomId of await rooms.idsOf(userId)) {
      const { lastMessage: _, ...room } = (await rooms.summary(roomId, userId)) ?? { lastMessage: null }
      counts.rooms += 1
      yield { type: 'room', room }
      for await (const message of pages(
        (after) => messages.span(roomId, { after, limit: PAGE }),
        ({ seq }) => seq,
      )) {
        counts.messages += 1
        yield { type: 'message', message }
      }
    }
    yield { type: 'end', ...counts }
  }
}

const timeOf = (at: number | undefined) => (at === undefined ? null : new Date(at).toISOString())

async function* pages<T>(read: (after: number) => Promise<T[]>, placeOf: (item: T) => number): AsyncGenerator<T> {
  for (let after = 0; ; ) {
    const page = await read(after)
    yield* page
    const last = page.at(-1)
    if (!last || page.length < PAGE) return
    after = placeOf(last)
  }
}

const written = (lines: string[]) =>
  lines
    .splice(0)
    .map((line) => `${line}\n`)
    .join('')

function end(controller: ReadableStreamDefaultController<Uint8Array>, last: Uint8Array) {
  controller.enqueue(last)
  controller.close()
}
