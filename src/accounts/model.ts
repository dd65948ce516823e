import { Type as t } from '@sinclair/typebox'
import { Email, timestamp, User, Username, WELL_FORMED } from '../users/model.ts'

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
