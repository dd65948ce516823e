import type { AdminRoom, AuditEntry } from '../admin/model.ts'
import type { Found, ListedSession, RoomPlace, RoomSearch, SeenUser, SessionPlace } from '../admin/store.ts'
import type { AuditTarget, Deed } from '../audit/model.ts'
import type { Peer } from '../users/model.ts'
import type { StoredUser } from '../users/store.ts'
import { type ProductRow, toProduct, toUser, type UserRow } from './rows.ts'

/** A search for a part looks at so many people or products at a time, so that it holds up nobody. */
export const LOOKED_THROUGH = 10_000
/** Of rooms each needs its product too. */
export const ROOMS_LOOKED_THROUGH = 2000

/** What a search has found: `rows` are one more than asked for if there are more; else it goes on at `end`, if it was given up there. */
interface Findings<R, P> {
  /** Whoever is meant exactly: before all others, and beside as many as were asked for, where the search begins. */
  exact?: R[]
  rows: R[]
  limit: number
  placeOf: (row: R) => P
  end?: P | undefined
}

export function pageOf<R, T, P>(
  { exact = [], rows, limit, placeOf, end }: Findings<R, P>,
  item: (row: R) => T,
): Found<T, P> {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  const place = rows.length > limit && last ? placeOf(last) : end
  return { items: [...exact, ...page].map(item), place }
}

interface SeenRow {
  user: UserRow
  lastSeenAt: number | null
}

export const toSeenUser = ({ user, lastSeenAt }: SeenRow): SeenUser => ({
  user: toUser(user),
  lastSeenAt: lastSeenAt ?? undefined,
})

/** Made by the first link, where nobody is an admin yet. Whoever has the link is who they are. */
export const FIRST_ADMIN = { username: 'Admin', role: 'admin' as const }

export const signInOf = ({ id, role }: Pick<StoredUser, 'id' | 'role'>): Deed => ({
  actor: { kind: 'user', id, role },
  action: 'admin.sign_in',
  target: { kind: 'user', id },
})

/** How a write says that it has stored nothing: then there is no deed either. */
export const isRefusal = (result: unknown): boolean =>
  result === false || (typeof result === 'object' && result !== null && 'erased' in result)

interface AuditRow {
  number: number
  at: number
  actorKind: Deed['actor']['kind']
  actorId: string | null
  action: string
  targetKind: AuditTarget
  targetId: string
  details: string
}

export const toAuditRow = ({ actor, action, target, details = {} }: Deed, at: number): Omit<AuditRow, 'number'> => ({
  at,
  actorKind: actor.kind,
  actorId: actor.kind === 'cli' ? null : actor.id,
  action,
  targetKind: target.kind,
  targetId: target.id,
  details: JSON.stringify(details),
})

interface JoinedAuditRow {
  entry: AuditRow
  /** What they are called now; null where it is none of these. */
  actor: string | null
  key: string | null
  target: string | null
}

export const toAuditEntry = ({ entry, actor, key, target }: JoinedAuditRow): AuditEntry => ({
  id: entry.number,
  at: new Date(entry.at).toISOString(),
  actor: { kind: entry.actorKind, id: entry.actorId, name: actor ?? key },
  action: entry.action,
  target: { kind: entry.targetKind, id: entry.targetId, name: target },
  details: JSON.parse(entry.details),
})

interface RoomRow {
  room: { id: number; lastSeq: number; lastMessageId: number; createdAt: number }
  product: ProductRow
  owner: Peer
  customer: Peer
  /** Of its newest message. */
  lastAt: number | null
}

export const toAdminRoom = ({ room, product, owner, customer, lastAt }: RoomRow): AdminRoom => ({
  id: room.id,
  product: toProduct(product),
  owner,
  customer,
  lastSeq: room.lastSeq,
  createdAt: new Date(room.createdAt).toISOString(),
  lastActivityAt: new Date(lastAt ?? room.createdAt).toISOString(),
})

export const placeOfRoom = ({ room }: Pick<RoomRow, 'room'>): RoomPlace => ({
  activity: room.lastMessageId,
  id: room.id,
})

/** Newest activity first. */
export const inOrder = (places: RoomPlace[]): RoomPlace[] =>
  places.sort((a, b) => b.activity - a.activity || b.id - a.id)

/** Who looks among all rooms may mean one by its number. */
export const roomIdIn = ({ q = '', userId, productId }: RoomSearch): number | undefined =>
  userId === undefined && productId === undefined && /^[1-9]\d{0,14}$/.test(q) ? Number(q) : undefined

interface SessionRow {
  session: Omit<ListedSession, 'user'> & { userId: string }
  username: string
}

export const toListed = ({ session, username }: SessionRow): ListedSession => ({
  tokenHash: session.tokenHash,
  user: { id: session.userId, username },
  createdAt: session.createdAt,
  lastUsedAt: session.lastUsedAt,
  expiresAt: session.expiresAt,
})

export const placeOfSession = ({ session }: SessionRow): SessionPlace => ({
  expiresAt: session.expiresAt,
  id: session.tokenHash,
})
