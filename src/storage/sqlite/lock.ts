import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { StartError } from '../../lib/errors.ts'

export interface Lock {
  release(): void
}

/**
 * Holds the data directory for this process by an open transaction on `lock.db`. The kernel frees it when the process
 * dies, however it dies, so there is no stale lock to remove. `undefined` where another process holds it; those that share
 * it keep out only those that do not.
 */
export function lockDataDir(dataDir: string, { isShared = false } = {}): Lock | undefined {
  const path = join(dataDir, 'lock.db')
  const database = new Database(path, { create: true })
  try {
    database.run('PRAGMA busy_timeout = 0')
    // Whoever has read in a transaction keeps others from an exclusive lock until it ends, and nobody from reading.
    if (isShared) database.run('BEGIN; SELECT count(*) FROM sqlite_schema')
    else database.run('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'SQLITE_NOTADB') throw new StartError(`${path} is no lock of Parley's. Remove it.`, { cause: error })
    if (code !== 'SQLITE_BUSY') throw error
    return undefined
  }
  return { release: () => database.close() }
}
