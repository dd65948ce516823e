import type { TicketRecord } from '../auth/store.ts'
import { SCOPES } from '../keys/model.ts'
import type { StoredKey } from '../keys/store.ts'
import type { Seen } from '../presence/store.ts'
import type { Product } from '../products/model.ts'
import type { Profile, StoredUser } from '../users/store.ts'

/** A row as both schemas have it, and so each of the others here. */
export interface UserRow extends Omit<StoredUser, 'email' | 'disabledAt' | 'erasedAt' | 'hasPassword'> {
  number: number
  email: string | null
  passwordHash: string | null
  disabledAt: number | null
  erasedAt: number | null
}

export const toUser = ({ number: _, passwordHash, email, disabledAt, erasedAt, ...row }: UserRow): StoredUser => ({
  ...row,
  email: email ?? undefined,
  disabledAt: disabledAt ?? undefined,
  erasedAt: erasedAt ?? undefined,
  hasPassword: passwordHash !== null,
})

export type DatedProfile = Pick<Profile, 'username' | 'email'> & { profileAt: number }

/** People sign in with the e-mail of a password account: it is not the marketplace's to change. */
export const changeOf = ({ passwordHash }: UserRow, { email, ...profile }: DatedProfile) =>
  email === undefined || passwordHash !== null ? profile : { ...profile, email }

/** What is written over somebody who is erased. */
export const erasureOf = ({ disabledAt }: UserRow, username: string, at: number) => ({
  email: null,
  passwordHash: null,
  role: 'user' as const,
  username,
  profileAt: at,
  tokensFrom: at,
  disabledAt: disabledAt ?? at,
  erasedAt: at,
})

export interface TicketRow extends Omit<TicketRecord, 'basis' | 'origin'> {
  sessionHash: string | null
  tokenSeenAt: number | null
  tokenExpiresAt: number | null
  origin: string | null
}

export function toTicketRow({ basis, origin, ...ticket }: TicketRecord): TicketRow {
  const [sessionHash, tokenSeenAt, tokenExpiresAt] =
    'session' in basis ? [basis.session, null, null] : [null, basis.seenAt, basis.expiresAt]
  return { ...ticket, origin: origin ?? null, sessionHash, tokenSeenAt, tokenExpiresAt }
}

export function toTicket({ sessionHash, tokenSeenAt, tokenExpiresAt, origin, ...ticket }: TicketRow): TicketRecord {
  const basis =
    sessionHash === null ? { seenAt: tokenSeenAt ?? 0, expiresAt: tokenExpiresAt ?? 0 } : { session: sessionHash }
  return { ...ticket, basis, origin: origin ?? undefined }
}

interface KeyRow extends Pick<StoredKey, 'id' | 'name' | 'createdAt'> {
  /** Separated by commas. */
  scopes: string
  lastUsedAt: number | null
  revokedAt: number | null
}

export const toKey = ({ scopes, lastUsedAt, revokedAt, ...row }: KeyRow): StoredKey => ({
  id: row.id,
  name: row.name,
  // A scope that this release does not know opens nothing.
  scopes: SCOPES.filter((scope) => scopes.split(',').includes(scope)),
  createdAt: row.createdAt,
  lastUsedAt: lastUsedAt ?? undefined,
  revokedAt: revokedAt ?? undefined,
})

export interface ProductRow extends Omit<Product, 'createdAt' | 'archivedAt'> {
  number: number
  createdAt: number
  archivedAt: number | null
}

export const toProduct = ({ number: _, ...row }: ProductRow): Product => ({
  ...row,
  createdAt: new Date(row.createdAt).toISOString(),
  archivedAt: row.archivedAt === null ? null : new Date(row.archivedAt).toISOString(),
})

/** Of a product that is stored (again): since when it is archived, if it is. */
export function archivedSince(before: ProductRow | undefined, archived: boolean | undefined, at: number) {
  const since = before?.archivedAt ?? null
  return archived === undefined ? since : archived ? (since ?? at) : null
}

/** What LIKE takes, with a backslash as its escape. */
export const patternOf = (part: string) => `%${part.replaceAll(/[\\%_]/g, '\\$&')}%`

interface PresenceRow {
  lastSeenAt: number | null
  hiddenAt: number | null
}

export const toPresence = ({ lastSeenAt, hiddenAt }: PresenceRow): Omit<Seen, 'userId'> => ({
  lastSeenAt: lastSeenAt ?? undefined,
  isHidden: hiddenAt !== null,
})

/** Of those who were found, in the order in which they were asked for. */
export function toSeen(userIds: readonly string[], rows: (PresenceRow & { userId: string })[]): Seen[] {
  const found = new Map(rows.map((row) => [row.userId, row]))
  return userIds.flatMap((userId) => {
    const row = found.get(userId)
    return row ? [{ userId, ...toPresence(row) }] : []
  })
}
