import { type Static, Type as t } from '@sinclair/typebox'
import type { RoomSignal } from '../../events.ts'
import { Message } from '../../messages/model.ts'
import { RoomSummary } from '../../rooms/model.ts'
import { Peer } from '../../users/model.ts'
import { appTopic, userTopic } from '../topics.ts'

const userId = Peer.properties.id
const seq = t.Integer({ minimum: 0, examples: [41] })

/** What is published on a room's channel: the first with an offset, the others without one, and never stored. */
export const ROOM_PUBLICATIONS = {
  'message.created': t.Object(
    { type: t.Literal('message.created'), message: Message },
    {
      title: 'MessageCreated',
      description: 'A new entry of the room, flushed to disk. The offset is its seq.',
      additionalProperties: false,
    },
  ),
  typing: t.Object(
    { type: t.Literal('typing'), userId },
    {
      title: 'Typing',
      description: 'The other one is writing. It stands for ten seconds, and ends with their next message.',
      additionalProperties: false,
    },
  ),
  receipt: t.Object(
    { type: t.Literal('receipt'), userId, readSeq: seq, deliveredSeq: seq },
    {
      title: 'Receipt',
      description: 'Somebody, on any device of theirs, has read or received up to here.',
      additionalProperties: false,
    },
  ),
} as const

/** What is published on a person's own channel. */
export const USER_PUBLICATIONS = {
  'room.changed': t.Object(
    { type: t.Literal('room.changed'), room: RoomSummary, totalUnread: { ...seq, examples: [3] } },
    {
      title: 'RoomChanged',
      description: 'A room of the person’s as it is now: a new message, a mark that moved, a room that was opened.',
      additionalProperties: false,
    },
  ),
} as const
type RoomChanged = Static<(typeof USER_PUBLICATIONS)['room.changed']>

/** What the reply to `connect` carries for the app. */
export const Welcome = t.Object(
  { user: Peer, totalUnread: t.Integer({ minimum: 0, description: 'Unread in all rooms.', examples: [3] }) },
  { title: 'Welcome', additionalProperties: false },
)
export type Welcome = Static<typeof Welcome>

/** An entry of a room, as history and recovery give it and as it is pushed. */
export const encodePublication = (message: Message): string =>
  `{"data":{"type":"message.created","message":${JSON.stringify(message)}},"offset":${message.seq}}`

const encodePush = (channel: string, push: string): string => `{"push":{"channel":${JSON.stringify(channel)},${push}}}`

export const encodeEntry = (message: Message): string =>
  encodePush(appTopic(message.roomId), `"pub":${encodePublication(message)}`)

export function encodeSignal(signal: RoomSignal): string {
  const { roomId, userId } = signal
  const push = (body: string) => encodePush(appTopic(roomId), body)
  const data = (value: object) => push(`"pub":{"data":${JSON.stringify(value)}}`)
  switch (signal.type) {
    case 'room.typing':
      return data({ type: 'typing', userId })
    case 'room.marked':
      return data({ type: 'receipt', userId, readSeq: signal.readSeq, deliveredSeq: signal.deliveredSeq })
    case 'room.joined':
      return push(`"join":${encodeClientInfo({ userId, client: signal.client })}`)
    case 'room.left':
      return push(`"leave":${encodeClientInfo({ userId, client: signal.client })}`)
    default:
      throw signal satisfies never
  }
}

const encodeClientInfo = ({ userId, client }: { userId: string; client: string }): string =>
  JSON.stringify({ info: { user: userId, client } })

export const encodeRoomChanged = (userId: string, room: RoomSummary, totalUnread: number): string => {
  const changed: RoomChanged = { type: 'room.changed', room, totalUnread }
  return encodePush(userTopic(userId), `"pub":{"data":${JSON.stringify(changed)}}`)
}

/** The position of this client is not one that the server can go on from: it is to subscribe again, and recover. */
export const encodeLost = (roomId: number): string =>
  encodePush(appTopic(roomId), '"unsubscribe":{"code":2500,"reason":"insufficient state"}')

export const encodeDisconnect = (code: number, reason: string): string =>
  JSON.stringify({ push: { disconnect: { code, reason } } })
