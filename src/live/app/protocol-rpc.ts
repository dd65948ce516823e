import { type Static, Type as t } from '@sinclair/typebox'
import { LIMIT } from '../../lib/http/operation.ts'
import { Message, NewMessage } from '../../messages/model.ts'
import { PresenceStatus } from '../../presence/model.ts'
import { NewReadMark, ReadMark, Role, RoomPage } from '../../rooms/model.ts'

const roomId = t.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, examples: [12] })
const PersonId = t.String({ maxLength: 200, examples: ['0193f3a2-7b1c-7000-8000-0000000000a1'] })
/** Whether there is anything in it is judged where the text is stored: its refusal has words of its own. */
export const Draft = t.Object({
  text: t.String({ examples: NewMessage.properties.text.examples }),
  clientId: NewMessage.properties.clientId,
})
const Nothing = t.Object({}, { title: 'Nothing', additionalProperties: false })

/** What an app may call: what each takes, and answers. */
export const PROCEDURES = {
  'message.send': {
    summary: 'Send a message. The reply is the acknowledgement: the message is flushed to disk.',
    data: t.Object({ roomId, ...Draft.properties }),
    result: Message,
  },
  'room.read': {
    summary: 'I have read up to here. The mark only moves forward, and never past the end.',
    data: t.Object({ roomId, ...NewReadMark.properties }),
    result: ReadMark,
  },
  'room.delivered': {
    summary: 'My device has received up to here. Stored, and told to the room, a quarter of a second later.',
    data: t.Object({ roomId, seq: t.Integer({ minimum: 0, examples: [41] }) }),
    result: Nothing,
  },
  'room.typing': {
    summary:
      'I am writing. Told to the others of the room at most every three seconds; it ends after ten, or with the message.',
    data: t.Object({ roomId }),
    result: Nothing,
  },
  'rooms.list': {
    summary: 'My inbox, newest activity first; as GET /api/rooms.',
    data: t.Object(
      {
        role: t.Optional(Role),
        productId: t.Optional(t.String({ maxLength: 200, description: 'Only rooms about this product.' })),
        unread: t.Optional(t.Boolean({ description: 'Only rooms with something unread.' })),
        cursor: t.Optional(t.String({ maxLength: 200, description: '`nextCursor` of the page before.' })),
        limit: t.Optional(t.Integer(LIMIT)),
      },
      { examples: [{ unread: true, limit: 30 }] },
    ),
    result: RoomPage,
  },
  'presence.status': {
    summary: 'Who of these people is here. Those with whom I have not talked in a room are left out.',
    data: t.Object({ userIds: t.Array(PersonId, { maxItems: 100 }) }),
    result: t.Object({ items: t.Array(PresenceStatus) }, { title: 'PresenceStatuses', additionalProperties: false }),
  },
} as const
export type Procedure = keyof typeof PROCEDURES
export type DataOf<P extends Procedure> = Static<(typeof PROCEDURES)[P]['data']>
export type ResultOf<P extends Procedure> = Static<(typeof PROCEDURES)[P]['result']>

/** What may also be told with `send`, without a reply. */
export const UNANSWERED = ['room.read', 'room.delivered', 'room.typing'] as const satisfies Procedure[]
