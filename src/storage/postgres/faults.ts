import { ChatError, StartError } from '../../lib/errors.ts'

/**
 * `unreachable`: no connection, or none that takes writes; `busy`: too much waits for the same locks; `refused`: a right,
 * a table or a column is missing that was there at the start.
 */
export type Problem = 'unreachable' | 'busy' | 'refused' | 'disk_full' | 'io'

/** SQLSTATEs by how they begin, and the driver's own codes. */
const FAULTS: [code: RegExp, problem: Problem][] = [
  [/^ERR_POSTGRES_(CONNECTION|IDLE|LIFETIME|TLS|AUTH)|^(08|57P0|28|3D|25006|53300|53400|55000)/, 'unreachable'],
  [/^(40001|40P01|55P03|57014|57P05|25P03)/, 'busy'],
  [/^42(501|P01|703)/, 'refused'],
  [/^53100/, 'disk_full'],
  [/^(53|58|F0|XX00[12])/, 'io'],
]

/** A fault of the server or of the way to it, not of what was to be stored. */
export const problemOf = (error: unknown): Problem | undefined =>
  FAULTS.find(([pattern]) => pattern.test(codeOf(error)))?.[1]

/** The SQLSTATE, or the driver's own word for it, whoever wrapped it. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const { errno, code } = error as Error & { errno?: unknown; code?: unknown }
  if (typeof errno === 'string') return errno
  // Of TLS there are some without ERR_.
  if (typeof code === 'string' && /^[A-Z][A-Z_]+$/.test(code)) return code
  return error.cause instanceof Error ? codeOf(error.cause) : error.name
}

/** A session stays one that can only be read when its server is the primary again, or another one is: it has to be left. */
export const canOnlyRead = (error: unknown): boolean => codeOf(error) === '25006'

/** What goes by itself is told as unavailable; the rest stays what it was. */
export function toldAs(error: unknown): unknown {
  if (error instanceof ChatError || problemOf(error) === undefined) return error
  return new ChatError('unavailable', { retryAfter: 1, cause: error })
}

const ADVICE: [code: RegExp, advice: string][] = [
  [/^28P01/, 'refuses the password. Mend it in the database URL'],
  [/^28/, 'refuses this user. Mend the user in the database URL, or let it in (pg_hba.conf)'],
  [/^3D000/, 'has no such database. Create it, or mend its name in the database URL'],
  [/^42(P07|710)/, 'has tables of somebody else. Create a database for Parley alone, and name it in the database URL'],
  [/^42P05/, 'is behind a pooler that shares sessions. Set pool_mode = session there, or connect past it'],
  [/^08P01/, 'is behind a pooler that does not know the settings of a session. Set ignore_startup_parameters there'],
  [/^(42501|3F000)/, "gives this user too few rights. Make it the database's owner, with search_path as it comes"],
  [/^42704/, 'does not know a parameter of the database URL. Take it out, or mend its name'],
  [/^53300/, 'has no connection left. Raise max_connections there (a node takes 11), or wait until others have ended'],
  [/^55000/, 'lets nobody into this database. ALTER DATABASE … ALLOW_CONNECTIONS true'],
  [/^57P0/, 'is starting or stopping. Try again when it is up'],
  [/^25006/, 'is a standby, which can only be read. Name the primary in the database URL'],
  [/^ERR_POSTGRES_TLS_NOT_AVAILABLE/, 'offers no TLS. Switch it on there, or set sslmode=disable in the database URL'],
  [/^ERR_INVALID_ARG/, 'cannot be asked like that. Look at sslmode and the other options in the database URL'],
  [/TLS|CERT|SSL/, 'has no certificate that can be trusted. Mend the certificate, or sslmode in the database URL'],
  [/^ERR_POSTGRES_AUTH|^ERR_POSTGRES_(UNSUPPORTED|UNKNOWN)_AUTH/, 'asks for a way to sign in that is not known here'],
  [/^ERR_POSTGRES_CONNECTION|^08/, 'cannot be reached. Start it, or mend host and port in the database URL'],
]

/** What the operator can mend is said in one line, and never with the URL's password; the rest keeps its stack. */
export async function orStartError<T>(url: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof StartError) throw error
    const code = codeOf(error)
    const advice = ADVICE.find(([pattern]) => pattern.test(code))
    if (!advice) throw error
    const mayPass = /^(ERR_POSTGRES_CONNECTION|08(?!P01)|57P0|53300)/.test(code)
    throw new StartError(`PostgreSQL at ${placeOf(url)} ${advice[1]}.`, { cause: error, mayPass })
  }
}

/** Host, port and database. A password with a `/` or a `#` in it that is not escaped ends the host too early. */
export function placeOf(url: string): string {
  const { host, pathname, search, hash } = new URL(url)
  return `${pathname}${search}${hash}`.includes('@') ? 'the database URL' : `${host}${pathname}`
}
