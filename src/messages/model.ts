import { Type as t } from '@sinclair/typebox'
import { Peer } from '../users/model.ts'

/** UTF-16 units, as JavaScript counts. */
export const MAX_TEXT_LENGTH = 4000

export const ClientId = t.String({
  minLength: 1,
  maxLength: 128,
  pattern: '^[\\x21-\\x7e]+$',
  fault: 'no_client_id',
  description: "The sender's own id of the message: a retry with the same one returns the first message.",
  examples: ['0193f3a2-7b1c-7000-8000-0000000000c1'],
})

export const Message = t.Object(
  {
    roomId: t.Integer({ minimum: 1, examples: [12] }),
    seq: t.Integer({ minimum: 1, description: 'The place in the room: 1, 2, 3, with no gap.', examples: [41] }),
    kind: t.String({
      description: '`text`, `system`, or `deleted` (its text is gone); readers ignore kinds they do not know.',
      examples: ['text'],
    }),
    sender: t.Union([Peer, t.Null()], { description: 'null on system messages' }),
    text: t.String({ examples: ['Is it free on Saturday?'] }),
    clientId: t.Union([ClientId, t.Null()]),
    createdAt: t.String({ format: 'date-time', examples: ['2026-11-22T10:20:00.000Z'] }),
  },
  { title: 'Message', additionalProperties: false },
)
export type Message = typeof Message.static

export const NewMessage = t.Object(
  {
    // Its length is `readText`'s to judge: NFC and `\n` for `\r\n` can make it two thirds shorter.
    text: t.String({
      minLength: 1,
      description: `At most ${MAX_TEXT_LENGTH} UTF-16 units as it is stored: in NFC, with \\n for \\r\\n.`,
      examples: ['Is it free on Saturday?'],
    }),
    clientId: t.Optional(ClientId),
  },
  { title: 'NewMessage', additionalProperties: false, examples: [{ text: 'Is it free on Saturday?' }] },
)
export type NewMessage = typeof NewMessage.static

export const MessagePage = t.Object(
  {
    items: t.Array(Message, { description: 'Ascending by seq.' }),
    hasMore: t.Boolean({ description: 'There is more in the direction that was asked for.' }),
  },
  { title: 'MessagePage', additionalProperties: false },
)
export type MessagePage = typeof MessagePage.static

export type TextProblem = 'message_required' | 'message_too_long' | 'message_not_text'

// All of C0 and C1 but tab and newline: terminals, logs and screen readers act on the rest.
const CONTROL = /[^\P{Cc}\t\n]/u

// No writing has that many marks on a letter (UAX #15 §13, Stream-Safe Text Format), and the time that normalising takes
// grows with the square of their number: seconds for one large frame.
const PILE_OF_MARKS = /\p{M}{31}/u

/** The text as it is stored (NFC, `\n` for line ends, untrimmed), or what is wrong with it. */
export function readText(raw: string): { text: string } | { problem: TextProblem } {
  if (PILE_OF_MARKS.test(raw)) return { problem: 'message_not_text' }
  const text = raw.replaceAll('\r\n', '\n').normalize('NFC')
  if (text.length > MAX_TEXT_LENGTH) return { problem: 'message_too_long' }
  if (text.trim() === '') return { problem: 'message_required' }
  if (!text.isWellFormed() || CONTROL.test(text)) return { problem: 'message_not_text' }
  return { text }
}
