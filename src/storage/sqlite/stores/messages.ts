import type { Database } from 'bun:sqlite'
import { and, asc, desc, eq, gt, lt, lte, ne, sql } from 'drizzle-orm'
import { ChatError } from '../../../lib/errors.ts'
import type { Erasing, MessageStore } from '../../../messages/store.ts'
import { SPAN_OF_ERASURE } from '../../rows-limits.ts'
import { toMessage } from '../../rows-rooms.ts'
import type { Db } from '../database.ts'
import { messages, rooms, users } from '../schema.ts'
import { ClientIds } from '../writer/client-ids.ts'
import type { RoomRow, RoomsInHand } from '../writer/rooms-in-hand.ts'
import type { Write } from '../writer/wire.ts'

/** `null`: no such room. `'reused'`: the client id stands for another text. */
type Appended = { seq: number; at: number; created: boolean } | 'reused' | null

/** A tuple, not an object: it crosses to the writer once a message. */
type Row = [roomId: number, senderId: string | null, text: string, clientId: string | null, at: number]

export function appendCommands(sqlite: Database, db: Db, rooms: RoomsInHand) {
  const clientIds = new ClientIds(db)
  // Raw and prepared: this one statement runs once a message.
  const insert = sqlite.prepare(
    `INSERT INTO messages (room_id, seq, count_no, kind, sender_no, text, client_id, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  )

  return {
    append([roomId, senderId, text, clientId, at]: Row): Appended {
      const room = rooms.get(roomId)
      if (!room) return null
      const senderNo = senderId === null ? null : senderId === room.ownerId ? room.ownerNo : room.customerNo
      const earlier = clientId === null ? undefined : clientIds.find(room, senderNo, clientId)
      if (earlier) return earlier.text === text ? { seq: earlier.seq, at: earlier.at, created: false } : 'reused'

      rooms.touch(room)
      const seq = ++room.lastSeq
      const kind = senderNo === null ? 'system' : 'text'
      // What nobody sent is nothing that somebody has not read.
      const count = senderNo === null ? room.lastCount : ++room.lastCount
      const { lastInsertRowid } = insert.run(roomId, seq, count, kind, senderNo, text, clientId, at)
      room.lastMessageId = Number(lastInsertRowid)
      room.lastMessageSeq = seq
      // Who writes has read what is above.
      if (senderNo === room.ownerNo) {
        room.ownerReadSeq = seq
        room.ownerReadCount = count
      } else if (senderNo === room.customerNo) {
        room.customerReadSeq = seq
        room.customerReadCount = count
      }
      clientIds.note(room, senderNo, clientId)
      return { seq, at, created: true }
    },
  }
}

type MessageCommands = ReturnType<typeof appendCommands> & ReturnType<typeof erasureCommands>

export const erasureCommands = (db: Db, inHand: RoomsInHand) => ({
  eraseMessages({ userId, roomId, after, at }: Erasing): number | null {
    const room = inHand.get(roomId)
    const sender = db.select({ number: users.number }).from(users).where(eq(users.id, userId)).get()
    if (!room || !sender) return null
    const span = and(eq(messages.roomId, roomId), gt(messages.seq, after), lte(messages.seq, after + SPAN_OF_ERASURE))
    const gone = { kind: 'deleted', text: '', clientId: null, data: null, deletedAt: at }
    db.update(messages)
      .set(gone)
      .where(and(span, eq(messages.senderNo, sender.number)))
      .run()
    if (after + SPAN_OF_ERASURE < room.lastSeq) return after + SPAN_OF_ERASURE
    inHand.touch(room)
    Object.assign(room, lastOf(db, roomId))
    return null
  },
})

/** The newest entry of which there is something to show. */
function lastOf(db: Db, roomId: number): Pick<RoomRow, 'lastMessageId' | 'lastMessageSeq'> {
  const shown = and(eq(messages.roomId, roomId), ne(messages.kind, 'deleted'))
  const newest = db.select({ id: messages.id, seq: messages.seq }).from(messages).where(shown)
  const last = newest.orderBy(desc(messages.seq)).limit(1).get()
  return { lastMessageId: last?.id ?? 0, lastMessageSeq: last?.seq ?? 0 }
}

export function sqliteMessages(db: Db, write: Write<MessageCommands>): MessageStore {
  const top = db
    .select({ lastSeq: rooms.lastSeq })
    .from(rooms)
    .where(eq(rooms.id, sql.placeholder('roomId')))
    .prepare()
  const tops = db
    .select({ roomId: rooms.id, lastSeq: rooms.lastSeq })
    .from(rooms)
    .where(sql`${rooms.id} IN (SELECT value FROM json_each(${sql.placeholder('roomIds')}))`)
    .prepare()
  const oldestFirst = spans(db, asc)
  const newestFirst = spans(db, desc)

  return {
    async append({ roomId, sender, text, clientId, at }) {
      const appended = await write('append', [roomId, sender?.id ?? null, text, clientId, at])
      if (appended === null) throw new ChatError('not_found', { reason: 'room_not_found' })
      if (appended === 'reused') throw new ChatError('client_id_reused')
      const { seq, created } = appended
      const createdAt = new Date(appended.at).toISOString()
      const kind = sender === null ? 'system' : 'text'
      return { message: { roomId, seq, kind, sender, text, clientId, createdAt }, created }
    },

    async span(roomId, { after, before = Number.MAX_SAFE_INTEGER, limit }) {
      const forward = after !== undefined
      const rows = (forward ? oldestFirst : newestFirst).all({ roomId, after: after ?? 0, before, limit })
      return (forward ? rows : rows.reverse()).map(toMessage)
    },

    async lastSeqs(roomIds) {
      const found = tops.all({ roomIds: JSON.stringify(roomIds) })
      return new Map(found.map(({ roomId, lastSeq }) => [roomId, lastSeq]))
    },

    async lastSeq(roomId) {
      return top.get({ roomId })?.lastSeq ?? 0
    },

    async erase(erasing) {
      return (await write('eraseMessages', erasing)) ?? undefined
    },
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
