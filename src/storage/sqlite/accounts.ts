import { and, eq, isNotNull, isNull, ne, sql } from 'drizzle-orm'
import type { Account, AccountStore, NewSession, PasswordHashes } from '../../auth/store.ts'
import type { Db } from './database.ts'
import { sessions, users } from './schema.ts'
import type { Write } from './writer/wire.ts'

export const accountCommands = (db: Db) => ({
  createAccount(account: Account & { passwordHash: string }, session: NewSession): boolean {
    const taken = and(eq(users.email, account.email ?? ''), isNotNull(users.passwordHash))
    if (db.select({ id: users.id }).from(users).where(taken).get()) return false
    db.insert(users).values(account).run()
    db.insert(sessions)
      .values({ ...session, lastUsedAt: session.createdAt })
      .run()
    return true
  },

  rename(userId: string, username: string): null {
    db.update(users).set({ username }).where(eq(users.id, userId)).run()
    return null
  },

  setPassword(userId: string, { current, next, keep }: PasswordHashes): string[] | null {
    const unchanged = and(eq(users.id, userId), eq(users.passwordHash, current))
    if (!db.update(users).set({ passwordHash: next }).where(unchanged).returning({ id: users.id }).get()) return null
    const others = and(eq(sessions.userId, userId), ne(sessions.tokenHash, keep))
    const ended = db.delete(sessions).where(others).returning({ tokenHash: sessions.tokenHash }).all()
    return ended.map(({ tokenHash }) => tokenHash)
  },
})

export function sqliteAccounts(db: Db, write: Write<ReturnType<typeof accountCommands>>): AccountStore {
  const columns = {
    id: users.id,
    email: users.email,
    username: users.username,
    createdAt: users.createdAt,
    passwordHash: users.passwordHash,
  }
  const byId = db
    .select(columns)
    .from(users)
    .where(and(eq(users.id, sql.placeholder('id')), isNull(users.disabledAt)))
    .prepare()
  const byEmail = db
    .select(columns)
    .from(users)
    .where(and(eq(users.email, sql.placeholder('email')), isNotNull(users.passwordHash), isNull(users.disabledAt)))
    .prepare()

  return {
    create: (account, session) => write('createAccount', account, session),
    async find(id) {
      const row = byId.get({ id })
      return row && toAccount(row)
    },
    async findByEmail(email) {
      const row = byEmail.get({ email })
      return row && { ...toAccount(row), passwordHash: row.passwordHash ?? '' }
    },
    async rename(userId, username) {
      await write('rename', userId, username)
    },
    async setPassword(userId, change) {
      return (await write('setPassword', userId, change)) ?? undefined
    },
  }
}

type AccountRow = Pick<typeof users.$inferSelect, 'id' | 'email' | 'username' | 'createdAt'>

export const toAccount = ({ id, email, username, createdAt }: AccountRow): Account => ({
  id,
  email: email ?? undefined,
  username,
  createdAt,
})
