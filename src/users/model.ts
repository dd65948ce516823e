import { Type as t } from '@sinclair/typebox'
import { batchOf } from '../lib/http/batch.ts'

export const timestamp = (description: string) =>
  t.String({ format: 'date-time', description, examples: ['2026-11-22T10:20:00.000Z'] })

/** No half of a surrogate pair. (Lookaheads: a loop over alternatives takes a tenth of a second for the greatest body.) */
export const WELL_FORMED =
  '^(?![\\s\\S]*[\\ud800-\\udbff](?![\\udc00-\\udfff]))(?![\\s\\S]*(?<![\\ud800-\\udbff])[\\udc00-\\udfff])'

/** For names and titles: one line with something to see in it, well-formed, without control characters. */
export const LINE = {
  pattern: `${WELL_FORMED}(?=.*\\S)[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$`,
  fault: 'no_line',
} as const

const EMAIL_PART = '[^\\s@\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]'
export const Email = t.String({
  pattern: `^${EMAIL_PART}{1,64}@${EMAIL_PART}{1,189}$`,
  fault: 'no_email',
  maxLength: 254,
  description: 'Compared without regard to case.',
  examples: ['minji@example.com'],
})
/** What somebody is called of whom nobody has told a name. */
export const NAMELESS = 'Member'
export const MAX_USERNAME_LENGTH = 50
export const Username = t.String({ minLength: 1, maxLength: MAX_USERNAME_LENGTH, ...LINE, examples: ['minji'] })
/** As it is answered: what was taken once is given back, whatever the rules are then. */
const StoredUsername = t.String({ examples: ['minji'] })

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

/** What a person may do beside what everybody may. Each can do what those before it can. */
export const USER_ROLES = ['user', 'moderator', 'admin'] as const
export type UserRole = (typeof USER_ROLES)[number]

/** A person as the marketplace's backend sees them. */
export const ManagedUser = t.Object(
  {
    ...User.properties,
    role: t.Union([t.Literal('user'), t.Literal('moderator'), t.Literal('admin')]),
    disabledAt: t.Union([timestamp('Since when they may not come in.'), t.Null()]),
  },
  { title: 'ManagedUser', additionalProperties: false },
)
export type ManagedUser = typeof ManagedUser.static

const profile = {
  username: Username,
  email: t.Optional(t.Union([Email, t.Null()])),
  disabled: t.Optional(
    t.Boolean({ description: 'true: they are signed out everywhere and may not come in; false: they may again.' }),
  ),
}

export const UserProfile = t.Object(profile, { title: 'UserProfile', additionalProperties: false })
export type UserProfile = typeof UserProfile.static

export const UserBatch = batchOf('UserBatch', profile)
export type UserBatch = typeof UserBatch.static

export const ManagedUsers = t.Object(
  { items: t.Array(ManagedUser, { description: 'In the order in which they were sent.' }) },
  { title: 'ManagedUsers', additionalProperties: false },
)
export type ManagedUsers = typeof ManagedUsers.static

/** What becomes of the messages of a person who is erased. */
export const Erasure = t.Union([t.Literal('keep'), t.Literal('delete')], {
  description: '`keep`, if left out: they stay, without a name; `delete`: their texts go too.',
})
export type Erasure = typeof Erasure.static
