import { and, asc, eq, gt, isNull, type SQL, sql } from 'drizzle-orm'
import type { SQLiteUpdateSetSource } from 'drizzle-orm/sqlite-core'
import type { Actor } from '../../../audit/model.ts'
import { NAMELESS, type UserRole } from '../../../users/model.ts'
import type { Profile, Upserted, UserChange, UserStore } from '../../../users/store.ts'
import { changeOf, type DatedProfile, erasureOf, toUser, type UserRow } from '../../rows.ts'
import type { Db } from '../database.ts'
import { adminLinks, presence, products, sessions, tickets, users } from '../schema.ts'
import { auditing, type Write } from '../writer/wire.ts'
import { addRevocations } from './revocations.ts'

export const userCommands = (db: Db) => ({
  admit(profile: Omit<Profile, 'disabled'>, issuedAt: number, at: number): UserRow {
    const row = rowOf(db, profile.id)
    if (!row) return insert(db, { ...profile, createdAt: at, profileAt: issuedAt })
    return row.erasedAt !== null || issuedAt < row.profileAt
      ? row
      : update(db, row, { username: profile.username, email: profile.email, profileAt: issuedAt })
  },

  upsertUsers(profiles: Profile[], at: number): [row: UserRow, before: UserRow | null][] | { erased: number } {
    const erased = profiles.findIndex(({ id }) => (rowOf(db, id)?.erasedAt ?? null) !== null)
    if (erased >= 0) return { erased }
    return profiles.map(({ disabled, ...profile }) => {
      const before = rowOf(db, profile.id)
      const row = before
        ? update(db, before, { username: profile.username, email: profile.email, profileAt: at })
        : insert(db, { ...profile, createdAt: at, profileAt: at })
      return [disabled === undefined ? row : setDisabled(db, row, disabled, at), before ?? null]
    })
  },

  changeUser(userId: string, wanted: UserChange, at: number, actor: Actor | null): boolean {
    const row = present(db, userId)
    if (!row || (actor?.kind === 'user' && !isStill(db, actor))) return false
    change(db, row, wanted, at)
    return true
  },

  signOut(userId: string, at: number): boolean {
    if (met(db, userId, at).erasedAt !== null) return false
    set(db, userId, { tokensFrom: at })
    endSessions(db, userId, at)
    addRevocations(db, 'tokens', [userId], at)
    return true
  },

  erase(userId: string, username: string, at: number): null {
    const row = met(db, userId, at)
    set(db, userId, erasureOf(row, username, at))
    // First, so that their sockets are told to stay away, and not to sign in again.
    addRevocations(db, 'user', [userId], at)
    endSessions(db, userId, at)
    db.delete(presence).where(eq(presence.userNo, row.number)).run()
    archiveProducts(db, userId, at)
    return null
  },
})

function change(db: Db, row: UserRow, wanted: UserChange, at: number) {
  if ('disabled' in wanted) setDisabled(db, row, wanted.disabled, at)
  else if ('role' in wanted) setRole(db, row.id, wanted.role, at)
  else set(db, row.id, { ...wanted, profileAt: at })
}

/** Who acts may have been put out while they did. */
function isStill(db: Db, { id, role }: Actor & { kind: 'user' }): boolean {
  const row = rowOf(db, id)
  return row?.role === role && row.disabledAt === null
}

const rowOf = (db: Db, id: string): UserRow | undefined => db.select().from(users).where(eq(users.id, id)).get()

/** Not of somebody who was erased. */
function present(db: Db, id: string): UserRow | undefined {
  const row = rowOf(db, id)
  return row?.erasedAt === null ? row : undefined
}

/** Also somebody of whom only the marketplace has heard: a token that they have must not find an empty place. */
const met = (db: Db, id: string, at: number): UserRow =>
  rowOf(db, id) ?? insert(db, { id, username: NAMELESS, createdAt: at, profileAt: 0 })

const insert = (db: Db, person: typeof users.$inferInsert): UserRow => db.insert(users).values(person).returning().get()

function update(db: Db, row: UserRow, profile: DatedProfile): UserRow {
  const own = changeOf(row, profile)
  db.update(users).set(own).where(eq(users.number, row.number)).run()
  return { ...row, ...own }
}

const set = (db: Db, userId: string, fields: SQLiteUpdateSetSource<typeof users>) =>
  db.update(users).set(fields).where(eq(users.id, userId)).run()

/** Their sessions stay so long, and tell them why they are not let in; none of them opens again after that. */
function setDisabled(db: Db, row: UserRow, disabled: boolean, at: number): UserRow {
  if (disabled === (row.disabledAt !== null)) return row
  const state = disabled ? { disabledAt: at, tokensFrom: at } : { disabledAt: null }
  set(db, row.id, state)
  if (disabled) addRevocations(db, 'user', [row.id], at)
  else endSessions(db, row.id, at)
  return { ...row, ...state }
}

function archiveProducts(db: Db, ownerId: string, at: number): void {
  const offered = and(eq(products.ownerId, ownerId), isNull(products.archivedAt))
  db.update(products).set({ archivedAt: at }).where(offered).run()
}

/** With their tickets, and with those of host tokens; it leaves word of the sessions. */
function endSessions(db: Db, userId: string, at: number): void {
  db.delete(tickets).where(eq(tickets.userId, userId)).run()
  db.delete(adminLinks).where(eq(adminLinks.userId, userId)).run()
  end(db, eq(sessions.userId, userId), at)
}

/** A link is for an admin, and so is what it opened. */
function setRole(db: Db, userId: string, role: UserRole, at: number): void {
  set(db, userId, { role })
  if (role === 'admin') return
  db.delete(adminLinks).where(eq(adminLinks.userId, userId)).run()
  end(db, and(eq(sessions.userId, userId), eq(sessions.begunBy, 'link')), at)
}

function end(db: Db, which: SQL | undefined, at: number): void {
  const ended = db.delete(sessions).where(which).returning({ hash: sessions.tokenHash }).all()
  const hashes = ended.map(({ hash }) => hash)
  addRevocations(db, 'session', hashes, at)
}

export function sqliteUsers(db: Db, write: Write<ReturnType<typeof userCommands>>, now: () => number): UserStore {
  const byId = db
    .select()
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .prepare()

  return {
    async find(id) {
      const row = byId.get({ id })
      return row && toUser(row)
    },
    async list(after, limit) {
      const where = after === undefined ? undefined : gt(users.number, after)
      const rows = db.select().from(users).where(where).orderBy(asc(users.number)).limit(limit).all()
      return rows.map((row) => ({ user: toUser(row), place: row.number }))
    },
    async admit(profile, issuedAt) {
      return toUser(await write('admit', profile, issuedAt, now()))
    },
    async upsert(profiles, at, deeds = []) {
      const upserted = await auditing(write, deeds, at)('upsertUsers', profiles, at)
      if (!Array.isArray(upserted)) return upserted
      return upserted.map(
        ([row, before]): Upserted => ({ user: toUser(row), before: before ? toUser(before) : undefined }),
      )
    },
    change: (userId, wanted, at, deed) =>
      auditing(write, [deed], at)('changeUser', userId, wanted, at, deed?.actor ?? null),
    signOut: (userId, at, deed) => auditing(write, [deed], at)('signOut', userId, at),
    async erase(userId, username, at, deed) {
      await auditing(write, [deed], at)('erase', userId, username, at)
    },
  }
}
