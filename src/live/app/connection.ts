import type { Identities } from '../../auth/identities.ts'
import type { Identity } from '../../auth/model.ts'
import type { ChatError } from '../../lib/errors.ts'
import type { Quotas } from '../../lib/http/quotas.ts'
import type { Log } from '../../lib/log.ts'
import type { RateLimit } from '../../lib/rate-limit.ts'
import type { Locale } from '../../lib/texts.ts'
import type { Messages } from '../../messages/service.ts'
import type { Attendance } from '../../presence/attendance.ts'
import type { Presence } from '../../presence/service.ts'
import type { Typing } from '../../presence/typing.ts'
import type { Inboxes } from '../../rooms/inboxes.ts'
import type { Receipts } from '../../rooms/receipts.ts'
import type { Rooms } from '../../rooms/service.ts'
import type { Connection, Connections } from '../connections.ts'
import type { Hub } from '../hub.ts'
import type { Line } from '../line/line.ts'
import type { Turns } from '../line/turns.ts'
import type { AppEnding } from './protocol.ts'

export interface AppDeps {
  identities: Identities
  rooms: Rooms
  inboxes: Inboxes
  receipts: Receipts
  messages: Messages
  presence: Presence
  attendance: Attendance
  typing: Typing
  hub: Hub
  connections: Connections
  quotas: Quotas
  log: Log
  version: string
  epoch: string
  /** Milliseconds since 1970, for what has a date; and since the start, for what takes time: a clock may be set. */
  now: () => number
  uptime: () => number
  /** Commands of a person, over all connections; and of an address, as long as nobody has connected. */
  commands: RateLimit
  turns: Turns
  pingEveryMs: number
  /** How a recovery ended that a client asked for. */
  onReplay: (result: 'complete' | 'too_long') => void
  /** A command was answered with an error that begins with this word. */
  onRefused: (word: string) => void
}

/** With what the request came that asked for this connection. */
export interface Upgrade {
  /** Whom its own credential stands for, or what is wrong with that, if it showed one; a token in `connect` outranks it. */
  found: Identity | ChatError | undefined
  network: string
  origin: string | undefined
  locale: Locale
  /** Of a connection that is emulated over HTTP. */
  emulation?: { session: string; node: string }
}

/** A connection, as the commands see it that come over it. */
export interface AppConnection extends Connection {
  readonly deps: AppDeps
  readonly upgrade: Upgrade
  readonly line: Line
  /** Its id, which others see in a room's presence. */
  readonly client: string
  /** Who it is. @throws ChatError for whoever has not connected */
  readonly me: Identity
  /** Whether the person came with a token in `connect`, which they can renew. */
  isByToken: boolean
  /** Whether `connect` went well. */
  isConnected: boolean
  /** From now on the person is here, and told of their inbox. */
  arrive(identity: Identity): Promise<void>
  /** Answers a command with what was wrong with it. */
  refuse(id: number, error: unknown): void
  /** Counts rows that were read for the person: ten of them as much as a command. */
  charge(rows: number): void
  /** A message was stored: whoever is heard is not flooding. */
  forgive(): void
  end(why: AppEnding): void
}
