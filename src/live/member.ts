import type { RoomSignal } from '../events.ts'
import type { Message } from '../messages/model.ts'

/** A form in which a room's entries go out: encoded once, published once, however many sockets listen. */
export interface Wire {
  topic(roomId: number): string
  /** `undefined` for what this form does not have. */
  encode(message: Message): string | undefined
  encodeSignal(signal: RoomSignal): string | undefined
}

/** A socket, as a room sees it. */
export interface Member {
  readonly wire: Wire
  readonly userId: string
  /** The id of its connection, where its form has one. */
  readonly client: string
  readonly isOpen: boolean
  /** An entry from before it is on the topic. `false` where it has no use for the rest of them. */
  give(message: Message): boolean
  /** Resolves when little enough is unsent to send more; at once when the socket has gone. */
  drained(): Promise<void>
  /** The client asked for more than a replay gives, or for a place past the end of the room. */
  replayTooLong(): void
  /** To go onto the topic in this moment: `head` is the last seq that was published on it. */
  admit(topic: string, head: number): void
  /** What may be left out when the client is slow. */
  signal(frame: string, signal: RoomSignal): void
  /** To come again and ask for what it missed: it is no member any more. */
  lost(): void
}
