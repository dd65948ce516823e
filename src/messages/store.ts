import type { Peer } from '../auth/model.ts'
import type { Message } from './model.ts'

/** A text that passed every check. `at` in milliseconds since 1970. */
export interface Draft {
  roomId: number
  sender: Peer
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
   * flushed. A `clientId` that the sender used among the room's newest 64 entries returns that message with
   * `created: false`.
   * @throws ChatError `client_id_reused` where that message has another text; `not_found` where there is no such room;
   * `unavailable` where nothing can be stored, and then nothing was.
   */
  append(draft: Draft): Promise<{ message: Message; created: boolean }>
  /** At most `limit` entries, ascending: next to `after` (and before `before`), next to `before`, or the newest. */
  span(roomId: number, span: Span): Promise<Message[]>
  /** 0 for an empty room. */
  lastSeq(roomId: number): Promise<number>
}
