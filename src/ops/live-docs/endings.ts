import { ChatError, ERROR_CODES, type ErrorCode, REASONS } from '../../lib/errors.ts'
import { detailOf } from '../../lib/texts.ts'
import {
  type AppEnding,
  DISCONNECT,
  DISCONNECT_REASON,
  encodeError,
  numberOf,
  wordOf,
} from '../../live/app/protocol.ts'
import {
  CLOSE,
  CLOSE_REASON,
  encodeError as encodePlainError,
  type PlainEnding,
  socketCodeOf,
} from '../../live/plain/protocol.ts'

/** A way in which a command or a frame is refused, with the frame that tells so. */
export interface Refusal {
  /** On the app socket. */
  number?: number
  word: string
  meaning: string
  /** The same may go well later. */
  temporary?: true
  frame: { error: unknown }
}

/** A way in which a socket ends. */
export interface Ending {
  code: number
  reason: string
  meaning: string
  /** What the client then does. */
  next: string
}

/** Of the codes, those that no frame tells: they are answers before an upgrade, or have a reason that stands for them. */
const NOT_ON_SOCKETS: ReadonlySet<ErrorCode> = new Set([
  ...(['origin_not_allowed', 'email_taken', 'too_large', 'unsupported_type', 'upgrade_required'] as const),
  ...(['not_found', 'conflict'] as const),
])

/** Everything that has a name of its own where it is called as by `nameOf`. */
function errorsNamed(nameOf: (error: ChatError) => string): ChatError[] {
  const codes = ERROR_CODES.filter((code) => !NOT_ON_SOCKETS.has(code)).map((code) => new ChatError(code))
  const reasons = REASONS.map((reason) => {
    return new ChatError(reason === 'room_not_found' ? 'not_found' : 'invalid', { reason })
  })
  return [...codes, ...reasons.filter((error) => nameOf(error) === error.reason)]
}

const meaningOf = ({ code, reason }: ChatError) => detailOf(reason ?? code, 'en')

export const APP_REFUSALS: Refusal[] = errorsNamed(wordOf)
  .map((error) => {
    const frame = JSON.parse(encodeError(7, error, 'en'))
    const temporary = frame.error.temporary ? { temporary: true as const } : {}
    return { number: numberOf(error), word: wordOf(error), meaning: meaningOf(error), ...temporary, frame }
  })
  .sort((a, b) => a.number - b.number)

export const PLAIN_REFUSALS: Refusal[] = errorsNamed(socketCodeOf)
  .filter(({ code }) => code !== 'bad_request')
  .map((error) => ({
    word: socketCodeOf(error),
    meaning: meaningOf(error),
    frame: JSON.parse(encodePlainError(error, 'en')),
  }))

type Told = Pick<Ending, 'meaning' | 'next'>

const ON_APP: Record<AppEnding, Told> = {
  restart: { meaning: 'The server restarts.', next: 'Comes back, and recovers.' },
  unauthenticated: { meaning: 'What you came in with has ended.', next: 'Gets a new token, and comes back.' },
  noPong: { meaning: 'A ping was not answered.', next: 'Comes back, and recovers.' },
  tooMuch: { meaning: 'It went on after error 111, or too many commands wait.', next: 'Comes back after a while.' },
  invalidToken: { meaning: 'A refresh with a token of somebody else’s.', next: 'Stays away.' },
  badRequest: { meaning: 'A line that is no command.', next: 'Stays away.' },
  stale: { meaning: 'No `connect` within ten seconds.', next: 'Stays away.' },
  forbidden: { meaning: 'Disabled, or erased.', next: 'Stays away.' },
}

const ON_PLAIN: Record<PlainEnding, Told> = {
  unauthenticated: { meaning: 'Not signed in, or that has ended.', next: 'Gets a new token.' },
  forbidden: { meaning: 'Disabled or erased; or a server key.', next: 'Stops.' },
  roomNotFound: { meaning: 'No such room, or it is not yours.', next: 'Stops.' },
  tooSlow: { meaning: 'Too slow, or silent.', next: 'Reconnects with `?after=`.' },
  tooMuch: { meaning: 'It went on after `rate_limited`, or too many frames wait.', next: 'Waits, then reconnects.' },
  restart: { meaning: 'The server restarts, or is not ready.', next: 'Reconnects with `?after=`.' },
}

/** What Bun says of its own. */
const ON_ANY: Ending[] = [
  { code: 1002, reason: '', meaning: 'What came is no WebSocket frame.', next: 'Stops.' },
  { code: 1006, reason: '', meaning: 'The connection is lost, or over 1 MiB was left unread.', next: 'Comes back.' },
  { code: 1007, reason: '', meaning: 'A text frame that is not UTF-8.', next: 'Stops.' },
  { code: 1009, reason: '', meaning: 'A frame over 64 KiB.', next: 'Stops.' },
]

const endingsOf = <E extends string>(
  codes: Record<E, number>,
  reasons: Record<E, string>,
  told: Record<E, Told>,
): Ending[] => {
  const own = (Object.keys(codes) as E[]).map((why) => ({ code: codes[why], reason: reasons[why], ...told[why] }))
  return [...own, ...ON_ANY].sort((a, b) => a.code - b.code)
}

export const APP_ENDINGS = endingsOf(DISCONNECT, DISCONNECT_REASON, ON_APP)
export const PLAIN_ENDINGS = endingsOf(CLOSE, CLOSE_REASON, ON_PLAIN)
