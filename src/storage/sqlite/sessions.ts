import { and, eq, inArray, isNull, lt, sql } from 'drizzle-orm'
import type { NewSession, SessionStore, TicketRecord } from '../../auth/store.ts'
import { toAccount } from './accounts.ts'
import type { Db } from './database.ts'
import { sessions, tickets, users } from './schema.ts'
import type { Write } from './writer/wire.ts'

/** How many expired sessions and tickets a new one clears away: more than it adds, so they never pile up. */
const CLEARED_AT_ONCE = 20

type StoredTicket = typeof tickets.$inferSelect

export const sessionCommands = (db: Db) => ({
  startSession(session: NewSession, passwordHash: string): boolean {
    const unchanged = and(eq(users.id, session.userId), eq(users.passwordHash, passwordHash), isNull(users.disabledAt))
    if (!db.select({ id: users.id }).from(users).where(unchanged).get()) return false
    const expired = lt(sessions.expiresAt, session.createdAt)
    const old = db.select({ hash: sessions.tokenHash }).from(sessions).where(expired).limit(CLEARED_AT_ONCE)
    db.delete(sessions).where(inArray(sessions.tokenHash, old)).run()
    db.insert(sessions)
      .values({ ...session, lastUsedAt: session.createdAt })
      .run()
    return true
  },

  touchSession(tokenHash: string, at: number): null {
    db.update(sessions).set({ lastUsedAt: at }).where(eq(sessions.tokenHash, tokenHash)).run()
    return null
  },

  endSession(tokenHash: string): null {
    db.delete(sessions).where(eq(sessions.tokenHash, tokenHash)).run()
    return null
  },

  issueTicket(ticket: StoredTicket & { sessionHash: string }, at: number): boolean {
    const own = eq(sessions.tokenHash, ticket.sessionHash)
    if (!db.select({ hash: sessions.tokenHash }).from(sessions).where(own).get()) return false
    const expired = lt(tickets.expiresAt, at)
    const old = db.select({ hash: tickets.ticketHash }).from(tickets).where(expired).limit(CLEARED_AT_ONCE)
    db.delete(tickets).where(inArray(tickets.ticketHash, old)).run()
    db.insert(tickets).values(ticket).run()
    return true
  },

  spendTicket(ticketHash: string): StoredTicket | null {
    return db.delete(tickets).where(eq(tickets.ticketHash, ticketHash)).returning().get() ?? null
  },
})

export function sqliteSessions(db: Db, write: Write<ReturnType<typeof sessionCommands>>): SessionStore {
  const live = and(eq(sessions.tokenHash, sql.placeholder('tokenHash')), isNull(users.disabledAt))
  const byToken = db
    .select({
      id: users.id,
      email: users.email,
      username: users.username,
      createdAt: users.createdAt,
      expiresAt: sessions.expiresAt,
      lastUsedAt: sessions.lastUsedAt,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(live)
    .prepare()

  return {
    start: (session, passwordHash) => write('startSession', session, passwordHash),
    async find(tokenHash) {
      const row = byToken.get({ tokenHash })
      return row && { account: toAccount(row), expiresAt: row.expiresAt, lastUsedAt: row.lastUsedAt }
    },
    async touch(tokenHash, at) {
      await write('touchSession', tokenHash, at)
    },
    async end(tokenHash) {
      await write('endSession', tokenHash)
    },
    issueTicket: (ticket, at) => write('issueTicket', { ...ticket, origin: ticket.origin ?? null }, at),
    async spendTicket(ticketHash) {
      const row = await write('spendTicket', ticketHash)
      return row?.sessionHash ? toTicket({ ...row, sessionHash: row.sessionHash }) : undefined
    },
  }
}

const toTicket = (row: StoredTicket & { sessionHash: string }): TicketRecord => ({
  ...row,
  origin: row.origin ?? undefined,
})
