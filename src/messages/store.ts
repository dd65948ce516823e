import type { Peer } from '../users/model.ts'
import type { Message } from './model.ts'

/** A text that passed every check. `at` in milliseconds since 1970. */
export interface Draft {
  roomId: number
  /** `null` for a system message, which nobody sent and nobody has to have read. */
  sender: Peer | null
  text: string
  clientId: string | null
  at: number
}

export interface Span {
  before?: number | undefined
  after?: number | undefined
  limit: number
}

/** One method is one transaction. */
export interface MessageStore {
  /**
   * Appends at the next `seq` of the room and moves the sender's read mark there. Resolves only when the commit is
   * flushed. A `clientId` that the sender (or the backend, for a system message) used among the room's newest 64 entries returns that message with
   * `created: false`.
   * @throws ChatError `client_id_reused` where that message has another text; `not_found` where there is no such room;
   * `unavailable` where nothing can be stored. Then nothing was, but where the way to a database was lost in that moment: a
   * retry with the same `clientId` tells.
   */
  append(draft: Draft): Promise<{ message: Message; created: boolean }>
  /** At most `limit` entries, ascending: next to `after` (and before `before`), next to `before`, or the newest. */
  span(roomId: number, span: Span): Promise<Message[]>
  /** 0 for an empty room. */
  lastSeq(roomId: number): Promise<number>
  /** The same of each room that there is. */
  lastSeqs(roomIds: readonly number[]): Promise<Map<number, number>>
  /**
   * Takes the texts out of what a person sent in a room, some hundreds of entries after this seq at a time: entries of
   * kind `deleted` stay in their places, and the newest other one becomes the room's last. Answers where to go on, or
   * `undefined` when all is done.
   */
  erase(erasing: Erasing): Promise<number | undefined>
}

export interface Erasing {
  userId: string
  roomId: number
  after: number
  /** Milliseconds since 1970. */
  at: number
}
