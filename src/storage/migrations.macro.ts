import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Read when the code is bundled or transpiled, so that the compiled binary carries its migrations inside. */
export function embeddedMigrations(dialect: string): { name: string; sql: string; timestamp: number }[] {
  const folder = join(import.meta.dir, '../../drizzle', dialect)
  return readdirSync(folder)
    .sort()
    .map((name) => ({
      name,
      sql: readFileSync(join(folder, name, 'migration.sql'), 'utf8'),
      timestamp: Number(name.slice(0, 14)),
    }))
}
