import { and, desc, eq, inArray, isNull, lt, notInArray, sql } from 'drizzle-orm'
import type { NewSession, SessionStore } from '../../../auth/store.ts'
import { type TicketRow, toTicket, toTicketRow, toUser } from '../../rows.ts'
import { CLEARED_AT_ONCE, MAX_SESSIONS_A_PERSON } from '../../rows-limits.ts'
import type { Db } from '../database.ts'
import { sessions, tickets, users } from '../schema.ts'
import { auditing, type Write } from '../writer/wire.ts'
import { addRevocations } from './revocations.ts'

export const sessionCommands = (db: Db) => ({
  startSession(session: NewSession, passwordHash: string): boolean {
    const unchanged = and(eq(users.id, session.userId), eq(users.passwordHash, passwordHash), isNull(users.disabledAt))
    if (!db.select({ id: users.id }).from(users).where(unchanged).get()) return false
    const expired = lt(sessions.expiresAt, session.createdAt)
    const old = db.select({ hash: sessions.tokenHash }).from(sessions).where(expired).limit(CLEARED_AT_ONCE)
    db.delete(sessions).where(inArray(sessions.tokenHash, old)).run()
    endOldest(db, session.userId, session.createdAt)
    db.insert(sessions)
      .values({ ...session, lastUsedAt: session.createdAt })
      .run()
    return true
  },

  touchSession(tokenHash: string, at: number): null {
    db.update(sessions).set({ lastUsedAt: at }).where(eq(sessions.tokenHash, tokenHash)).run()
    return null
  },

  endSession(tokenHash: string, at: number): null {
    const ended = db.delete(sessions).where(eq(sessions.tokenHash, tokenHash)).returning({ hash: sessions.tokenHash })
    addRevocations(
      db,
      'session',
      ended.all().map(({ hash }) => hash),
      at,
    )
    return null
  },

  issueTicket(ticket: TicketRow, at: number): boolean {
    const { sessionHash } = ticket
    if (sessionHash !== null && !db.select().from(sessions).where(eq(sessions.tokenHash, sessionHash)).get())
      return false
    const expired = lt(tickets.expiresAt, at)
    const old = db.select({ hash: tickets.ticketHash }).from(tickets).where(expired).limit(CLEARED_AT_ONCE)
    db.delete(tickets).where(inArray(tickets.ticketHash, old)).run()
    db.insert(tickets).values(ticket).run()
    return true
  },

  spendTicket(ticketHash: string): TicketRow | null {
    return db.delete(tickets).where(eq(tickets.ticketHash, ticketHash)).returning().get() ?? null
  },
})

/** Makes room for one more of the person's. */
export function endOldest(db: Db, userId: string, at: number) {
  const newest = db
    .select({ hash: sessions.tokenHash })
    .from(sessions)
    .where(eq(sessions.userId, userId))
    .orderBy(desc(sessions.createdAt))
    .limit(MAX_SESSIONS_A_PERSON - 1)
  const older = and(eq(sessions.userId, userId), notInArray(sessions.tokenHash, newest))
  const ended = db.delete(sessions).where(older).returning({ hash: sessions.tokenHash }).all()
  const hashes = ended.map(({ hash }) => hash)
  addRevocations(db, 'session', hashes, at)
}

export function sqliteSessions(db: Db, write: Write<ReturnType<typeof sessionCommands>>): SessionStore {
  const byToken = db
    .select({
      user: users,
      createdAt: sessions.createdAt,
      expiresAt: sessions.expiresAt,
      lastUsedAt: sessions.lastUsedAt,
      begunBy: sessions.begunBy,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(eq(sessions.tokenHash, sql.placeholder('tokenHash')))
    .prepare()

  return {
    start: (session, passwordHash) => write('startSession', session, passwordHash),
    async find(tokenHash) {
      const row = byToken.get({ tokenHash })
      return row && { ...row, user: toUser(row.user) }
    },
    async touch(tokenHash, at) {
      await write('touchSession', tokenHash, at)
    },
    async end(tokenHash, at, deed) {
      await auditing(write, [deed], at)('endSession', tokenHash, at)
    },
    issueTicket: (ticket, at) => write('issueTicket', toTicketRow(ticket), at),
    async spendTicket(ticketHash) {
      const row = await write('spendTicket', ticketHash)
      return row ? toTicket(row) : undefined
    },
  }
}
