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
   * `unavailable` where nothing can be stored, and then nothing was.
   */
  append(draft: Draft): Promise<{ message: Message; created: boolean }>
  /** At most `limit` entries, ascending: next to `after` (and before `before`), next to `before`, or the newest. */
  span(roomId: number, span: Span): Promise<Message[]>
  /** 0 for an empty room. */
  lastSeq(roomId: number): Promise<number>
  /**
   * Takes the texts out of the next messages of a person after this place, some hundreds at a time: entries of kind
   * `deleted` stay in their places. Answers where to go on, or `undefined` when all is done.
   */
  eraseOf(userId: string, after: MessagePlace, at: number): Promise<MessagePlace | undefined>
}

/** A place among all messages of somebody's rooms, by room and seq. */
export interface MessagePlace {
  roomId: number
  seq: number
}
