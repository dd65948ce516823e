import { and, asc, eq, isNotNull, isNull, or, sql } from 'drizzle-orm'
import type { IssuedLink, LinkRecord, LinkStore } from '../../../admin/store.ts'
import { OPERATOR } from '../../../audit/model.ts'
import type { NewSession } from '../../../auth/store.ts'
import { toUser, type UserRow } from '../../rows.ts'
import { FIRST_ADMIN, signInOf } from '../../rows-console.ts'
import type { Db } from '../database.ts'
import { adminLinks, sessions, users } from '../schema.ts'
import { endOldest } from '../stores/sessions.ts'
import type { Write } from '../writer/wire.ts'
import { addDeeds } from './audit.ts'

/** Written out, so that the index of admins is used. */
const isAdmin = and(sql`${users.role} = 'admin'`, isNull(users.disabledAt))

export const linkCommands = (db: Db) => ({
  issueLink(
    link: LinkRecord,
    { id, newId }: { id?: string | undefined; newId: string },
    at: number,
  ): IssuedLink | null {
    const wanted = id === undefined ? isAdmin : and(isAdmin, eq(users.id, id))
    const found = db.select().from(users).where(wanted).orderBy(asc(users.number)).get()
    if (!found && id !== undefined) return null
    const admin =
      found ??
      db
        .insert(users)
        .values({ ...FIRST_ADMIN, id: newId, createdAt: at })
        .returning()
        .get()
    db.delete(adminLinks).where(eq(adminLinks.userId, admin.id)).run()
    db.insert(adminLinks)
      .values({ ...link, userId: admin.id })
      .run()
    addDeeds(db, [{ actor: OPERATOR, action: 'admin.link', target: { kind: 'user', id: admin.id } }], at)
    return { userId: admin.id, username: admin.username, created: !found }
  },

  spendLink(tokenHash: string, session: Omit<NewSession, 'userId'>, at: number): UserRow | null {
    const link = db.delete(adminLinks).where(eq(adminLinks.tokenHash, tokenHash)).returning().get()
    if (!link || link.expiresAt <= at) return null
    const admin = db
      .select()
      .from(users)
      .where(and(isAdmin, eq(users.id, link.userId)))
      .get()
    if (!admin) return null
    endOldest(db, admin.id, at)
    db.insert(sessions)
      .values({ ...session, userId: admin.id, lastUsedAt: at, begunBy: 'link' })
      .run()
    addDeeds(db, [signInOf(admin)], at)
    return admin
  },
})

export const sqliteLinks = (db: Db, write: Write<ReturnType<typeof linkCommands>>): LinkStore => ({
  issue: async (link, admin, at) => (await write('issueLink', link, admin, at)) ?? undefined,
  async spend(tokenHash, session, at) {
    const row = await write('spendLink', tokenHash, session, at)
    return row ? toUser(row) : undefined
  },
  async isSettled() {
    const settled = or(isNotNull(users.passwordHash), isNotNull(sessions.tokenHash))
    const rows = db
      .select({ id: users.id })
      .from(users)
      .leftJoin(sessions, eq(sessions.userId, users.id))
      .where(and(isAdmin, settled))
      .limit(1)
    return rows.get() !== undefined
  },
})
