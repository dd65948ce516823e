import { Database } from 'bun:sqlite'
import { existsSync } from 'node:fs'
import { SQL } from 'bun'
import { getTableColumns, getTableName } from 'drizzle-orm'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'
import { StartError } from '../lib/errors.ts'
import { connect, NO_LIMITS } from './postgres/database.ts'
import { orStartError } from './postgres/faults.ts'
import { COPYING } from './postgres/meta.ts'
import { migratePostgres } from './postgres/migrate.ts'
import { lockDirectory, migrateDirectory } from './sqlite/directory.ts'
import { databasePath } from './sqlite/migrate.ts'
import * as schema from './sqlite/schema.ts'
import { RELAXED_RUN } from './sqlite/writer/meta.ts'

export interface CopyProgress {
  step: 'copy' | 'compare'
  table: string
  /** Rows of the table, and how many of them are done. */
  rows: number
  total: number
}

interface Options {
  /** A data directory with SQLite in it, of which no server runs. */
  dataDir: string
  /** A database of PostgreSQL that is empty, or into which this one was being copied. */
  url: string
  onProgress: (progress: CopyProgress) => void
}

type Value = string | number | null

/** A table by the names that both databases have for it, and the columns that order it. */
interface Table {
  name: string
  columns: string[]
  order: string[]
}

const table = (table: SQLiteTable, ...order: string[]): Table => ({
  name: getTableName(table),
  columns: Object.values(getTableColumns(table)).map(({ name }) => name),
  order,
})

/** Whoever is referred to comes first. */
const SMALL = [
  table(schema.users, 'number'),
  table(schema.sessions, 'token_hash'),
  table(schema.tickets, 'ticket_hash'),
  table(schema.adminLinks, 'token_hash'),
  table(schema.serverKeys, 'id'),
  table(schema.audit, 'number'),
  table(schema.revocations, 'number'),
  table(schema.presence, 'user_no'),
  table(schema.products, 'number'),
  table(schema.rooms, 'id'),
]
const MESSAGES = table(schema.messages, 'id')
/** What numbers its rows by itself. */
const NUMBERED = ['users.number', 'audit.number', 'revocations.number', 'products.number', 'rooms.id', 'messages.id']

const PAGE = 1000

/**
 * Copies all that SQLite has into PostgreSQL, and compares. It may be cut short and begun again: messages, which are
 * nearly all of it, go on where they were, and the rest is copied anew. Epoch and seqs stay what they are, so that
 * clients go on as if nothing had been. Until it is done no server opens the new database; after that it only compares.
 * @throws StartError for what its operator can mend
 */
export async function copyToPostgres({ dataDir, url, onProgress }: Options): Promise<void> {
  if (!existsSync(databasePath(dataDir)))
    throw new StartError(`${dataDir} has no parley.db in it. Name the data directory.`)
  if (migrateDirectory({ dataDir, durability: 'full' }, true).pending.length > 0) {
    throw new StartError(`${dataDir} holds no data of this release. Run parley migrate --data-dir ${dataDir} first.`)
  }
  const lock = lockDirectory(dataDir)
  const source = new Database(databasePath(dataDir), { readonly: true, strict: true })
  await migratePostgres(url, { check: false, isCopying: true })
  const target = connect({ url, durability: 'full' }, 1, NO_LIMITS)
  try {
    await orStartError(url, () => run(source, target, onProgress))
  } finally {
    await target.close()
    source.close()
    lock.release()
  }
}

async function run(source: Database, target: SQL, onProgress: Options['onProgress']) {
  const copy = new Copy(source, target, onProgress)
  if (!(await begin(source, target))) return copy.compare(CHANGED_SINCE)
  await copy.run()
  await finish(source, target)
}

/** Which of the two is right, nobody can tell but whoever ran the servers. */
const CHANGED_SINCE =
  'It was whole before, so one of the two was written since. If servers ran on PostgreSQL, what it has counts: start them. Or else copy into a new database.'

const fact = (source: Database, key: string) =>
  source.query<{ value: string }, [string]>('SELECT value FROM meta WHERE key = ?').get(key)?.value ?? ''

/** Held by the one connection: the last statement of a copy that was killed may still be running there. */
const LOCK = 0x636f_7079

/** Whether there is something to copy: if it was all done before, nothing is touched. */
async function begin(source: Database, target: SQL): Promise<boolean> {
  await target`SELECT pg_advisory_lock(${LOCK})`
  const epoch = fact(source, 'epoch')
  if (fact(source, RELAXED_RUN)) {
    throw new StartError('The last run of the server was relaxed, and did not end cleanly. Start it once, and stop it.')
  }
  const [marked] = await target`SELECT value FROM meta WHERE key = ${COPYING}`
  const [people] = await target`SELECT EXISTS (SELECT FROM users) OR EXISTS (SELECT FROM server_keys) AS "isThere"`
  const [there] = await target`SELECT value FROM meta WHERE key = 'epoch'`
  if (!marked && there?.value === epoch) return false
  if (marked ? marked.value !== epoch : people?.isThere) {
    throw new StartError('The PostgreSQL database holds other data. Name an empty one: createdb parley.')
  }
  await target`INSERT INTO meta (key, value) VALUES (${COPYING}, ${epoch}) ON CONFLICT DO NOTHING`
  await target.unsafe(`TRUNCATE ${SMALL.map(({ name }) => name).join(', ')}`)
  return true
}

