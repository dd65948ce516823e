import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStorage } from '../../src/storage/open.ts'
import type { Storage } from '../../src/storage/storage.ts'

export const WORKER_URL = new URL('../../src/storage/sqlite/writer/worker.ts', import.meta.url).href

export interface TestStorage extends AsyncDisposable {
  /** After a restart it is another one. */
  readonly storage: Storage
  /** Closes it and opens it again, as a restart does. */
  reopen(): Promise<Storage>
}

export interface TestSqlite extends TestStorage {
  /** The database itself. */
  file: string
  /** Does something to the closed database, and opens it again. */
  spoil(how: (file: string) => void): Promise<void>
}

/** SQLite in a directory of its own. */
export async function openTestSqlite(): Promise<TestSqlite> {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-storage-'))
  const open = async () =>
    (await openStorage({ dataDir, durability: 'full', workerUrl: WORKER_URL, now: () => 1 })).storage
  let storage = await open()
  const file = join(dataDir, 'parley.db')
  const restart = async (meanwhile?: (file: string) => void) => {
    await storage.close()
    meanwhile?.(file)
    storage = await open()
    return storage
  }
  return {
    get storage() {
      return storage
    },
    file,
    reopen: () => restart(),
    async spoil(how) {
      await restart(how)
    },
    async [Symbol.asyncDispose]() {
      await storage.close()
      // Forced: SQLite takes its log away when the last statement of the writer's thread is collected, perhaps just now.
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** An owner, a customer, a product and their room, straight in the storage. */
export async function roomIn(storage: Storage) {
  const [owner, customer] = await Promise.all([accountIn(storage, 'minji'), accountIn(storage, 'joon')])
  const productId = Bun.randomUUIDv7()
  const fields = { title: 'Bike', priceMinor: null, currency: null, imageUrl: null, url: null }
  await storage.products.create({ ...fields, id: productId, ownerId: owner.id, at: 1 })
  const key = { ownerId: owner.id, customerId: customer.id, productId }
  const opened = await storage.rooms.open({ ...key, at: 1 })
  return { owner, customer, productId, key, roomId: opened?.roomId ?? 0 }
}

export async function accountIn(storage: Storage, username: string) {
  const id = Bun.randomUUIDv7()
  const account = { id, username, email: `${id}@example.com`, createdAt: 1, passwordHash: 'none' }
  const session = { tokenHash: `hash of ${id}`, userId: id, createdAt: 1, expiresAt: 1000 }
  await storage.accounts.create(account, session)
  return { ...account, session }
}

/** What a promise fails with. Bun's own `rejects` holds the event loop, and the writer's answer with it. */
export const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )
