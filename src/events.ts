import type { Message } from './messages/model.ts'
import type { Peer } from './users/model.ts'

/** What is told to whoever looks at a room in this moment, and never stored: the first to go when a client is slow. */
export type RoomSignal = { roomId: number; userId: string } & (
  | { type: 'room.typing' }
  /** How far the person has read, and received. */
  | { type: 'room.marked'; readSeq: number; deliveredSeq: number }
  /** The person's first socket on the room, and the last one some time after it has gone. */
  | { type: 'room.joined' | 'room.left'; client: string }
)

/** Everything that happens and that somebody is told of. An event is published only after its commit. */
export type ChatEvent =
  | RoomSignal
  | { type: 'message.created'; message: Message }
  | { type: 'room.opened'; roomId: number }
  /** Another process has stored something in it. */
  | { type: 'room.missed'; roomId: number }
  | { type: 'session.ended'; session: string }
  /** Tokens of the marketplace's for this person that were seen until `at` are good no more. */
  | { type: 'tokens.revoked'; userId: string; at: number }
  /** Disabled, or erased: what they came in with until then. */
  | { type: 'user.removed'; userId: string; at: number }
  | { type: 'user.renamed'; user: Peer }
  /** Whether others may see when the person is here. */
  | { type: 'user.hid'; userId: string; isHidden: boolean }

export type Publish = (event: ChatEvent) => void
