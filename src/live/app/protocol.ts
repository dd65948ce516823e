import { type Static, type TSchema, Type as t } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler'
import { ChatError, type ErrorCode } from '../../lib/errors.ts'
import { fieldErrorOf } from '../../lib/http/field-errors.ts'
import { parseJson } from '../../lib/json.ts'
import { detailOf, faultOf, type Locale } from '../../lib/texts.ts'
import { Draft } from './protocol-rpc.ts'

/*
 * The JSON form of the Centrifuge client protocol, version 2 (https://centrifugal.dev/docs/transports/client_protocol):
 * commands and replies, one JSON object a line, any number of lines a frame.
 */

const Channel = t.String({
  minLength: 1,
  maxLength: 255,
  description: '`room:{roomId}` of a room of yours, or `user:{userId}`, your own.',
  examples: ['room:12'],
})
const Offset = t.Integer({ minimum: 0, description: 'The seq of an entry.', examples: [41] })
const Epoch = t.String({ maxLength: 64, description: 'Of the database.', examples: ['9f86d081884c7d65'] })
const Token = t.String({
  maxLength: 8192,
  description: 'A session token (`pls_…`), a token of the marketplace’s (a JWT), or a ticket (`plt_…`).',
  examples: ['pls_q5…'],
})
const Position = t.Object({ offset: t.Optional(Offset), epoch: t.Optional(Epoch) })

/** What each command carries. Other fields of the protocol are accepted, and ignored. */
export const REQUESTS = {
  connect: t.Object(
    { token: t.Optional(Token) },
    { description: 'Say who you are. The first command; its token outranks a credential of the upgrade.' },
  ),
  refresh: t.Object(
    { token: Token },
    { description: 'Bring another token of the same person, before the first ends.' },
  ),
  subscribe: t.Object(
    {
      channel: Channel,
      recover: t.Optional(t.Boolean({ description: 'Give what came after `offset`.', examples: [true] })),
      offset: t.Optional({ ...Offset, examples: [40] }),
      epoch: t.Optional(Epoch),
      join_leave: t.Optional(t.Boolean({ description: 'Tell who comes and goes.', examples: [true] })),
      flag: t.Optional(t.Integer({ description: 'With the bit 2, error 112 where it cannot be recovered.' })),
    },
    { description: 'Listen to a room. With `recover` what was missed comes in the reply: all of it, or nothing.' },
  ),
  unsubscribe: t.Object({ channel: Channel }, { description: 'Listen to a room no more.' }),
  publish: t.Object(
    { channel: Channel, data: Draft },
    { description: 'Send a message to a room. The reply is the acknowledgement; `message.send` also tells its seq.' },
  ),
  history: t.Object(
    {
      channel: Channel,
      limit: t.Optional(
        t.Integer({
          minimum: -1,
          description: '0: only where the stream ends; -1: as many as may be, which is 100.',
          examples: [50],
        }),
      ),
      since: t.Optional(Position),
      reverse: t.Optional(t.Boolean({ description: 'Newest first.', examples: [false] })),
    },
    { description: 'Entries of a room, after a position or before it, and where its stream ends.' },
  ),
  presence: t.Object({ channel: Channel }, { description: 'Which connections listen to a room now.' }),
  presence_stats: t.Object({ channel: Channel }, { description: 'How many connections and people listen to a room.' }),
  rpc: t.Object(
    { method: t.String({ examples: ['message.send'] }), data: t.Optional(t.Unknown()) },
    { description: 'Call a procedure.' },
  ),
  send: t.Object(
    { data: t.Object({ method: t.String({ examples: ['room.typing'] }), data: t.Optional(t.Unknown()) }) },
    { description: 'Call a procedure without waiting for a reply: for marks and typing. There is no `id`.' },
  ),
  ping: t.Object({}, { description: 'Ask whether the server is there.' }),
  sub_refresh: t.Object(
    { channel: Channel },
    { description: 'Not of use here, since subscriptions have no tokens: always refused with 108.' },
  ),
} as const
export type Method = keyof typeof REQUESTS
export type RequestOf<M extends Method> = Static<(typeof REQUESTS)[M]>

const METHODS = Object.keys(REQUESTS) as Method[]

/** A command that was read: `id` is 0 where no reply is asked for. */
export interface Command {
  id: number
  method: Method | 'unknown' | 'pong'
  request?: unknown
}

const MAX_ID = 0xffff_ffff

/** @throws ChatError `bad_frame` for what is no command: the protocol has no reply to that. */
export function parseCommand(line: string): Command {
  let command: unknown
  try {
    command = parseJson(line)
  } catch (cause) {
    throw badFrame(cause)
  }
  if (typeof command !== 'object' || command === null || Array.isArray(command)) throw badFrame()
  const { id = 0 } = command as { id?: unknown }
  if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id > MAX_ID) throw badFrame()
  const method = METHODS.find((each) => Object.hasOwn(command, each))
  if (method) return { id, method, request: (command as Record<string, unknown>)[method] }
  // An empty command answers a ping.
  return { id, method: id === 0 && Object.keys(command).length === 0 ? 'pong' : 'unknown' }
}

