import type { Database } from 'bun:sqlite'
import { accountCommands } from '../accounts.ts'
import type { Db } from '../database.ts'
import { appendCommands } from '../messages.ts'
import { productCommands } from '../products.ts'
import { roomCommands } from '../rooms.ts'
import { sessionCommands } from '../sessions.ts'
import { heartbeatCommands } from './meta.ts'
import type { RoomsInHand } from './rooms-in-hand.ts'

/**
 * Everything that may be written. A command is synchronous and runs inside the transaction of its batch; arguments and
 * results cross a thread as JSON. It refuses by its result, before it has written anything.
 */
export const commandsFor = (sqlite: Database, db: Db, rooms: RoomsInHand) => ({
  ...accountCommands(db),
  ...sessionCommands(db),
  ...productCommands(db),
  ...roomCommands(db, rooms),
  ...appendCommands(sqlite, db, rooms),
  ...heartbeatCommands(db),
})

export type Commands = ReturnType<typeof commandsFor>
