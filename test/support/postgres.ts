import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { SQL } from 'bun'
import { migratePostgres } from '../../src/storage/postgres/migrate.ts'
import { openPostgres, type PostgresOptions } from '../../src/storage/postgres/open.ts'
import { freePort } from './free-port.ts'
import type { TestStorage } from './storage.ts'

/** Where Debian keeps PostgreSQL's programs, which are in no PATH; the newest ones. */
export function postgresBin(): string | undefined {
  const root = '/usr/lib/postgresql'
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : []
  const folders = versions.map((version) => join(root, version, 'bin'))
  const inPath = Bun.which('initdb')
  return [...folders, ...(inPath ? [dirname(inPath)] : [])].find((folder) => existsSync(join(folder, 'initdb')))
}

const TEMPLATE = 'migrated'

const TABLES = [
  'admin_links',
  'audit',
  'tickets',
  'sessions',
  'presence',
  'messages',
  'rooms',
  'products',
  'revocations',
  'server_keys',
  'users',
]
const NUMBERS = ['audit_number', 'messages_id', 'rooms_id', 'products_number', 'revocations_number', 'users_number']
const EMPTIED = [
  ...TABLES.map((table) => `DELETE FROM ${table}`),
  ...NUMBERS.map((name) => `ALTER SEQUENCE ${name}_seq RESTART`),
].join(';')
/** Has to show a password, which is `right`. */
export const LOCKED = 'locked'

const ACCESS = `
local all all trust
host all ${LOCKED} 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
`

/** A real server on a free port, in a directory of its own; neither outlives this process. */
export class TestPostgres implements AsyncDisposable {
  readonly port = freePort()
  readonly #folder = mkdtempSync(join(tmpdir(), 'parley-postgres-'))
  readonly #settings: Record<string, string>
  readonly #admin: SQL
  #process: Bun.Subprocess | undefined
  #databases = 0
  readonly #free: string[] = []
  readonly #onExit = () => this.#leaveNothing()

