import { ChatError } from './errors.ts'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]
export const LOG_FORMATS = ['json', 'pretty'] as const
export type LogFormat = (typeof LOG_FORMATS)[number]

/** All that a log line may carry. There is no field for a body, a query string, a header or a token, on purpose. */
export interface LogFields {
  method?: string
  route?: string
  status?: number
  ms?: number
  ip?: string
  requestId?: string
  userId?: string
  roomId?: number
  code?: string | number
  count?: number
  bytes?: number
  url?: string
  docs?: string
  dataDir?: string
  path?: string
  version?: string
  engine?: string
  durability?: string
  signal?: string
  note?: string
  error?: unknown
}

/** A line as it was logged. */
export interface LoggedLine {
  time: string
  level: LogLevel
  event: string
  fields: Record<string, string | number>
}

const LINES_KEPT = 100

/** The last lines of level `warn` and `error`. */
export class RecentLines {
  readonly #lines: (LoggedLine & { level: 'warn' | 'error' })[] = []

  note({ level, ...line }: LoggedLine): void {
    if (level !== 'warn' && level !== 'error') return
    this.#lines.push({ level, ...line })
    if (this.#lines.length > LINES_KEPT) this.#lines.shift()
  }

  /** Newest first. */
  list() {
    return this.#lines.toReversed()
  }
}

/** Tells of what failed while nobody waited for it. That there is no database is said once, by the storage itself. */
export const failuresIn =
  (log: Log) =>
  (event: string) =>
  (error: unknown): void => {
    const isKnown = error instanceof ChatError && error.code === 'unavailable'
    log[isKnown ? 'debug' : 'error'](event, { error })
  }

export type Log = Record<LogLevel, (event: string, fields?: LogFields) => void>

interface LogOptions {
  level: LogLevel
  format: LogFormat
  write?: (line: string) => void
  recent?: RecentLines
}

/** One line an event, on standard error. */
export function createLog({
  level,
  format,
  recent,
  write = (line) => void process.stderr.write(line),
}: LogOptions): Log {
  const text = format === 'json' ? jsonLine : prettyLine
  const at = (own: LogLevel) =>
    LOG_LEVELS.indexOf(own) < LOG_LEVELS.indexOf(level)
      ? () => {}
      : (event: string, { error, ...given }: LogFields = {}) => {
          const fields = error === undefined ? given : { ...given, ...describe(error) }
          const line = { time: new Date().toISOString(), level: own, event, fields }
          write(text(line))
          recent?.note(line)
        }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

const jsonLine = ({ fields, ...line }: LoggedLine) => `${JSON.stringify({ ...line, ...fields })}\n`

function prettyLine({ time, level, event, fields }: LoggedLine) {
  const pairs = Object.entries(fields).map(([key, value]) => `${key}=${value}`)
  return `${time.slice(11, 23)} ${level.toUpperCase().padEnd(5)} ${event} ${pairs.join(' ')}\n`
}

/**
 * What of an error is safe to keep. A database library's own wrapper has the bound values in its message, so the
 * innermost cause speaks instead; SQLite's messages name columns, never values. PostgreSQL's errors have no stack.
 */
function describe(error: unknown): { error: string; stack?: string } {
  let cause = error
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause
  if (!(cause instanceof Error)) return { error: typeof cause }
  const wrapped = cause.name === 'DrizzleQueryError'
  const frames = (cause.stack ?? '').split('\n').filter((frame) => frame.trimStart().startsWith('at '))
  const stack = frames.length > 0 ? { stack: frames.slice(0, 8).join('\n') } : {}
  return { error: wrapped ? cause.name : `${cause.name}: ${cause.message}`, ...stack }
}
