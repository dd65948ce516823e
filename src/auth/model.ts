import { Type as t } from '@sinclair/typebox'

const timestamp = (description: string) =>
  t.String({ format: 'date-time', description, examples: ['2026-11-22T10:20:00.000Z'] })

/** No half of a surrogate pair. (Lookaheads: a loop over alternatives takes a tenth of a second for the greatest body.) */
const WELL_FORMED =
  '^(?![\\s\\S]*[\\ud800-\\udbff](?![\\udc00-\\udfff]))(?![\\s\\S]*(?<![\\ud800-\\udbff])[\\udc00-\\udfff])'

/** For names and titles: one line with something to see in it, well-formed, without control characters. */
export const LINE = {
  pattern: `${WELL_FORMED}(?=.*\\S)[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$`,
  fault: 'no_line',
} as const

const EMAIL_PART = '[^\\s@\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]'
const Email = t.String({
  pattern: `^${EMAIL_PART}{1,64}@${EMAIL_PART}{1,189}$`,
  fault: 'no_email',
  maxLength: 254,
  description: 'Compared without regard to case.',
  examples: ['minji@example.com'],
})
const Username = t.String({ minLength: 1, maxLength: 50, ...LINE, examples: ['minji'] })
/** As it is answered: what was taken once is given back, whatever the rules are then. */
const StoredUsername = t.String({ examples: ['minji'] })
const NewPassword = t.String({
  minLength: 10,
  maxLength: 1024,
  pattern: WELL_FORMED,
  fault: 'no_unicode',
  description: 'At least 10 characters, at most 1 KiB.',
  examples: ['correct horse battery'],
})
/** Any password that somebody may try: only its size is checked, so that a wrong one and a short one look the same. */
const GivenPassword = t.String({ maxLength: 1024, examples: ['correct horse battery'] })

/** A person as others see them. */
export const Peer = t.Object(
  { id: t.String({ examples: ['0193f3a2-7b1c-7000-8000-0000000000a1'] }), username: StoredUsername },
  { title: 'Peer', additionalProperties: false },
)
export type Peer = typeof Peer.static

/** A person as they see themselves. */
export const User = t.Object(
  {
    id: Peer.properties.id,
    username: StoredUsername,
    email: t.Optional(t.String({ examples: ['minji@example.com'] })),
    createdAt: timestamp('When the account was made.'),
  },
  { title: 'User', additionalProperties: false },
)
export type User = typeof User.static

export const NewAccount = t.Object(
  { email: Email, username: Username, password: NewPassword },
  { title: 'NewAccount', additionalProperties: false },
)
export type NewAccount = typeof NewAccount.static

export const Credentials = t.Object(
  { email: t.String({ maxLength: 254, examples: ['minji@example.com'] }), password: GivenPassword },
  { title: 'Credentials', additionalProperties: false },
)
export type Credentials = typeof Credentials.static

export const SessionGrant = t.Object(
  {
    user: User,
    token: t.String({ description: 'Shown once. Send it as `Authorization: Bearer …`.', examples: ['pls_q5…'] }),
    expiresAt: timestamp('When the session ends.'),
  },
  { title: 'SessionGrant', additionalProperties: false },
)
export type SessionGrant = typeof SessionGrant.static

export const ProfileChange = t.Object({ username: Username }, { title: 'ProfileChange', additionalProperties: false })
export type ProfileChange = typeof ProfileChange.static

export const PasswordChange = t.Object(
  { current: GivenPassword, next: NewPassword },
  { title: 'PasswordChange', additionalProperties: false },
)
export type PasswordChange = typeof PasswordChange.static

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

/** Who is asking, as every service takes it. `session` is the hash of the session's token. */
export interface Identity {
  readonly user: Peer & { email: string | undefined }
  readonly session: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}