async function finish(source: Database, target: SQL) {
  await target.begin(async (tx) => {
    for (const [name = '', column = ''] of NUMBERED.map((each) => each.split('.'))) {
      const used = source.query<{ seq: number }, [string]>('SELECT seq FROM sqlite_sequence WHERE name = ?').get(name)
      await tx`SELECT setval(pg_get_serial_sequence(${name}, ${column}),
        greatest(${used?.seq ?? 0}::int8, (SELECT coalesce(max(${tx(column)}), 0) FROM ${tx(name)}), 1))`
    }
    await tx`UPDATE meta SET value = ${fact(source, 'epoch')} WHERE key = 'epoch'`
    await tx`DELETE FROM meta WHERE key = ${COPYING}`
  })
}

class Copy {
  readonly #source: Database
  readonly #target: SQL
  readonly #onProgress: Options['onProgress']

  constructor(source: Database, target: SQL, onProgress: Options['onProgress']) {
    this.#source = source
    this.#target = target
    this.#onProgress = onProgress
  }

  async run(): Promise<void> {
    for (const each of SMALL) await this.#copy(each, undefined)
    const [newest] = await this.#target`SELECT max(id) AS id FROM messages`
    await this.#copy(MESSAGES, newest?.id === null ? undefined : Number(newest?.id))
    await this.compare('Drop that database, and copy into a new one.')
  }

  /** @throws StartError with this advice where a row differs */
  async compare(advice: string): Promise<void> {
    for (const each of [...SMALL, { ...MESSAGES, order: ['room_id', 'seq'] }]) await this.#compare(each, advice)
  }

  async #copy(table: Table, after: number | undefined) {
    const { name, columns } = table
    const total = this.#count(name)
    const names = columns.join(', ')
    const insert = `INSERT INTO ${name} (${names}) OVERRIDING SYSTEM VALUE
      SELECT ${names} FROM json_populate_recordset(NULL::${name}, $1::text::json)`
    let rows = total - this.#count(name, after === undefined ? '' : `WHERE id > ${after}`)
    for (const page of this.#pages(table, after === undefined ? undefined : [after])) {
      await this.#target.unsafe(insert, [JSON.stringify(page)]).catch((error) => refuse(name, error))
      rows += page.length
      this.#onProgress({ step: 'copy', table: name, rows, total })
    }
  }

  #count(name: string, where = ''): number {
    return this.#source.query<{ rows: number }, []>(`SELECT count(*) AS rows FROM ${name} ${where}`).get()?.rows ?? 0
  }

  /** All rows of the source in order, after the one with these values. */
  *#pages(table: Table, after: Value[] | undefined): Generator<Record<string, Value>[]> {
    const { first, next } = statements(
      table,
      (column) => column,
      (at) => `?${at}`,
    )
    let last = after
    while (true) {
      const query = this.#source.query<Record<string, Value>, Value[]>(last ? next : first)
      const page = query.all(...(last ?? []))
      if (page.length === 0) return
      yield page
      last = table.order.map((column) => page.at(-1)?.[column] ?? null)
    }
  }

  async *#targetPages(table: Table): AsyncGenerator<Record<string, Value>[]> {
    const { first, next } = statements(table, collated(table), (at) => `$${at}`)
    let last: Value[] | undefined
    while (true) {
      const page: Record<string, Value>[] = await this.#target.unsafe(last ? next : first, last)
      if (page.length === 0) return
      yield page
      last = table.order.map((column) => page.at(-1)?.[column] ?? null)
    }
  }

  /** Every value of every row, in one order: a hash of each side. */
  async #compare(table: Table, advice: string) {
    const total = this.#count(table.name)
    const [there, here] = [new Bun.CryptoHasher('sha256'), new Bun.CryptoHasher('sha256')]
    for (const page of this.#pages(table, undefined)) hash(here, table, page)
    let rows = 0
    for await (const page of this.#targetPages(table)) {
      hash(there, table, page)
      rows += page.length
      this.#onProgress({ step: 'compare', table: table.name, rows, total })
    }
    if (rows === total && here.digest('hex') === there.digest('hex')) return
    throw new StartError(`The copy of ${table.name} differs: ${total} rows in SQLite, ${rows} in PostgreSQL. ${advice}`)
  }
}

/** A page from the beginning, and one after a row, in the order of the table. */
function statements({ name, columns, order }: Table, by: (column: string) => string, value: (at: number) => string) {
  const select = `SELECT ${columns.join(', ')} FROM ${name}`
  const rest = `ORDER BY ${order.map(by).join(', ')} LIMIT ${PAGE}`
  const values = order.map((_, at) => value(at + 1)).join(', ')
  return { first: `${select} ${rest}`, next: `${select} WHERE (${order.map(by).join(', ')}) > (${values}) ${rest}` }
}

const TEXT_KEYS = ['sessions', 'tickets', 'admin_links', 'server_keys']

/** By bytes, as SQLite does. */
const collated =
  ({ name }: Table) =>
  (column: string) =>
    TEXT_KEYS.includes(name) ? `${column} COLLATE "C"` : column

/** PostgreSQL gives its great integers as texts. */
function hash(hasher: Bun.CryptoHasher, { columns }: Table, page: Record<string, Value>[]) {
  for (const row of page)
    hasher.update(`${JSON.stringify(columns.map((column) => (row[column] === null ? null : String(row[column]))))}\n`)
}

function refuse(table: string, cause: unknown): never {
  const isNul = cause instanceof SQL.PostgresError && ['22P05', '22021'].includes(cause.errno ?? '')
  if (isNul) throw new StartError(`A text in ${table} has a U+0000, which PostgreSQL cannot store.`, { cause })
  throw cause
}
