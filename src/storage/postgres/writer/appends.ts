import { int8s, texts } from '../arrays.ts'

/** `senderId` is null for what nobody sent. `at` in milliseconds since 1970. */
export interface AppendItem {
  roomId: number
  senderId: string | null
  text: string
  clientId: string | null
  at: number
}

/** `null`: no such room. `'reused'`: the client id stands for another text. */
export type Appended = { seq: number; at: number; created: boolean } | 'reused' | null

/** How many of a room's newest entries recognise a repeated client id. */
export const CLIENT_ID_WINDOW = 64

/**
 * Appends many entries, to be run when their rooms are locked: its snapshot has all that was written before. What repeats
 * an earlier entry or an earlier item is not stored again; the others are numbered in the order in which they came.
 * Answers `[n, seq]` for what is new, `[n, seq, at]` for what repeats, `[n]` for a client id that stands for another
 * text, and nothing where there is no room. `known` is up to where none of a room's entries has the client id; `seen` are
 * the entries after that which have one. Rows are looked up one by one (LATERAL, and nothing to be flattened): a plan that
 * was made when the tables were small must not read all of them when they have grown.
 */
export const APPEND = `
WITH item AS (
  SELECT item.*, room.owner_no, room.customer_no, room.last_seq, room.last_count,
    CASE WHEN item.sender_id = (SELECT users.id FROM users WHERE users.number = room.owner_no) THEN room.owner_no
      WHEN item.sender_id IS NOT NULL THEN room.customer_no END AS sender_no,
    greatest(room.last_seq - ${CLIENT_ID_WINDOW}, CASE WHEN item.known <= room.last_seq THEN item.known ELSE 0 END) AS since
  FROM unnest($1::int8[], $2::text[], $3::text[], $4::text[], $5::int8[], $6::int8[])
    WITH ORDINALITY AS item(room_id, sender_id, text, client_id, at, known, n)
  CROSS JOIN LATERAL (SELECT * FROM rooms WHERE rooms.id = item.room_id OFFSET 0) AS room
),
known AS (
  SELECT item.*, earlier.seq AS earlier_seq, earlier.text AS earlier_text, earlier.created_at AS earlier_at,
    CASE WHEN client_id IS NULL THEN n ELSE min(n) OVER (PARTITION BY room_id, sender_no, client_id) END AS first_n
  FROM item LEFT JOIN LATERAL (
    SELECT seq, text, created_at FROM messages
    WHERE item.client_id IS NOT NULL AND item.since < item.last_seq AND room_id = item.room_id AND seq > item.since
      AND messages.client_id = item.client_id AND messages.sender_no IS NOT DISTINCT FROM item.sender_no
    ORDER BY seq DESC LIMIT 1
  ) AS earlier ON true
),
unseen AS (
  SELECT json_agg(json_build_array(room.room_id, entry.seq, entry.client_id))::text AS entries
  FROM (SELECT room_id, last_seq, min(since) AS since FROM item GROUP BY room_id, last_seq) AS room
  CROSS JOIN LATERAL (
    SELECT seq, client_id FROM messages
    WHERE room.since < room.last_seq AND room_id = room.room_id AND seq > room.since AND client_id IS NOT NULL
    ORDER BY seq LIMIT ${CLIENT_ID_WINDOW}
  ) AS entry
),
numbered AS (
  SELECT *, n = first_n AND earlier_seq IS NULL AS is_new,
    last_seq + count(*) FILTER (WHERE n = first_n AND earlier_seq IS NULL) OVER upto AS seq,
    last_count + count(sender_no) FILTER (WHERE n = first_n AND earlier_seq IS NULL) OVER upto AS count_no
  FROM known WINDOW upto AS (PARTITION BY room_id ORDER BY n)
),
stored AS (
  INSERT INTO messages (room_id, seq, count_no, kind, sender_no, text, client_id, created_at)
  SELECT room_id, seq, count_no, CASE WHEN sender_no IS NULL THEN 'system' ELSE 'text' END, sender_no, text, client_id, at
  FROM numbered WHERE is_new ORDER BY n
  RETURNING id, room_id, seq
),
newest AS (
  SELECT numbered.room_id, max(numbered.seq) AS seq, max(count_no) AS count_no, max(stored.id) AS id,
    max(numbered.seq) FILTER (WHERE sender_no = owner_no) AS owner_seq,
    max(count_no) FILTER (WHERE sender_no = owner_no) AS owner_count,
    max(numbered.seq) FILTER (WHERE sender_no = customer_no) AS customer_seq,
    max(count_no) FILTER (WHERE sender_no = customer_no) AS customer_count
  FROM numbered JOIN stored ON stored.room_id = numbered.room_id AND stored.seq = numbered.seq
  WHERE is_new GROUP BY numbered.room_id
),
moved AS (
  UPDATE rooms SET last_seq = newest.seq, last_count = newest.count_no, last_message_id = newest.id,
    last_message_seq = newest.seq,
    owner_read_seq = coalesce(newest.owner_seq, owner_read_seq),
    owner_read_count = coalesce(newest.owner_count, owner_read_count),
    customer_read_seq = coalesce(newest.customer_seq, customer_read_seq),
    customer_read_count = coalesce(newest.customer_count, customer_read_count)
  FROM newest WHERE rooms.id = newest.room_id
)
SELECT json_agg(
  CASE
    WHEN each.is_new THEN json_build_array(each.n, each.seq)
    WHEN each.text <> coalesce(each.earlier_text, first.text) THEN json_build_array(each.n)
    ELSE json_build_array(each.n, coalesce(each.earlier_seq, first.seq), coalesce(each.earlier_at, first.at))
  END
)::text AS answer, (SELECT entries FROM unseen) AS seen
FROM numbered AS each JOIN numbered AS first ON first.n = each.first_n`

export const appendParams = (items: readonly AppendItem[], known: readonly number[]): string[] => [
  int8s(items.map(({ roomId }) => roomId)),
  texts(items.map(({ senderId }) => senderId)),
  texts(items.map(({ text }) => text)),
  texts(items.map(({ clientId }) => clientId)),
  int8s(items.map(({ at }) => at)),
  int8s(known),
]

type Answer = [n: number, seq?: number, at?: number]

/** In the order of the items. */
export function appendResults(items: readonly AppendItem[], answer: string | null): Appended[] {
  const results: Appended[] = items.map(() => null)
  const answers: Answer[] = JSON.parse(answer ?? '[]')
  for (const [n, seq, at] of answers) {
    const place = n - 1
    if (seq === undefined) results[place] = 'reused'
    else results[place] = { seq, at: at ?? items[place]?.at ?? 0, created: at === undefined }
  }
  return results
}
