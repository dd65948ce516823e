import type { Problem } from './wire.ts'

const FAULTS: [prefix: string, problem: Problem][] = [
  ['SQLITE_FULL', 'disk_full'],
  ['SQLITE_BUSY', 'busy'],
  ['SQLITE_LOCKED', 'busy'],
  ['SQLITE_IOERR', 'io'],
  ['SQLITE_READONLY', 'io'],
  ['SQLITE_CANTOPEN', 'io'],
  ['SQLITE_CORRUPT', 'damaged'],
  ['SQLITE_NOTADB', 'damaged'],
  ['SQLITE_NOMEM', 'io'],
]

/** A fault of the disk or the database, not of an item. */
export const problemOf = (error: unknown): Problem | undefined =>
  FAULTS.find(([prefix]) => codeOf(error).startsWith(prefix))?.[1]

/** SQLite's own word for it, whoever wrapped it. */
export function codeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code
  return cause instanceof Error ? cause.name : 'unknown'
}
