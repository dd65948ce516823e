import type { Database } from 'bun:sqlite'
import { auditCommands } from '../console/audit.ts'
import { linkCommands } from '../console/links.ts'
import type { Db } from '../database.ts'
import { accountCommands } from '../stores/accounts.ts'
import { keyCommands } from '../stores/keys.ts'
import { markCommands } from '../stores/marks.ts'
import { appendCommands, erasureCommands } from '../stores/messages.ts'
import { presenceCommands } from '../stores/presence.ts'
import { productCommands } from '../stores/products.ts'
import { roomCommands } from '../stores/rooms.ts'
import { sessionCommands } from '../stores/sessions.ts'
import { userCommands } from '../stores/users.ts'
import { heartbeatCommands } from './meta.ts'
import type { RoomsInHand } from './rooms-in-hand.ts'
import type { Item } from './wire.ts'

/**
 * Everything that may be written. A command is synchronous and runs inside the transaction of its batch; arguments and
 * results cross a thread as JSON. It refuses by its result, before it has written anything.
 */
export function commandsFor(sqlite: Database, db: Db, rooms: RoomsInHand) {
  const commands = plainCommands(sqlite, db, rooms)
  return { ...commands, ...auditCommands(db, runnerOf(commands)) }
}

/** The queue's types hold names and arguments together; after JSON the compiler cannot see that any more. */
export const runnerOf =
  (commands: object) =>
  ([name, ...args]: Item): unknown =>
    (commands as Record<string, (...args: unknown[]) => unknown>)[name]?.(...args)

const plainCommands = (sqlite: Database, db: Db, rooms: RoomsInHand) => ({
  ...accountCommands(db),
  ...userCommands(db),
  ...keyCommands(db),
  ...sessionCommands(db),
  ...linkCommands(db),
  ...productCommands(db),
  ...presenceCommands(db),
  ...roomCommands(db),
  ...markCommands(db, rooms),
  ...appendCommands(sqlite, db, rooms),
  ...erasureCommands(db, rooms),
  ...heartbeatCommands(db),
})

export type Commands = ReturnType<typeof commandsFor>
