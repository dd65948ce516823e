import type { Database } from 'bun:sqlite'
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

  constructor(sqlite: Database) {
    this.#newest = sqlite.prepare<{ seq: number; sender: string; client: string }, [number, number]>(
      `SELECT seq, sender_id AS sender, client_id AS client FROM messages
       WHERE room_id = ? AND seq > ? AND client_id IS NOT NULL`,
    )
    this.#entry = sqlite.prepare<Earlier & { sender: string; client: string }, [number, number]>(
      `SELECT seq, text, created_at AS at, sender_id AS sender, client_id AS client FROM messages
       WHERE room_id = ? AND seq = ?`,
    )
  }

  find(room: RoomRow, senderId: string, clientId: string): Earlier | undefined {
    const recent = room.recent ?? this.#read(room)
    const hash = hashOf(senderId, clientId)
    for (let slot = recent.indexOf(hash); slot !== -1; slot = recent.indexOf(hash, slot + 1)) {
      const entry = this.#entry.get(room.id, newestSeqIn(slot, room.lastSeq))
      if (entry?.sender === senderId && entry.client === clientId) return entry
    }
    return undefined
  }

  /** To be called with the room already at the seq of the new message. */
  note(room: RoomRow, senderId: string, clientId: string | null): void {
    if (!room.recent) return
    room.recent[room.lastSeq % CLIENT_ID_WINDOW] = clientId === null ? 0 : hashOf(senderId, clientId)
  }

  #read(room: RoomRow): Uint32Array {
    const recent = new Uint32Array(CLIENT_ID_WINDOW)
    for (const { seq, sender, client } of this.#newest.all(room.id, room.lastSeq - CLIENT_ID_WINDOW)) {
      recent[seq % CLIENT_ID_WINDOW] = hashOf(sender, client)
    }
    room.recent = recent
    return recent
  }
}

/** Never 0: that marks an entry without a client id. */
const hashOf = (senderId: string, clientId: string) => Bun.hash.xxHash32(`${senderId} ${clientId}`) || 1

const newestSeqIn = (slot: number, lastSeq: number) => lastSeq - ((lastSeq - slot) % CLIENT_ID_WINDOW)
