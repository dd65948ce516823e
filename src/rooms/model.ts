import { Type as t } from '@sinclair/typebox'
import { wholeNumber } from '../lib/http/operation.ts'
import { Message } from '../messages/model.ts'
import { Product, ProductId } from '../products/model.ts'
import { Peer } from '../users/model.ts'

export const ROLES = ['owner', 'customer'] as const
export const Role = t.Union([t.Literal('owner'), t.Literal('customer')], { description: 'Your side of the room.' })
export type Role = typeof Role.static

const seq = (description: string) => t.Integer({ minimum: 0, description, examples: [41] })

const room = {
  id: t.Integer({ minimum: 1, examples: [12] }),
  product: Product,
  owner: Peer,
  customer: { ...Peer, examples: [{ id: '0193f3a2-7b1c-7000-8000-0000000000a2', username: 'jun' }] },
  lastSeq: seq('The seq of the newest entry; 0 in an empty room.'),
  createdAt: t.String({ format: 'date-time', examples: ['2026-11-22T10:20:00.000Z'] }),
}

export const Room = t.Object(room, { title: 'Room', additionalProperties: false })
export type Room = typeof Room.static

export const RoomSummary = t.Object(
  {
    ...room,
    role: Role,
    unread: t.Integer({ minimum: 0, examples: [2] }),
    readSeq: seq('How far you have read.'),
    peerReadSeq: seq('How far the other side has read.'),
    peerDeliveredSeq: seq('How far the other side has received.'),
    lastMessage: t.Union([Message, t.Null()]),
    lastActivityAt: t.String({ format: 'date-time', examples: ['2026-11-22T10:20:00.000Z'] }),
  },
  { title: 'RoomSummary', additionalProperties: false },
)
export type RoomSummary = typeof RoomSummary.static

/** In a path. What is no number, and 0, is no room's: not found, like any id that nobody has. */
export const RoomPath = t.Object({ roomId: wholeNumber('roomId', { examples: [12] }) })

export const NewRoom = t.Object(
  {
    productId: ProductId,
    customerId: t.Optional(
      t.String({ minLength: 1, maxLength: 200, description: 'For a server key: for whom the room is opened.' }),
    ),
  },
  { title: 'NewRoom', additionalProperties: false, examples: [{ productId: '0193f3a2-7b1c-7000-8000-0000000000b1' }] },
)
export type NewRoom = typeof NewRoom.static

export const RoomPage = t.Object(
  {
    items: t.Array(RoomSummary),
    nextCursor: t.Union([t.String({ description: 'Opaque; null on the last page.' }), t.Null()]),
  },
  { title: 'RoomPage', additionalProperties: false },
)
export type RoomPage = typeof RoomPage.static

export const NewReadMark = t.Object(
  { seq: t.Integer({ minimum: 0, description: 'Read up to here. Past the end means the end.', examples: [41] }) },
  { title: 'NewReadMark', additionalProperties: false },
)
export type NewReadMark = typeof NewReadMark.static

export const ReadMark = t.Object(
  {
    readSeq: seq('It only moves forward.'),
    unread: t.Integer({ minimum: 0, description: 'Left in this room.', examples: [0] }),
    totalUnread: t.Integer({ minimum: 0, description: 'Left in all your rooms.', examples: [3] }),
  },
  { title: 'ReadMark', additionalProperties: false },
)
export type ReadMark = typeof ReadMark.static
