import { and, eq, isNotNull, ne, sql } from 'drizzle-orm'
import type { AccountStore } from '../../../accounts/store.ts'
import { toUser } from '../../rows.ts'
import { auditing } from '../console/audit.ts'
import type { Db } from '../database.ts'
import { sessions, users } from '../schema.ts'
import type { Write } from '../transactions.ts'
import { endSessions } from './revocations.ts'

export function postgresAccounts(db: Db, write: Write): AccountStore {
  const byEmail = db
    .select()
    .from(users)
    .where(and(eq(users.email, sql.placeholder('email')), isNotNull(users.passwordHash)))
    .prepare()

  return {
    create(account, session, deed) {
      const work = auditing([deed], account.createdAt, async (tx) => {
        const taken = and(eq(users.email, account.email), isNotNull(users.passwordHash))
        const [other] = await tx.select({ id: users.id }).from(users).where(taken)
        if (other) return false
        await tx.insert(users).values({ ...account, profileAt: account.createdAt })
        if (session) await tx.insert(sessions).values({ ...session, lastUsedAt: session.createdAt })
        return true
      })
      return write([account.id, account.email], work)
    },
    async findByEmail(email) {
      const [row] = await byEmail.execute({ email })
      return row && { user: toUser(row), passwordHash: row.passwordHash ?? '' }
    },
    setPassword(userId, { current, next, keep }, at, deed) {
      const work = auditing([deed], at, async (tx) => {
        const unchanged = current === undefined ? isNotNull(users.passwordHash) : eq(users.passwordHash, current)
        const own = and(eq(users.id, userId), unchanged)
        const set = await tx.update(users).set({ passwordHash: next }).where(own).returning({ id: users.id })
        if (set.length === 0) return false
        const others = and(eq(sessions.userId, userId), keep === undefined ? undefined : ne(sessions.tokenHash, keep))
        await endSessions(tx, others, at)
        return true
      })
      return write([userId], work)
    },
  }
}
