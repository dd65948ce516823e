import { and, asc, eq, isNotNull, isNull, or, sql } from 'drizzle-orm'
import type { IssuedLink, LinkRecord, LinkStore } from '../../../admin/store.ts'
import { OPERATOR } from '../../../audit/model.ts'
import type { NewSession } from '../../../auth/store.ts'
import { toUser } from '../../rows.ts'
import { FIRST_ADMIN, signInOf } from '../../rows-console.ts'
import type { Db } from '../database.ts'
import { adminLinks, sessions, users } from '../schema.ts'
import { endOldest } from '../stores/sessions.ts'
import type { Tx, Write } from '../transactions.ts'
import { addDeeds } from './audit.ts'

/** Whoever makes a link holds it until the commit, in all nodes: so there is one first admin. */
const LOCK = 0x7061_726e

/** Written out, so that the index of admins is used. */
const isAdmin = and(sql`${users.role} = 'admin'`, isNull(users.disabledAt))

async function issue(tx: Tx, link: LinkRecord, { id, newId }: { id?: string | undefined; newId: string }, at: number) {
  await tx.execute(sql`SELECT pg_advisory_xact_lock(${LOCK})`)
  const wanted = id === undefined ? isAdmin : and(isAdmin, eq(users.id, id))
  const [found] = await tx.select().from(users).where(wanted).orderBy(asc(users.number)).limit(1)
  if (!found && id !== undefined) return undefined
  const made = found
    ? []
    : await tx
        .insert(users)
        .values({ ...FIRST_ADMIN, id: newId, createdAt: at })
        .returning()
  const admin = found ?? made[0]
  if (!admin) throw new Error('nobody was inserted')
  await tx.delete(adminLinks).where(eq(adminLinks.userId, admin.id))
  await tx.insert(adminLinks).values({ ...link, userId: admin.id })
  await addDeeds(tx, [{ actor: OPERATOR, action: 'admin.link', target: { kind: 'user', id: admin.id } }], at)
  return { userId: admin.id, username: admin.username, created: !found } satisfies IssuedLink
}

interface Spending {
  tokenHash: string
  session: Omit<NewSession, 'userId'>
  at: number
}

async function spend(tx: Tx, { tokenHash, session, at }: Spending) {
  const [link] = await tx.delete(adminLinks).where(eq(adminLinks.tokenHash, tokenHash)).returning()
  if (!link || link.expiresAt <= at) return undefined
  const [admin] = await tx
    .select()
    .from(users)
    .where(and(isAdmin, eq(users.id, link.userId)))
  if (!admin) return undefined
  await endOldest(tx, admin.id, at)
  await tx.insert(sessions).values({ ...session, userId: admin.id, lastUsedAt: at, begunBy: 'link' })
  await addDeeds(tx, [signInOf(admin)], at)
  return toUser(admin)
}

export const postgresLinks = (db: Db, write: Write): LinkStore => ({
  issue: (link, admin, at) => write([], (tx) => issue(tx, link, admin, at)),
  async spend(tokenHash, session, at) {
    const own = eq(adminLinks.tokenHash, tokenHash)
    const [link] = await db.select({ userId: adminLinks.userId }).from(adminLinks).where(own)
    return link && write([link.userId], (tx) => spend(tx, { tokenHash, session, at }))
  },
  async isSettled() {
    const settled = or(isNotNull(users.passwordHash), isNotNull(sessions.tokenHash))
    const rows = await db
      .select({ id: users.id })
      .from(users)
      .leftJoin(sessions, eq(sessions.userId, users.id))
      .where(and(isAdmin, settled))
      .limit(1)
    return rows.length > 0
  },
})
