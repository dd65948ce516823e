import { and, desc, eq, inArray, isNull, lt, notInArray, sql } from 'drizzle-orm'
import type { NewSession, SessionStore } from '../../../auth/store.ts'
import { type TicketRow, toTicket, toTicketRow, toUser } from '../../rows.ts'
import { CLEARED_AT_ONCE, MAX_SESSIONS_A_PERSON } from '../../rows-limits.ts'
import { auditing } from '../console/audit.ts'
import type { Db } from '../database.ts'
import { sessions, tickets, users } from '../schema.ts'
import type { Tx, Write } from '../transactions.ts'
import { endSessions } from './revocations.ts'

async function start(tx: Tx, session: NewSession, passwordHash: string): Promise<boolean> {
  const { userId, createdAt } = session
  const unchanged = and(eq(users.id, userId), eq(users.passwordHash, passwordHash), isNull(users.disabledAt))
  const [person] = await tx.select({ id: users.id }).from(users).where(unchanged)
  if (!person) return false
  await endOldest(tx, userId, createdAt)
  await tx.insert(sessions).values({ ...session, lastUsedAt: createdAt })
  return true
}

/** Makes room for one more of the person's. */
export function endOldest(tx: Tx, userId: string, at: number): Promise<void> {
  const newest = tx
    .select({ hash: sessions.tokenHash })
    .from(sessions)
    .where(eq(sessions.userId, userId))
    .orderBy(desc(sessions.createdAt))
    .limit(MAX_SESSIONS_A_PERSON - 1)
  return endSessions(tx, and(eq(sessions.userId, userId), notInArray(sessions.tokenHash, newest)), at)
}

/** Not in the transaction: they are other people's, whom it does not hold. */
async function clearSessions(db: Db, at: number): Promise<void> {
  const expired = lt(sessions.expiresAt, at)
  const old = db.select({ hash: sessions.tokenHash }).from(sessions).where(expired).limit(CLEARED_AT_ONCE)
  await db.delete(sessions).where(inArray(sessions.tokenHash, old.for('update', { skipLocked: true })))
}

async function clearTickets(db: Db, at: number): Promise<void> {
  const expired = lt(tickets.expiresAt, at)
  const old = db.select({ hash: tickets.ticketHash }).from(tickets).where(expired).limit(CLEARED_AT_ONCE)
  await db.delete(tickets).where(inArray(tickets.ticketHash, old.for('update', { skipLocked: true })))
}

export function postgresSessions(db: Db, write: Write): SessionStore {
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
    async start(session, passwordHash) {
      await clearSessions(db, session.createdAt)
      return write([session.userId], (tx) => start(tx, session, passwordHash))
    },
    async find(tokenHash) {
      const [row] = await byToken.execute({ tokenHash })
      return row && { ...row, user: toUser(row.user) }
    },
    async touch(tokenHash, at) {
      await db.update(sessions).set({ lastUsedAt: at }).where(eq(sessions.tokenHash, tokenHash))
    },
    async end(tokenHash, at, deed) {
      const own = eq(sessions.tokenHash, tokenHash)
      const [session] = await db.select({ userId: sessions.userId }).from(sessions).where(own)
      const work = auditing([deed], at, (tx) => endSessions(tx, own, at))
      if (session) await write([session.userId], work)
    },
    async issueTicket(ticket, at) {
      await clearTickets(db, at)
      const row = toTicketRow(ticket)
      if (row.sessionHash !== null) return (await db.execute(issuing(row))).length > 0
      await db.insert(tickets).values(row)
      return true
    },
    async spendTicket(ticketHash) {
      const [row] = await db.delete(tickets).where(eq(tickets.ticketHash, ticketHash)).returning()
      return row && toTicket(row)
    },
  }
}

/** In one statement, for whole crowds come back at once. The session's row is held: it does not end in between. */
const issuing = ({ ticketHash, userId, sessionHash, origin, expiresAt }: TicketRow) => sql`
  INSERT INTO tickets (ticket_hash, user_id, session_hash, origin, expires_at)
  SELECT ${ticketHash}, ${userId}, token_hash, ${origin}, ${expiresAt}::int8
  FROM sessions WHERE token_hash = ${sessionHash} FOR KEY SHARE
  RETURNING 1`
