import { and, eq, isNotNull, ne, sql } from 'drizzle-orm'
import type { AccountStore, NewAccountRecord, PasswordHashes } from '../../../accounts/store.ts'
import type { NewSession } from '../../../auth/store.ts'
import { toUser } from '../../rows.ts'
import type { Db } from '../database.ts'
import { sessions, users } from '../schema.ts'
import { auditing, type Write } from '../writer/wire.ts'
import { addRevocations } from './revocations.ts'

export const accountCommands = (db: Db) => ({
  createAccount(account: NewAccountRecord, session: NewSession | null): boolean {
    const taken = and(eq(users.email, account.email), isNotNull(users.passwordHash))
    if (db.select({ id: users.id }).from(users).where(taken).get()) return false
    db.insert(users)
      .values({ ...account, profileAt: account.createdAt })
      .run()
    if (session) {
      db.insert(sessions)
        .values({ ...session, lastUsedAt: session.createdAt })
        .run()
    }
    return true
  },

  setPassword(userId: string, change: { current: string | null; next: string; keep: string | null }, at: number) {
    const { current, next, keep } = change
    const unchanged = current === null ? isNotNull(users.passwordHash) : eq(users.passwordHash, current)
    const own = and(eq(users.id, userId), unchanged)
    if (!db.update(users).set({ passwordHash: next }).where(own).returning({ id: users.id }).get()) return false
    const others = and(eq(sessions.userId, userId), keep === null ? undefined : ne(sessions.tokenHash, keep))
    const ended = db.delete(sessions).where(others).returning({ hash: sessions.tokenHash }).all()
    addRevocations(
      db,
      'session',
      ended.map(({ hash }) => hash),
      at,
    )
    return true
  },
})

export function sqliteAccounts(db: Db, write: Write<ReturnType<typeof accountCommands>>): AccountStore {
  const byEmail = db
    .select()
    .from(users)
    .where(and(eq(users.email, sql.placeholder('email')), isNotNull(users.passwordHash)))
    .prepare()

  return {
    create: (account, session, deed) =>
      auditing(write, [deed], account.createdAt)('createAccount', account, session ?? null),
    async findByEmail(email) {
      const row = byEmail.get({ email })
      return row && { user: toUser(row), passwordHash: row.passwordHash ?? '' }
    },
    setPassword: (userId, { current, next, keep }: PasswordHashes, at, deed) =>
      auditing(write, [deed], at)('setPassword', userId, { current: current ?? null, next, keep: keep ?? null }, at),
  }
}