export const badFrame = (cause?: unknown) => new ChatError('bad_request', { reason: 'bad_frame', cause })

const compiled = new Map<TSchema, TypeCheck<TSchema>>()

/** @throws ChatError `invalid` with what is wrong in it */
export function check<T extends TSchema>(schema: T, value: unknown): Static<T> {
  let checker = compiled.get(schema)
  if (!checker) {
    checker = TypeCompiler.Compile(schema)
    compiled.set(schema, checker)
  }
  // What its schema was checked for.
  if (checker.Check(value)) return value as Static<T>
  const found = checker.Errors(value).First()
  throw new ChatError('invalid', found ? { errors: [fieldErrorOf(found)] } : {})
}

export const readRequest = <M extends Method>(method: M, request: unknown): RequestOf<M> =>
  check(REQUESTS[method], request) as RequestOf<M>

/** `room:12`; `undefined` for what is no room's channel. */
export function roomOf(channel: string): number | undefined {
  const digits = /^room:([1-9]\d{0,14})$/.exec(channel)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** An answer that may be cut short has no more than this: on a slow line it would not arrive before the client gives up. */
export const MAX_ANSWER_BYTES = 256 << 10

/** As many of these texts as fit into an answer, and one at least. */
export function fitting(texts: string[]): string[] {
  let bytes = 0
  const past = texts.findIndex((text, at) => {
    bytes += Buffer.byteLength(text)
    return at > 0 && bytes > MAX_ANSWER_BYTES
  })
  return past < 0 ? texts : texts.slice(0, past)
}

/** A reply to a command. `result` is JSON already. */
export const encodeReply = (id: number, method: Method, result: string): string => `{"id":${id},"${method}":${result}}`

/** The protocol's own numbers, and one above 400 of ours. */
const ERROR_NUMBERS: Record<ErrorCode, number> = {
  internal: 100,
  unavailable: 100,
  unauthenticated: 101,
  not_found: 102,
  forbidden: 103,
  origin_not_allowed: 103,
  bad_request: 107,
  invalid: 107,
  too_large: 107,
  unsupported_type: 107,
  upgrade_required: 107,
  rate_limited: 111,
  conflict: 409,
  email_taken: 409,
  client_id_reused: 409,
}
const REASON_NUMBERS: Record<string, number> = {
  method_not_found: 104,
  already_subscribed: 105,
  too_many_channels: 106,
  not_available: 108,
  token_expired: 109,
  unrecoverable_position: 112,
}
/** What may go well the next time, without any change. */
const TEMPORARY: ReadonlySet<ErrorCode> = new Set(['internal', 'unavailable', 'rate_limited'])
/** Reasons that stand for themselves. */
const OWN_WORDS: ReadonlySet<string> = new Set([
  ...Object.keys(REASON_NUMBERS),
  'message_required',
  'message_too_long',
  'room_not_found',
])

/** The word with which the message of an error begins. */
export const wordOf = ({ code, reason }: ChatError): string =>
  reason !== undefined && OWN_WORDS.has(reason) ? reason : code

export const numberOf = ({ code, reason }: ChatError): number =>
  (reason && REASON_NUMBERS[reason]) ?? ERROR_NUMBERS[code]

/** `message` is a stable word, a colon, and a sentence for people. */
export function encodeError(id: number, error: ChatError, locale: Locale): string {
  // A reason says it in full; else it is the field that is to be named.
  const field = error.reason === undefined ? error.errors?.[0] : undefined
  const sentence = field
    ? `${field.path || 'data'} ${faultOf(field, locale)}`
    : detailOf(error.reason ?? error.code, locale)
  const told = {
    code: numberOf(error),
    message: `${wordOf(error)}: ${sentence}`,
    temporary: TEMPORARY.has(error.code) || undefined,
  }
  return JSON.stringify({ id, error: told })
}

/** Why the server disconnects. Below 3500 the client comes back by itself, and recovers; from 3500 on it stays away. */
export const DISCONNECT = {
  restart: 3001,
  /** What it came in with has ended: the next `connect` is told so, and asks for a new token. */
  unauthenticated: 3005,
  noPong: 3012,
  tooMuch: 3013,
  invalidToken: 3500,
  badRequest: 3501,
  stale: 3502,
  forbidden: 3503,
} as const
export type AppEnding = keyof typeof DISCONNECT

/** The protocol's own words; never valid JSON, since some clients read advice in it. */
export const DISCONNECT_REASON: Record<AppEnding, string> = {
  restart: 'shutdown',
  unauthenticated: 'connection expired',
  noPong: 'no pong',
  tooMuch: 'too many errors',
  invalidToken: 'invalid token',
  badRequest: 'bad request',
  stale: 'stale',
  forbidden: 'force disconnect',
}
