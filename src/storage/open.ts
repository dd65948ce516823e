import { chmodSync, existsSync, lstatSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { StartError } from '../lib/errors.ts'
import type { Durability } from './sqlite/database.ts'
import { type Lock, lockDataDir } from './sqlite/lock.ts'
import { databasePath, type MigrationReport, migrateSqlite } from './sqlite/migrate.ts'
import { openSqlite } from './sqlite/open.ts'
import type { Storage, StorageEvents } from './storage.ts'

interface Place {
  dataDir: string
  durability: Durability
}

interface Opening extends Place {
  workerUrl: string
  now: () => number
  events?: StorageEvents
}

/** Applies or checks the migrations of a data directory that no server is using. */
export function migrateStorage({ dataDir, durability }: Place, { check }: { check: boolean }): MigrationReport {
  return orStartError(dataDir, () => {
    if (check) return migrateSqlite(dataDir, durability, true)
    const lock = requireLock(dataDir)
    try {
      return migrateSqlite(dataDir, durability, false)
    } finally {
      lock.release()
    }
  })
}

/** Makes the data directory, takes its lock, migrates, opens. Closing the storage releases the lock. */
export async function openStorage(opening: Opening): Promise<{ storage: Storage; migrations: MigrationReport }> {
  const { dataDir, durability, ...rest } = opening
  const lock = orStartError(dataDir, () => requireLock(dataDir))
  try {
    const migrations = orStartError(dataDir, () => migrateSqlite(dataDir, durability, false))
    const storage = await openSqlite({ path: databasePath(dataDir), durability, ...rest })
    const close = async () => {
      await storage.close()
      lock.release()
    }
    return { storage: { ...storage, close }, migrations }
  } catch (error) {
    lock.release()
    throw error
  }
}

/**
 * For a command, whether a server runs on the data or not: without the lock, which a server that starts meanwhile needs.
 * Only where the schema is not there, or is an older one, it is held for a moment.
 */
export async function openBeside(opening: Opening, { mayCreate }: { mayCreate: boolean }): Promise<Storage> {
  const { dataDir, ...rest } = opening
  if (!mayCreate && !existsSync(databasePath(dataDir))) {
    throw new StartError(`${dataDir} holds no data of Parley's. Name the directory of the server: --data-dir.`)
  }
  await migrateBeside(opening)
  return openSqlite({ path: databasePath(dataDir), ...rest, durability: 'full', isGuest: true })
}

const MIGRATED_WITHIN_MS = 5000

/** Another command may be at it; or an older server runs, and goes on running. */
async function migrateBeside({ dataDir, durability }: Place): Promise<void> {
  const giveUpAt = performance.now() + MIGRATED_WITHIN_MS
  while (migrateStorage({ dataDir, durability }, { check: true }).pending.length > 0) {
    const lock = orStartError(dataDir, () => takeLock(dataDir))
    try {
      if (lock) orStartError(dataDir, () => migrateSqlite(dataDir, durability, false))
    } finally {
      lock?.release()
    }
    if (!lock && performance.now() > giveUpAt) {
      throw new StartError(`${dataDir} is in use by an older Parley. Use its own command, or restart it as this one.`)
    }
    if (!lock) await Bun.sleep(20)
  }
}

function takeLock(dataDir: string): Lock | undefined {
  makeDataDir(dataDir)
  return lockDataDir(dataDir)
}

function requireLock(dataDir: string): Lock {
  const lock = takeLock(dataDir)
  if (lock) return lock
  throw new StartError(
    `${dataDir} is in use by another Parley. Stop that one first, or start this one with another --data-dir.`,
  )
}

/** Whatever a copy or an older release made them, the files are for their user alone: SQLite gives its log their mode. */
const PRIVATE_FILES = ['parley.db', 'parley.db-wal', 'parley.db-shm', 'lock.db']

/** A directory that is there already keeps its mode: it may be a mount, or hold what is not ours. */
function makeDataDir(dataDir: string) {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  for (const name of PRIVATE_FILES) {
    const path = join(dataDir, name)
    // Not what a link leads to: that may be a device, and another program's.
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile()) chmodSync(path, 0o600)
  }
}

const ADVICE: [code: RegExp, advice: string][] = [
  [
    /^(EACCES|EPERM|EROFS|SQLITE_READONLY|SQLITE_CANTOPEN)/,
    'or a file in it cannot be opened for writing by this user. Mend its permissions, or choose another --data-dir',
  ],
  [/^(ENOTDIR|EEXIST)/, 'is not a directory, or a link to none. Choose another --data-dir'],
  [/^(ENOSPC|SQLITE_FULL)/, 'is on a full disk. Free some space'],
  [/^(SQLITE_CORRUPT|SQLITE_NOTADB)/, 'holds a damaged database. It was left untouched: restore a backup'],
  [/^SQLITE_IOERR/, 'holds a parley.db that cannot be read. Look at the disk, or choose another --data-dir'],
  [/^E[A-Z]+$/, 'cannot be used as a directory. Choose another --data-dir'],
]

/** What the operator can mend is said in one line; the rest keeps its stack. */
function orStartError<T>(dataDir: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (error instanceof StartError) throw error
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    const advice = ADVICE.find(([pattern]) => pattern.test(code))
    if (!advice) throw error
    throw new StartError(`${dataDir} ${advice[1]}.`, { cause: error })
  }
}
