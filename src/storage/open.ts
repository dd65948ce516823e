import { StartError } from '../lib/errors.ts'
import type { DirectoryOptions } from './sqlite/directory.ts'
import type { MigrationReport, Storage } from './storage.ts'

const NOTHING_THERE =
  "the database of DATABASE_URL holds no data of this release of Parley's. Start a server on it first, or run parley migrate."

/** Only the engine that is used is loaded. */
const sqlite = () => import('./sqlite/directory.ts')
const postgres = async () => ({ ...(await import('./postgres/migrate.ts')), ...(await import('./postgres/open.ts')) })

/** A data directory with SQLite in it, or a database of PostgreSQL. */
export interface StoragePlace extends Pick<DirectoryOptions, 'dataDir' | 'durability'> {
  databaseUrl?: string | undefined
}

export interface StorageOptions extends StoragePlace, DirectoryOptions {}

/** Applies or checks the migrations; of a directory, while no server is using it. */
export async function migrateStorage(
  { databaseUrl, ...place }: StoragePlace,
  { check }: { check: boolean },
): Promise<MigrationReport> {
  if (databaseUrl === undefined) return (await sqlite()).migrateDirectory(place, check)
  return (await postgres()).migratePostgres(databaseUrl, { check })
}

/** Migrates, and opens. @throws StartError for what its operator can mend */
export async function openStorage(options: StorageOptions): Promise<{ storage: Storage; migrations: MigrationReport }> {
  const { databaseUrl: url } = options
  if (url === undefined) return (await sqlite()).openDirectory(options)
  const { migratePostgres, openPostgres } = await postgres()
  const migrations = await migratePostgres(url, { check: false })
  return { storage: await openPostgres({ ...options, url }), migrations }
}

/** For a command, whether servers run on the data or not. */
export async function openBeside(options: StorageOptions, { mayCreate }: { mayCreate: boolean }): Promise<Storage> {
  const { databaseUrl: url } = options
  if (url === undefined) return (await sqlite()).openBesideDirectory(options, { mayCreate })
  const { migratePostgres, openPostgres } = await postgres()
  if (mayCreate) await migratePostgres(url, { check: false })
  else if ((await migratePostgres(url, { check: true })).pending.length > 0) throw new StartError(NOTHING_THERE)
  return openPostgres({ ...options, url, durability: 'full', isGuest: true })
}