  private constructor(settings: Record<string, string>) {
    this.#settings = settings
    this.#admin = new SQL({ url: this.url('postgres'), adapter: 'postgres', database: 'postgres', max: 1 })
    process.on('exit', this.#onExit)
  }

  static async start(settings: Record<string, string> = {}): Promise<TestPostgres> {
    const server = new TestPostgres(settings)
    server.#initialise()
    await server.start()
    await server.run(`CREATE ROLE ${LOCKED} LOGIN PASSWORD 'right'`)
    await server.run(`CREATE DATABASE ${TEMPLATE}`)
    await migratePostgres(server.url(TEMPLATE), { check: false })
    return server
  }

  url(database: string, user = 'parley'): string {
    return `postgres://${user}@127.0.0.1:${this.port}/${database}`
  }

  run(statement: string): Promise<Record<string, unknown>[]> {
    return this.#admin.unsafe(statement)
  }

  /** A new one, with every table in it or with nothing; resolves to its URL. */
  async createDatabase(template = TEMPLATE): Promise<string> {
    const name = `test${++this.#databases}`
    await this.run(`CREATE DATABASE ${name} TEMPLATE ${template}`)
    return this.url(name)
  }

  /** One that is empty, but for what every database has: an old one, where there is one that was given back. */
  async takeDatabase(): Promise<string> {
    return this.#free.pop() ?? (await this.createDatabase())
  }

  /** To connect to a new database takes longer than to empty this one. */
  async giveBack(url: string): Promise<void> {
    await using sql = new SQL({ url, adapter: 'postgres', max: 1 })
    await sql.unsafe(EMPTIED).simple()
    this.#free.push(url)
  }

  /** Unless it runs; and lets it go on where it was paused. */
  async start(): Promise<void> {
    this.resume()
    if (this.#process?.exitCode === null) return
    const settings = { ...SETTINGS, port: String(this.port), unix_socket_directories: this.#folder, ...this.#settings }
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const command = ['--pdeathsig', 'QUIT', join(bin(), 'postgres'), '-D', this.#data, ...flags]
    const log = Bun.file(join(this.#folder, 'log'))
    this.#process = Bun.spawn(asUser(command), { stdout: 'ignore', stderr: log })
    while (!(await this.#answers())) {
      if (this.#process.exitCode !== null) throw new Error(`PostgreSQL did not start:\n${await log.text()}`)
      await Bun.sleep(20)
    }
  }

  /** `immediate` is what a crash leaves: no connection is told, and nothing is flushed but what was committed. */
  async stop(how: 'fast' | 'immediate' = 'fast'): Promise<void> {
    this.#process?.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT')
    await this.#process?.exited
  }

  /** Comes back as after a failover: on another timeline of its history, which begins where the old one ended. */
  async takeAnotherTimeline(): Promise<void> {
    await this.stop()
    writeFileSync(join(this.#data, 'recovery.signal'), '')
    this.#settings.restore_command = 'false'
    await this.start()
  }

  /** Comes back as a standby of nobody: it can only be read. */
  async becomeStandby(): Promise<void> {
    await this.stop()
    writeFileSync(join(this.#data, 'standby.signal'), '')
    await this.start()
  }

  /** It takes connections (the kernel does), and answers nothing. */
  pause(): void {
    this.#signal(this.#processes(), 'SIGSTOP')
  }

  resume(): void {
    this.#signal(this.#processes(), 'SIGCONT')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#onExit)
    this.resume()
    await this.#admin.close({ timeout: 0 })
    await this.stop('immediate')
    this.#leaveNothing()
  }

  get #data() {
    return join(this.#folder, 'data')
  }

  #initialise() {
    if (isRoot) chownSync(this.#folder, userId('postgres'), 0)
    const options = ['-U', 'parley', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync']
    const made = Bun.spawnSync(asUser([join(bin(), 'initdb'), '-D', this.#data, ...options]))
    if (!made.success) throw new Error(`initdb failed:\n${made.stderr}`)
    writeFileSync(join(this.#data, 'pg_hba.conf'), ACCESS)
  }

  async #answers(): Promise<boolean> {
    return this.run('SELECT 1').then(
      () => true,
      () => false,
    )
  }

  /** The server and what it has started, the server first: so it starts nothing meanwhile. */
  #processes(): number[] {
    const pid = this.#process?.pid
    if (pid === undefined || this.#process?.exitCode !== null) return []
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    return [pid, ...children.split(' ').filter(Boolean).map(Number)]
  }

  /** A session may end just before its signal comes. */
  #signal(pids: number[], signal: NodeJS.Signals) {
    for (const pid of pids) {
      try {
        process.kill(pid, signal)
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
      }
    }
  }

  #leaveNothing() {
    this.#signal(this.#processes().toReversed(), 'SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** After a crash it would flush each of its thousand files a database by itself. */
const SETTINGS = {
  recovery_init_sync_method: 'syncfs',
  listen_addresses: '127.0.0.1',
  shared_buffers: '32MB',
  max_connections: '200',
}

const isRoot = process.getuid?.() === 0

/** As the user `postgres`, where this is root: neither PostgreSQL nor its pooler runs as that. Flags of setpriv go first. */
export const asUser = (command: string[]): string[] => {
  const user = isRoot ? ['--reuid=postgres', '--regid=postgres', '--clear-groups'] : []
  return ['setpriv', ...user, ...command]
}

const userId = (name: string) => Number(Bun.spawnSync(['id', '-u', name]).stdout.toString())

function bin(): string {
  const found = postgresBin()
  if (found === undefined) throw new Error('PostgreSQL is not there: bun test/support/install.ts')
  return found
}

/** PostgreSQL, in a database of its own on this server. */
export async function openTestPostgres(
  server: TestPostgres,
  options: Partial<PostgresOptions> = {},
): Promise<TestStorage & { url: string }> {
  const url = await server.takeDatabase()
  const open = () => openPostgres({ url, durability: 'full', now: () => 1, poolSize: 4, ...options })
  let storage = await open()
  return {
    url,
    get storage() {
      return storage
    },
    async reopen() {
      await storage.close()
      storage = await open()
      return storage
    },
    async [Symbol.asyncDispose]() {
      await storage.close()
      await server.giveBack(url)
    },
  }
}
