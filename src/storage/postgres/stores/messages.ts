import { and, asc, desc, eq, gt, lt, sql } from 'drizzle-orm'
import { ChatError } from '../../../lib/errors.ts'
import type { MessageStore } from '../../../messages/store.ts'
import { toMessage } from '../../rows-rooms.ts'
import { int8, int8s } from '../arrays.ts'
import type { Db } from '../database.ts'
import { messages, rooms, users } from '../schema.ts'
import type { Enqueue } from '../writer/queue.ts'

export function postgresMessages(db: Db, enqueue: Enqueue): MessageStore {
  const top = db
    .select({ lastSeq: rooms.lastSeq })
    .from(rooms)
    .where(eq(rooms.id, sql.placeholder('roomId')))
    .prepare()
  const tops = db
    .select({ roomId: rooms.id, lastSeq: rooms.lastSeq })
    .from(rooms)
    .where(sql`${rooms.id} = ANY(${sql.placeholder('roomIds')}::int8[])`)
    .prepare()
  const oldestFirst = spans(db, asc)
  const newestFirst = spans(db, desc)

  return {
    async append({ roomId, sender, text, clientId, at }) {
      const append = { roomId, senderId: sender?.id ?? null, text, clientId, at }
      const appended = await enqueue({ kind: 'append', append })
      if (appended === null) throw new ChatError('not_found', { reason: 'room_not_found' })
      if (appended === 'reused') throw new ChatError('client_id_reused')
      const { seq, created } = appended
      const createdAt = new Date(appended.at).toISOString()
      const kind = sender === null ? 'system' : 'text'
      return { message: { roomId, seq, kind, sender, text, clientId, createdAt }, created }
    },

    async span(roomId, { after, before = Number.MAX_SAFE_INTEGER, limit }) {
      const forward = after !== undefined
      const asked = { roomId, after: int8(after ?? 0), before: int8(before), limit }
      const rows = await (forward ? oldestFirst : newestFirst).execute(asked)
      return (forward ? rows : rows.reverse()).map(toMessage)
    },

    async lastSeqs(roomIds) {
      const found = await tops.execute({ roomIds: int8s(roomIds) })
      return new Map(found.map(({ roomId, lastSeq }) => [roomId, lastSeq]))
    },

    async lastSeq(roomId) {
      const [room] = await top.execute({ roomId })
      return room?.lastSeq ?? 0
    },

    erase: (erasing) => enqueue({ kind: 'erase', erasing }),
  }
}

/** A span of a room's history: prepared, for it serves every page and every replay. */
const spans = (db: Db, order: typeof asc | typeof desc) =>
  db
    .select(messageColumns)
    .from(messages)
    .leftJoin(users, eq(users.number, messages.senderNo))
    .where(
      and(
        eq(messages.roomId, sql.placeholder('roomId')),
        gt(messages.seq, sql.placeholder('after')),
        lt(messages.seq, sql.placeholder('before')),
      ),
    )
    .orderBy(order(messages.seq))
    .limit(sql.placeholder('limit'))
    .prepare()

const messageColumns = {
  roomId: messages.roomId,
  seq: messages.seq,
  kind: messages.kind,
  sender: { id: users.id, username: users.username },
  text: messages.text,
  clientId: messages.clientId,
  createdAt: messages.createdAt,
}
