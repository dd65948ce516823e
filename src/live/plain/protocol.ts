import { TypeCompiler } from '@sinclair/typebox/compiler'
import { ChatError } from '../../lib/errors.ts'
import { parseJson } from '../../lib/json.ts'
import { detailOf, type Locale } from '../../lib/texts.ts'
import { ClientId, type Message } from '../../messages/model.ts'

/** A frame that was read: `roomId` is NaN where it names no room. */
export interface PlainSend {
  text: string
  senderEmail: string | undefined
  roomId: number | undefined
  clientId: string | undefined
}

const clientId = TypeCompiler.Compile(ClientId)

/** @throws ChatError `bad_frame` where it is no JSON object, `invalid` where a field has a wrong type. */
export function parseFrame(raw: string | Buffer): Record<string, unknown> {
  if (typeof raw !== 'string') throw badFrame()
  let frame: unknown
  try {
    frame = parseJson(raw)
  } catch (cause) {
    throw badFrame(cause)
  }
  if (typeof frame !== 'object' || frame === null || Array.isArray(frame)) throw badFrame()
  // A JSON object, whose keys are all its own: JSON.parse makes no prototype out of `__proto__`.
  return frame as Record<string, unknown>
}

const badFrame = (cause?: unknown) => new ChatError('bad_request', { reason: 'bad_frame', cause })

/** The client's own id of a frame, however wrong the rest of it is, so that an error can name it. */
export const clientIdOf = ({ client_id }: Record<string, unknown>): string | undefined =>
  clientId.Check(client_id) ? client_id : undefined

export function readSend(frame: Record<string, unknown>): PlainSend {
  const { message, sender_email: senderEmail, room_id: roomId } = frame
  if (typeof message !== 'string') throw new ChatError('invalid', { reason: 'message_required' })
  if (!isAbsent(senderEmail) && typeof senderEmail !== 'string') {
    throw new ChatError('forbidden', { reason: 'sender_mismatch' })
  }
  const id = clientIdOf(frame)
  if (!isAbsent(frame.client_id) && id === undefined) throw new ChatError('invalid', { reason: 'bad_client_id' })
  return {
    text: message,
    senderEmail: isAbsent(senderEmail) ? undefined : senderEmail,
    roomId: isAbsent(roomId) ? undefined : roomIdOf(roomId),
    clientId: id,
  }
}

const isAbsent = (value: unknown): value is null | undefined => value === undefined || value === null

/** Pages that were rendered on a server often have the id as a string. */
export function roomIdOf(raw: unknown): number {
  const isText = typeof raw === 'string' || typeof raw === 'number'
  return isText && /^[1-9]\d{0,15}$/.test(String(raw)) ? Number(raw) : Number.NaN
}

/** The plain form of an entry; `undefined` for kinds that this form does not have. */
export function encodePlain({ roomId, seq, kind, sender, text, clientId, createdAt }: Message): string | undefined {
  if (kind !== 'text' && kind !== 'system') return undefined
  return JSON.stringify({
    message: text,
    sender_username: sender?.username ?? '',
    sender_id: sender?.id ?? null,
    room_id: roomId,
    seq,
    sent_at: createdAt,
    client_id: clientId ?? undefined,
  })
}

/** The reasons that are codes of their own on a socket. */
const SOCKET_CODES: ReadonlySet<string> = new Set([
  'bad_frame',
  'message_required',
  'message_too_long',
  'sender_mismatch',
  'room_not_found',
  'replay_too_long',
])

/** The code of an error frame. */
export const socketCodeOf = ({ code, reason }: ChatError): string =>
  reason !== undefined && SOCKET_CODES.has(reason) ? reason : code

export const encodeError = (error: ChatError, locale: Locale, client_id?: string): string =>
  JSON.stringify({
    error: detailOf(error.reason ?? error.code, locale),
    code: socketCodeOf(error),
    client_id,
  })

/** Why the server closes a plain socket. The numbers are the protocol's. */
export const CLOSE = {
  unauthenticated: 4401,
  forbidden: 4403,
  roomNotFound: 4404,
  tooSlow: 4408,
  tooMuch: 4409,
  restart: 1012,
} as const
export type PlainEnding = keyof typeof CLOSE

/** Never valid JSON: some clients read advice in it. */
export const CLOSE_REASON: Record<PlainEnding, string> = {
  unauthenticated: 'not signed in',
  forbidden: 'not allowed any more',
  roomNotFound: 'no such room',
  tooSlow: 'too slow',
  tooMuch: 'too much',
  restart: 'the server restarts',
}

/** How a socket is closed that may not be opened, or cannot be for now. */
export function endingOf({ code }: ChatError): PlainEnding {
  if (code === 'not_found') return 'roomNotFound'
  return code === 'unauthenticated' || code === 'forbidden' ? code : 'restart'
}
