import { and, asc, eq, gt, isNull, sql } from 'drizzle-orm'
import type { Actor } from '../../../audit/model.ts'
import { NAMELESS, type UserRole } from '../../../users/model.ts'
import type { Profile, Upserted, UserChange, UserStore } from '../../../users/store.ts'
import { changeOf, type DatedProfile, erasureOf, toUser, type UserRow } from '../../rows.ts'
import { auditing } from '../console/audit.ts'
import type { Db } from '../database.ts'
import { adminLinks, presence, products, sessions, tickets, users } from '../schema.ts'
import type { Reads, Tx, Write } from '../transactions.ts'
import { addRevocations, endSessions } from './revocations.ts'

async function upsertAll(tx: Tx, profiles: Profile[], at: number): Promise<Upserted[] | { erased: number }> {
  const before = []
  for (const { id } of profiles) before.push(await rowOf(tx, id))
  const erased = before.findIndex((row) => (row?.erasedAt ?? null) !== null)
  if (erased >= 0) return { erased }
  const upserted: Upserted[] = []
  for (const profile of profiles) upserted.push(await upsertOne(tx, profile, at))
  return upserted
}

async function upsertOne(tx: Tx, { disabled, ...profile }: Profile, at: number): Promise<Upserted> {
  const before = await rowOf(tx, profile.id)
  const row = before
    ? await update(tx, before, { username: profile.username, email: profile.email, profileAt: at })
    : await insert(tx, { ...profile, createdAt: at, profileAt: at })
  const user = disabled === undefined ? row : await setDisabled(tx, row, disabled, at)
  return { user: toUser(user), before: before && toUser(before) }
}

interface Change {
  userId: string
  wanted: UserChange
  at: number
  actor: (Actor & { kind: 'user' }) | undefined
}

async function change(tx: Tx, { userId, wanted, at, actor }: Change): Promise<boolean> {
  const row = await present(tx, userId)
  if (!row || (actor && !(await isStill(tx, actor)))) return false
  if ('disabled' in wanted) await setDisabled(tx, row, wanted.disabled, at)
  else if ('role' in wanted) await setRole(tx, userId, wanted.role, at)
  else await set(tx, userId, { ...wanted, profileAt: at })
  return true
}

/** Who acts may have been put out while they did. */
async function isStill(tx: Tx, { id, role }: Actor & { kind: 'user' }): Promise<boolean> {
  const row = await rowOf(tx, id)
  return row?.role === role && row.disabledAt === null
}

async function signOut(tx: Tx, userId: string, at: number): Promise<boolean> {
  if ((await met(tx, userId, at)).erasedAt !== null) return false
  await set(tx, userId, { tokensFrom: at })
  await endAll(tx, userId, at)
  await addRevocations(tx, 'tokens', [userId], at)
  return true
}

async function erase(tx: Tx, userId: string, username: string, at: number): Promise<void> {
  const row = await met(tx, userId, at)
  await set(tx, userId, erasureOf(row, username, at))
  // First, so that their sockets are told to stay away, and not to sign in again.
  await addRevocations(tx, 'user', [userId], at)
  await endAll(tx, userId, at)
  await tx.delete(presence).where(eq(presence.userNo, row.number))
  await archiveProducts(tx, userId, at)
}

async function rowOf(db: Reads, id: string): Promise<UserRow | undefined> {
  const [row] = await db.select().from(users).where(eq(users.id, id))
  return row
}

/** Not of somebody who was erased. */
async function present(db: Reads, id: string): Promise<UserRow | undefined> {
  const row = await rowOf(db, id)
  return row?.erasedAt === null ? row : undefined
}

/** Also somebody of whom only the marketplace has heard: a token that they have must not find an empty place. */
const met = async (tx: Tx, id: string, at: number): Promise<UserRow> =>
  (await rowOf(tx, id)) ?? (await insert(tx, { id, username: NAMELESS, createdAt: at, profileAt: 0 }))

