import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { dirname } from 'node:path'
import type { Storage } from '../src/storage/storage.ts'
import { goOnTalking } from './bench/seed-stored.ts'
import { openTestSqlite, roomIn } from './support/storage.ts'

async function talk(storage: Storage, messages: number): Promise<number> {
  const { roomId, owner, customer } = await roomIn(storage)
  for (let said = 0; said < messages; said++) {
    const { id, username } = said % 2 === 0 ? owner : customer
    const clientId = crypto.randomUUID()
    await storage.messages.append({ roomId, sender: { id, username }, text: `by ${username}`, clientId, at: 1 })
  }
  return roomId
}

/** Everything but what is new each time: the ids of the product and of the messages' clients. */
function rowsIn(file: string) {
  using sqlite = new Database(file, { readonly: true })
  const messages = sqlite.query(
    "SELECT *, client_id LIKE '________-____-4___-____-____________' AS client_id FROM messages ORDER BY id",
  )
  return { messages: messages.all(), rooms: sqlite.query('SELECT *, 0 AS product_id FROM rooms').all() }
}

test('what SQL stores for the bench is what the writer would have stored', async () => {
  await using written = await openTestSqlite()
  await using made = await openTestSqlite()
  await talk(written.storage, 8)
  const roomId = await talk(made.storage, 2)
  await made.spoil((file) => goOnTalking(dirname(file), [roomId], 8))
  expect(rowsIn(made.file).messages).toHaveLength(8)
  expect(rowsIn(made.file)).toEqual(rowsIn(written.file))
})
