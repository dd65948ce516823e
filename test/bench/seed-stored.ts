import { Database } from 'bun:sqlite'
import { join } from 'node:path'

/**
 * Goes on with the talks of these rooms, which have two messages each, until each has so many (an even number): the rows
 * that the writer would have stored, since a million of them through it would take a minute. The rooms take turns, so that
 * a room's messages lie as far apart as in life.
 */
export function goOnTalking(dataDir: string, roomIds: number[], messages: number): void {
  const rooms = JSON.stringify(roomIds)
  using sqlite = new Database(join(dataDir, 'parley.db'), { readwrite: true })
  sqlite.run('PRAGMA synchronous = OFF')
  sqlite.run('PRAGMA cache_size = -200000')
  sqlite.transaction(() => {
    sqlite.query(TALK).run(messages, rooms)
    sqlite.query(MARK).run(messages, rooms)
  })()
  sqlite.run('PRAGMA wal_checkpoint(TRUNCATE)')
}

/** The two speak in turn, as in their first two messages; a client id is new each time. */
const TALK = `
INSERT INTO messages (room_id, seq, count_no, kind, sender_no, text, client_id, created_at)
WITH RECURSIVE later (seq) AS (SELECT 3 UNION ALL SELECT seq + 1 FROM later WHERE seq < ?1)
SELECT said.room_id, later.seq, later.seq, said.kind, said.sender_no, said.text,
  lower(printf('%s-%s-4%s-8%s-%s', hex(randomblob(4)), hex(randomblob(2)), substr(hex(randomblob(2)), 2),
    substr(hex(randomblob(2)), 2), hex(randomblob(6)))),
  said.created_at
FROM later CROSS JOIN json_each(?2) AS room
CROSS JOIN messages AS said ON said.room_id = room.value AND said.seq = 2 - later.seq % 2`

/** Each has read as far below the last message as below the second one. */
const MARK = `
UPDATE rooms SET
  last_seq = ?1, last_count = ?1, last_message_seq = ?1,
  last_message_id = (SELECT id FROM messages WHERE room_id = rooms.id AND seq = ?1),
  owner_read_seq = owner_read_seq + ?1 - 2, owner_read_count = owner_read_count + ?1 - 2,
  customer_read_seq = customer_read_seq + ?1 - 2, customer_read_count = customer_read_count + ?1 - 2
WHERE id IN (SELECT value FROM json_each(?2))`
