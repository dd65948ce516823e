import type { Database } from 'bun:sqlite'
import { BoundedMap } from '../../../lib/bounded-map.ts'

/** How many of a room's newest entries recognise a repeated client id. */
export const CLIENT_ID_WINDOW = 64

/** The part of a room's row that a send or a mark changes. */
export interface RoomRow {
  id: number
  ownerNo: number
  customerNo: number
  ownerId: string
  lastSeq: number
  lastCount: number
  lastMessageId: number
  lastMessageSeq: number
  ownerReadSeq: number
  ownerReadCount: number
  ownerDeliveredSeq: number
  customerReadSeq: number
  customerReadCount: number
  customerDeliveredSeq: number
  /** A hash of (sender, client id) for each of the newest entries, at `seq % 64`; read when one is first asked for. */
  recent?: Uint32Array
}

const COLUMNS = {
  id: 'id',
  ownerNo: 'owner_no',
  customerNo: 'customer_no',
  lastSeq: 'last_seq',
  lastCount: 'last_count',
  lastMessageId: 'last_message_id',
  lastMessageSeq: 'last_message_seq',
  ownerReadSeq: 'owner_read_seq',
  ownerReadCount: 'owner_read_count',
  ownerDeliveredSeq: 'owner_delivered_seq',
  customerReadSeq: 'customer_read_seq',
  customerReadCount: 'customer_read_count',
  customerDeliveredSeq: 'customer_delivered_seq',
}

/**
 * Rooms that this writer has read. Each one that a batch touches is written once, however many sends it has, and kept
 * for the next batch: nobody else writes here, and `checkForeignWrites` notices the exception (a command beside the server).
 */
export class RoomsInHand {
  readonly #rooms = new BoundedMap<number, RoomRow>(16_384)
  readonly #touched = new Set<RoomRow>()
  readonly #sqlite
  readonly #load
  readonly #save
  #dataVersion = -1

  // Raw statements, as the insert of a message: with drizzle's the writer takes 1.2 × its time (docs/decisions/0001).
  constructor(sqlite: Database) {
    const select = Object.entries(COLUMNS).map(([name, column]) => `rooms.${column} AS ${name}`)
    this.#sqlite = sqlite
    this.#load = sqlite.prepare<RoomRow, [number]>(
      `SELECT ${select.join(', ')}, users.id AS ownerId FROM rooms JOIN users ON users.number = owner_no WHERE rooms.id = ?`,
    )
    this.#save = sqlite.prepare(
      `UPDATE rooms SET last_seq = ?, last_count = ?, last_message_id = ?, last_message_seq = ?, owner_read_seq = ?,
       owner_read_count = ?, owner_delivered_seq = ?, customer_read_seq = ?, customer_read_count = ?,
       customer_delivered_seq = ? WHERE id = ?`,
    )
  }

  /** To be called inside the transaction, before the first `get`: drops what another process may have changed. */
  checkForeignWrites(): void {
    const row = this.#sqlite.query<{ data_version: number }, []>('PRAGMA data_version').get()
    const version = row?.data_version ?? -1
    if (version !== this.#dataVersion) this.#rooms.clear()
    this.#dataVersion = version
  }

  get(roomId: number): RoomRow | undefined {
    const known = this.#rooms.get(roomId)
    if (known) return known
    const row = this.#load.get(roomId) ?? undefined
    if (row) this.#rooms.set(roomId, row)
    return row
  }

  /** To be called before a row is changed: `save` then writes it. */
  touch(row: RoomRow): void {
    this.#touched.add(row)
  }

  /** Writes the rows that were changed since the last time. */
  save(): void {
    for (const room of this.#touched) {
      this.#save.run(
        room.lastSeq,
        room.lastCount,
        room.lastMessageId,
        room.lastMessageSeq,
        room.ownerReadSeq,
        room.ownerReadCount,
        room.ownerDeliveredSeq,
        room.customerReadSeq,
        room.customerReadCount,
        room.customerDeliveredSeq,
        room.id,
      )
    }
    this.#touched.clear()
  }

  /** After a rollback: what is in hand may never have been stored. A fault is rare, and to read again is cheap. */
  forget(): void {
    this.#rooms.clear()
    this.#touched.clear()
  }
}
