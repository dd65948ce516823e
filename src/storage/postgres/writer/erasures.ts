import type { Erasing } from '../../../messages/store.ts'
import { SPAN_OF_ERASURE } from '../../rows-limits.ts'
import { int8 } from '../arrays.ts'

/** To be run when the room is locked. */
export const ERASE = `
UPDATE messages SET kind = 'deleted', text = '', client_id = NULL, data = NULL, deleted_at = $4::int8
FROM users
WHERE users.id = $2 AND room_id = $1::int8 AND seq > $3::int8 AND seq <= $3::int8 + ${SPAN_OF_ERASURE}
  AND sender_no = users.number`

/** After it, with the first three of the same parameters. Answers where to go on, or no row when all is done. */
export const AFTER_ERASE = `
WITH room AS (
  SELECT id, last_seq > $3::int8 + ${SPAN_OF_ERASURE} AS has_more FROM rooms
  WHERE id = $1::int8 AND EXISTS (SELECT FROM users WHERE users.id = $2)
),
-- The newest entry of which there is something to show.
shown AS (
  SELECT messages.id, seq FROM room JOIN messages ON room_id = room.id AND NOT has_more
  WHERE kind <> 'deleted' ORDER BY seq DESC LIMIT 1
),
moved AS (
  UPDATE rooms SET last_message_id = coalesce((SELECT id FROM shown), 0),
    last_message_seq = coalesce((SELECT seq FROM shown), 0)
  FROM room WHERE rooms.id = room.id AND NOT has_more
)
SELECT $3::int8 + ${SPAN_OF_ERASURE} AS answer FROM room WHERE has_more`

export const eraseParams = ({ roomId, userId, after, at }: Erasing) => [int8(roomId), userId, int8(after), at]
