import { Type as t } from '@sinclair/typebox'
import type { ServerKey } from '../keys/model.ts'
import { type Peer, timestamp, type UserRole } from '../users/model.ts'

export const TicketRequest = t.Object(
  {
    origin: t.Optional(
      t.String({
        // Apps in a web view have schemes of their own, such as capacitor://localhost.
        pattern: '^[a-z][a-z0-9+.-]*://[a-zA-Z0-9.:\\[\\]-]+$',
        fault: 'no_origin',
        maxLength: 300,
        description:
          'The page origin that may spend the ticket. Without it, the Origin of this request, if it has one.',
        examples: ['https://shop.example'],
      }),
    ),
  },
  { title: 'TicketRequest', additionalProperties: false },
)
export type TicketRequest = typeof TicketRequest.static

export const Ticket = t.Object(
  {
    ticket: t.String({ description: 'Good for one socket, once: `?ticket=…`.', examples: ['plt_Zr…'] }),
    expiresAt: timestamp('30 seconds from now.'),
  },
  { title: 'Ticket', additionalProperties: false },
)
export type Ticket = typeof Ticket.static

/** The person who is asking, as every service takes it. Times in milliseconds since 1970. */
export interface Identity {
  readonly user: Peer & { email: string | undefined }
  readonly role: UserRole
  /** The hash of the session's token; `undefined` for whoever came with a token of the marketplace's. */
  readonly session: string | undefined
  /** Since when we know what was shown: a token of the marketplace's that was seen before a revocation is covered by it. */
  readonly seenAt: number
  readonly expiresAt: number
}

/** Who is asking: a person, or the marketplace's backend. */
export type Caller = { person: Identity; key?: never } | { key: ServerKey; person?: never }
