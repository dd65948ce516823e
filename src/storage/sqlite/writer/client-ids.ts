import { and, eq, gt, isNotNull, sql } from 'drizzle-orm'
import type { Db } from '../database.ts'
import { messages } from '../schema.ts'
import { CLIENT_ID_WINDOW, type RoomRow } from './rooms-in-hand.ts'

interface Earlier {
  seq: number
  text: string
  at: number
}

/**
 * Recognises a repeated client id among a room's newest entries. A unique index would do it for ever, and cost half the
 * throughput. A hash only points at a row: what counts is the row itself, so a collision costs one read and no mistake.
 */
export class ClientIds {
  readonly #newest
  readonly #entry

  constructor(db: Db) {
    const { roomId, seq, text, createdAt: at, senderNo: sender, clientId: client } = messages
    const placeholder = { room: sql.placeholder('room'), seq: sql.placeholder('seq') }
    this.#newest = db
      .select({ seq, sender, client })
      .from(messages)
      .where(and(eq(roomId, placeholder.room), gt(seq, placeholder.seq), isNotNull(client)))
      .prepare()
    this.#entry = db
      .select({ seq, text, at, sender, client })
      .from(messages)
      .where(and(eq(roomId, placeholder.room), eq(seq, placeholder.seq)))
      .prepare()
  }

  find(room: RoomRow, senderNo: number | null, clientId: string): Earlier | undefined {
    const recent = room.recent ?? this.#read(room)
    const hash = hashOf(senderNo, clientId)
    for (let slot = recent.indexOf(hash); slot !== -1; slot = recent.indexOf(hash, slot + 1)) {
      const entry = this.#entry.get({ room: room.id, seq: newestSeqIn(slot, room.lastSeq) })
      if (entry?.sender === senderNo && entry.client === clientId) return entry
    }
    return undefined
  }

  /** To be called with the room already at the seq of the new message. */
  note(room: RoomRow, senderNo: number | null, clientId: string | null): void {
    if (!room.recent) return
    room.recent[room.lastSeq % CLIENT_ID_WINDOW] = clientId === null ? 0 : hashOf(senderNo, clientId)
  }

  #read(room: RoomRow): Uint32Array {
    const recent = new Uint32Array(CLIENT_ID_WINDOW)
    for (const { seq, sender, client } of this.#newest.all({ room: room.id, seq: room.lastSeq - CLIENT_ID_WINDOW })) {
      recent[seq % CLIENT_ID_WINDOW] = hashOf(sender, client ?? '')
    }
    room.recent = recent
    return recent
  }
}

/** Never 0: that marks an entry without a client id. */
const hashOf = (senderNo: number | null, clientId: string) => Bun.hash.xxHash32(`${senderNo ?? 0} ${clientId}`) || 1

const newestSeqIn = (slot: number, lastSeq: number) => lastSeq - ((lastSeq - slot) % CLIENT_ID_WINDOW)
