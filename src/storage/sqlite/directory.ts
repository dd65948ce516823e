import { chmodSync, existsSync, lstatSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { StartError } from '../../lib/errors.ts'
import type { MigrationReport, Storage } from '../storage.ts'
import type { Durability } from './database.ts'
import { type Lock, lockDataDir } from './lock.ts'
import { databasePath, migrateSqlite } from './migrate.ts'
import { openSqlite, type SqliteOptions } from './open.ts'

interface Place {
  dataDir: string
  durability: Durability
}

export interface DirectoryOptions extends Place, Pick<SqliteOptions, 'workerUrl' | 'now' | 'events'> {
  /** Whether other processes may use the same data at the same time: they tell each other of it through a relay. */
  isShared?: boolean
}

/** Applies or checks the migrations of a data directory. Where some are pending, no server may be using it. */
export function migrateDirectory({ dataDir, durability }: Place, check: boolean): MigrationReport {
  return orStartError(dataDir, () => {
    const lock = check ? undefined : takeLock(dataDir)
    try {
      const report = migrateSqlite(dataDir, durability, lock === undefined)
      return check || lock || report.pending.length === 0 ? report : refuse(dataDir)
    } finally {
      lock?.release()
    }
  })
}

/** Makes the data directory, takes its lock, migrates, opens. Closing the storage releases the lock. */
export async function openDirectory(
  options: DirectoryOptions,
): Promise<{ storage: Storage; migrations: MigrationReport }> {
  const { dataDir, isShared = false, ...rest } = options
  const { lock, migrations } = isShared ? await enterShared(options) : orStartError(dataDir, () => enter(options))
  try {
    const storage = await openSqlite({ path: databasePath(dataDir), ...rest })
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

interface Entered {
  lock: Lock
  migrations: MigrationReport
}

function enter({ dataDir, durability }: Place): Entered {
  const lock = lockDirectory(dataDir)
  try {
    return { lock, migrations: migrateSqlite(dataDir, durability, false) }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** Others may be starting too, or a command may be at it; or an older server runs, and goes on running. */
async function enterShared({ dataDir, durability }: Place): Promise<Entered> {
  const giveUpAt = performance.now() + MIGRATED_WITHIN_MS
  while (true) {
    const entered = orStartError(dataDir, () => tryShared({ dataDir, durability }))
    if (entered) return entered
    if (performance.now() > giveUpAt) refuse(dataDir)
    await Bun.sleep(20)
  }
}

/** Whoever comes first migrates, and has the data for itself until that is done. */
function tryShared({ dataDir, durability }: Place): Entered | undefined {
  const first = takeLock(dataDir)
  try {
    const migrations = migrateSqlite(dataDir, durability, first === undefined)
    first?.release()
    const lock = migrations.pending.length === 0 ? lockDataDir(dataDir, { isShared: true }) : undefined
    return lock && { lock, migrations }
  } catch (error) {
    first?.release()
    throw error
  }
}

/**
 * For a command, whether a server runs on the data or not: without the lock, which a server that starts meanwhile needs.
 * Only where the schema is not there, or is an older one, it is held for a moment.
 */
export async function openBesideDirectory(
  options: DirectoryOptions,
  { mayCreate }: { mayCreate: boolean },
): Promise<Storage> {
  const { dataDir, ...rest } = options
  if (!mayCreate && !existsSync(databasePath(dataDir))) {
    throw new StartError(`${dataDir} holds no data of Parley's. Name the directory of the server: --data-dir.`)
  }
  await migrateBeside(options)
  return openSqlite({ path: databasePath(dataDir), ...rest, durability: 'full', isGuest: true })
}

const MIGRATED_WITHIN_MS = 5000

/** Another command may be at it; or an older server runs, and goes on running. */
async function migrateBeside({ dataDir, durability }: Place): Promise<void> {
  const giveUpAt = performance.now() + MIGRATED_WITHIN_MS
  while (migrateDirectory({ dataDir, durability }, true).pending.length > 0) {
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

/** For this process alone. @throws StartError where another one has it */
export const lockDirectory = (dataDir: string): Lock => takeLock(dataDir) ?? refuse(dataDir)

function refuse(dataDir: string): never {
  throw new StartError(
    `${dataDir} is in use by another Parley. Stop that one first, or start this one with another --data-dir; or give all that share it the same release and the same REDIS_URL.`,
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
