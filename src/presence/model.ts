import { Type as t } from '@sinclair/typebox'
import { timestamp } from '../users/model.ts'

/** What one may know of somebody with whom one has talked. */
export const PresenceStatus = t.Object(
  {
    userId: t.String({ examples: ['0193f3a2-7b1c-7000-8000-0000000000a1'] }),
    online: t.Boolean({ description: 'A socket of theirs is open, or was 15 seconds ago.' }),
    lastSeenAt: t.Union([timestamp('Down to the minute.'), t.Null()], {
      description: 'null for whoever is online, hides it, or has not been here.',
    }),
  },
  { title: 'PresenceStatus', additionalProperties: false },
)
export type PresenceStatus = typeof PresenceStatus.static

/** Whether others may see when one is here. */
const hidden = t.Boolean({ description: 'Others see neither that you are here nor when you were.', examples: [true] })
export const PresenceSetting = t.Object({ hidden }, { title: 'PresenceSetting', additionalProperties: false })
export type PresenceSetting = typeof PresenceSetting.static

export const PresenceChange = t.Object({ hidden }, { title: 'PresenceChange', additionalProperties: false })
