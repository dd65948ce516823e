import type { Role } from '../../../rooms/model.ts'
import type { Marks } from '../../../rooms/store.ts'
import { bools, int8s } from '../arrays.ts'

export interface Receipt {
  roomId: number
  role: Role
  seq: number
  /** Or else it was received. */
  isRead: boolean
}

/**
 * Moves marks, to be run when their rooms are locked. Each is answered as if they were moved one after the other:
 * `[n, readSeq, deliveredSeq, unread, moved]`, and nothing where there is no room. What was read was received.
 */
export const MARK = `
WITH item AS (
  SELECT item.room_id, by_owner, is_read, n, last_seq, last_count, least(item.seq, last_seq) AS target,
    CASE WHEN by_owner THEN owner_read_seq ELSE customer_read_seq END AS read_seq,
    CASE WHEN by_owner THEN owner_read_count ELSE customer_read_count END AS read_count,
    CASE WHEN by_owner THEN owner_delivered_seq ELSE customer_delivered_seq END AS delivered_seq
  FROM unnest($1::int8[], $2::bool[], $3::bool[], $4::int8[])
    WITH ORDINALITY AS item(room_id, by_owner, is_read, seq, n)
  CROSS JOIN LATERAL (SELECT * FROM rooms WHERE rooms.id = item.room_id OFFSET 0) AS room
),
placed AS (
  SELECT *,
    greatest(read_seq, max(target) FILTER (WHERE is_read) OVER upto) AS read_to,
    greatest(read_seq, delivered_seq, max(target) OVER upto) AS got_to,
    CASE
      WHEN is_read THEN target > greatest(read_seq, max(target) FILTER (WHERE is_read) OVER above)
      ELSE target > greatest(read_seq, delivered_seq, max(target) OVER above)
    END AS moved
  FROM item
  WINDOW upto AS (PARTITION BY room_id, by_owner ORDER BY n), above AS (upto ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
counted AS (
  SELECT *, CASE read_to
    WHEN read_seq THEN read_count
    WHEN last_seq THEN last_count
    ELSE coalesce((SELECT count_no FROM messages WHERE room_id = placed.room_id AND seq = read_to), 0)
  END AS count_to
  FROM placed
),
newest AS (
  SELECT room_id,
    max(read_to) FILTER (WHERE by_owner) AS owner_seq,
    max(count_to) FILTER (WHERE by_owner) AS owner_count,
    max(target) FILTER (WHERE by_owner AND NOT is_read) AS owner_got,
    max(read_to) FILTER (WHERE NOT by_owner) AS customer_seq,
    max(count_to) FILTER (WHERE NOT by_owner) AS customer_count,
    max(target) FILTER (WHERE NOT by_owner AND NOT is_read) AS customer_got
  FROM counted GROUP BY room_id HAVING bool_or(moved)
),
moved AS (
  UPDATE rooms SET
    owner_read_seq = coalesce(owner_seq, owner_read_seq),
    owner_read_count = coalesce(owner_count, owner_read_count),
    owner_delivered_seq = greatest(owner_delivered_seq, owner_got),
    customer_read_seq = coalesce(customer_seq, customer_read_seq),
    customer_read_count = coalesce(customer_count, customer_read_count),
    customer_delivered_seq = greatest(customer_delivered_seq, customer_got)
  FROM newest WHERE rooms.id = newest.room_id
)
SELECT json_agg(json_build_array(n, read_to, got_to, greatest(0, last_count - count_to), moved))::text AS answer
FROM counted`

export const markParams = (receipts: readonly Receipt[]): string[] => [
  int8s(receipts.map(({ roomId }) => roomId)),
  bools(receipts.map(({ role }) => role === 'owner')),
  bools(receipts.map(({ isRead }) => isRead)),
  int8s(receipts.map(({ seq }) => seq)),
]

type Answer = [n: number, readSeq: number, deliveredSeq: number, unread: number, moved: boolean]

/** In the order of the receipts. */
export function markResults(receipts: readonly Receipt[], answer: string | null): (Marks | null)[] {
  const results: (Marks | null)[] = receipts.map(() => null)
  const answers: Answer[] = JSON.parse(answer ?? '[]')
  for (const [n, readSeq, deliveredSeq, unread, moved] of answers) {
    results[n - 1] = { readSeq, deliveredSeq, unread, moved }
  }
  return results
}
