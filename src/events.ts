import type { Message } from './messages/model.ts'
import type { Peer } from './users/model.ts'

/** Everything that happens and that somebody is told of. An event is published only after its commit. */
export type ChatEvent =
  | { type: 'message.created'; message: Message }
  | { type: 'session.ended'; session: string }
  /** Tokens of the marketplace's for this person that were seen until `at` are good no more. */
  | { type: 'tokens.revoked'; userId: string; at: number }
  /** Disabled, or erased: what they came in with until then. */
  | { type: 'user.removed'; userId: string; at: number }
  | { type: 'user.renamed'; user: Peer }

export type Publish = (event: ChatEvent) => void
