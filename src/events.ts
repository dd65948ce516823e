import type { Peer } from './auth/model.ts'
import type { Message } from './messages/model.ts'

/** Everything that happens and that somebody is told of. An event is published only after its commit. */
export type ChatEvent =
  | { type: 'message.created'; message: Message }
  | { type: 'session.ended'; session: string }
  | { type: 'user.renamed'; user: Peer }

export type Publish = (event: ChatEvent) => void