async function insert(tx: Tx, person: typeof users.$inferInsert): Promise<UserRow> {
  const [row] = await tx.insert(users).values(person).returning()
  if (!row) throw new Error('nobody was inserted')
  return row
}

async function update(tx: Tx, row: UserRow, profile: DatedProfile): Promise<UserRow> {
  const own = changeOf(row, profile)
  await tx.update(users).set(own).where(eq(users.number, row.number))
  return { ...row, ...own }
}

const set = (tx: Tx, userId: string, fields: Partial<typeof users.$inferInsert>) =>
  tx.update(users).set(fields).where(eq(users.id, userId))

/** Their sessions stay so long, and tell them why they are not let in; none of them opens again after that. */
async function setDisabled(tx: Tx, row: UserRow, disabled: boolean, at: number): Promise<UserRow> {
  if (disabled === (row.disabledAt !== null)) return row
  const state = disabled ? { disabledAt: at, tokensFrom: at } : { disabledAt: null }
  await set(tx, row.id, state)
  if (disabled) await addRevocations(tx, 'user', [row.id], at)
  else await endAll(tx, row.id, at)
  return { ...row, ...state }
}

function archiveProducts(tx: Tx, ownerId: string, at: number) {
  const offered = and(eq(products.ownerId, ownerId), isNull(products.archivedAt))
  return tx.update(products).set({ archivedAt: at }).where(offered)
}

/** With their tickets, and with those of host tokens. */
async function endAll(tx: Tx, userId: string, at: number): Promise<void> {
  await tx.delete(tickets).where(eq(tickets.userId, userId))
  await tx.delete(adminLinks).where(eq(adminLinks.userId, userId))
  await endSessions(tx, eq(sessions.userId, userId), at)
}

/** A link is for an admin, and so is what it opened. */
async function setRole(tx: Tx, userId: string, role: UserRole, at: number): Promise<void> {
  await set(tx, userId, { role })
  if (role === 'admin') return
  await tx.delete(adminLinks).where(eq(adminLinks.userId, userId))
  await endSessions(tx, and(eq(sessions.userId, userId), eq(sessions.begunBy, 'link')), at)
}

export function postgresUsers(db: Db, write: Write, now: () => number): UserStore {
  const byId = db
    .select()
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .prepare()

  return {
    async find(id) {
      const [row] = await byId.execute({ id })
      return row && toUser(row)
    },
    async list(after, limit) {
      const where = after === undefined ? undefined : gt(users.number, after)
      const rows = await db.select().from(users).where(where).orderBy(asc(users.number)).limit(limit)
      return rows.map((row) => ({ user: toUser(row), place: row.number }))
    },
    admit: (profile, issuedAt) =>
      write([profile.id], async (tx) => {
        const row = await rowOf(tx, profile.id)
        if (!row) return toUser(await insert(tx, { ...profile, createdAt: now(), profileAt: issuedAt }))
        if (row.erasedAt !== null || issuedAt < row.profileAt) return toUser(row)
        const { username, email } = profile
        return toUser(await update(tx, row, { username, email, profileAt: issuedAt }))
      }),
    upsert: (profiles, at, deeds = []) =>
      write(
        [...new Set(profiles.map(({ id }) => id))],
        auditing(deeds, at, (tx) => upsertAll(tx, profiles, at)),
      ),
    change(userId, wanted, at, deed) {
      const actor = deed?.actor.kind === 'user' ? deed.actor : undefined
      const work = auditing([deed], at, (tx) => change(tx, { userId, wanted, at, actor }))
      return write(actor ? [userId, actor.id] : [userId], work)
    },
    signOut: (userId, at, deed) =>
      write(
        [userId],
        auditing([deed], at, (tx) => signOut(tx, userId, at)),
      ),
    erase: (userId, username, at, deed) =>
      write(
        [userId],
        auditing([deed], at, (tx) => erase(tx, userId, username, at)),
      ),
  }
}
