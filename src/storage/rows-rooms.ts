import type { Message } from '../messages/model.ts'
import type { RoomSummary } from '../rooms/model.ts'
import type { Peer } from '../users/model.ts'
import { type ProductRow, toProduct } from './rows.ts'

interface MessageRow extends Omit<Message, 'createdAt'> {
  createdAt: number
}

export const toMessage = ({ createdAt, ...row }: MessageRow): Message => ({
  roomId: row.roomId,
  seq: row.seq,
  kind: row.kind,
  sender: row.sender,
  text: row.text,
  clientId: row.clientId,
  createdAt: new Date(createdAt).toISOString(),
})

interface RoomRow {
  id: number
  ownerNo: number
  customerNo: number
  lastSeq: number
  lastCount: number
  lastMessageId: number
  createdAt: number
  ownerReadSeq: number
  ownerReadCount: number
  ownerDeliveredSeq: number
  customerReadSeq: number
  customerReadCount: number
  customerDeliveredSeq: number
}

/** A room, joined with what is shown of it. */
interface SummaryRow {
  room: RoomRow
  product: ProductRow
  owner: Peer
  customer: Peer
  last: (Omit<MessageRow, 'sender'> & { senderNo: number | null }) | null
}

const senderOf = (number: number | null, { room, owner, customer }: Pick<SummaryRow, 'room' | 'owner' | 'customer'>) =>
  number === room.ownerNo ? owner : number === room.customerNo ? customer : null

/** Of an owner's inbox it is no part before the first message. */
export function ofBoth(row: SummaryRow) {
  const { room, owner, customer } = row
  const people = room.lastCount > 0 ? [owner.id, customer.id] : [customer.id]
  return people.map((userId) => ({ userId, summary: toSummary(row, userId) }))
}

/** The newest of these rows, which may be of both sides. */
export function toInbox(rows: SummaryRow[], userId: string, limit: number) {
  rows.sort((a, b) => b.room.lastMessageId - a.room.lastMessageId || b.room.id - a.room.id)
  return rows.slice(0, limit).map((row) => ({
    summary: toSummary(row, userId),
    place: { lastMessageId: row.room.lastMessageId, roomId: row.room.id },
  }))
}

export function toSummary({ room, product, owner, customer, last }: SummaryRow, userId: string): RoomSummary {
  const isOwner = owner.id === userId
  const [peerReadSeq, peerDeliveredSeq] = isOwner
    ? [room.customerReadSeq, room.customerDeliveredSeq]
    : [room.ownerReadSeq, room.ownerDeliveredSeq]
  const createdAt = new Date(room.createdAt).toISOString()
  const lastMessage = last ? toMessage({ ...last, sender: senderOf(last.senderNo, { room, owner, customer }) }) : null
  return {
    id: room.id,
    product: toProduct(product),
    owner,
    customer,
    lastSeq: room.lastSeq,
    createdAt,
    role: isOwner ? 'owner' : 'customer',
    unread: Math.max(0, room.lastCount - (isOwner ? room.ownerReadCount : room.customerReadCount)),
    readSeq: isOwner ? room.ownerReadSeq : room.customerReadSeq,
    peerReadSeq,
    // What was read was received.
    peerDeliveredSeq: Math.max(peerDeliveredSeq, peerReadSeq),
    lastMessage,
    lastActivityAt: lastMessage?.createdAt ?? createdAt,
  }
}
