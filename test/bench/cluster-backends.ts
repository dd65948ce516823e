import { cpSync, readFileSync, rmSync, statSync } from 'node:fs'
import { SQL } from 'bun'
import { copyToPostgres } from '../../src/storage/copy.ts'
import { TestPostgres } from '../support/postgres.ts'
import { TestRedis } from '../support/redis.ts'
import type { Setup } from './cluster-report.ts'
import type { Seeded } from './seed.ts'
import { CORE, type Workbench } from './workbench.ts'

/** What the figures depend on. */
export interface Settings {
  sqlite: string
  postgres: string
  redis: string
  isSameDisk: boolean
}

/** Fresh data for one run, and what its nodes need in order to find it. */
export interface Place {
  dataDir: string
  env: Record<string, string>
  remove(): Promise<void>
}

/** PostgreSQL's own; the tests' server has less. */
const SHARED_BUFFERS = '128MB'
const TOLD = [
  ...['fsync', 'synchronous_commit', 'full_page_writes', 'wal_sync_method', 'commit_delay'],
  ...['shared_buffers', 'max_wal_size', 'autovacuum'],
]

/** One PostgreSQL and one Redis for all runs, both on the servers' core, and the seeded data in both engines. */
export class Backends implements AsyncDisposable {
  readonly #bench: Workbench
  readonly #seeded: Seeded
  readonly #postgres: TestPostgres
  readonly #redis: TestRedis
  #template = ''
  pids = { redis: 0, postgres: 0 }
  settings: Settings = { sqlite: 'synchronous=FULL', postgres: '', redis: '', isSameDisk: true }

  private constructor(bench: Workbench, seeded: Seeded, servers: { postgres: TestPostgres; redis: TestRedis }) {
    this.#bench = bench
    this.#seeded = seeded
    this.#postgres = servers.postgres
    this.#redis = servers.redis
  }

  static async start(bench: Workbench, seeded: Seeded): Promise<Backends> {
    const postgres = await TestPostgres.start({ shared_buffers: SHARED_BUFFERS })
    const backends = new Backends(bench, seeded, { postgres, redis: await TestRedis.start() })
    await backends.#pin()
    await backends.#seed()
    await backends.#describe()
    return backends
  }

  /** Before any node connects: what takes care of a connection is on the core of what has started it. */
  async #pin() {
    const [row] = await this.#postgres.run('SELECT pg_backend_pid() AS pid')
    const info = await this.#redis.command('INFO', 'server')
    this.pids = { postgres: parentOf(Number(row?.pid)), redis: Number(/^process_id:(\d+)/m.exec(info)?.[1]) }
    if (!this.#bench.machine.pinned) return
    for (const pid of [this.pids.redis, this.pids.postgres, ...childrenOf(this.pids.postgres)]) {
      Bun.spawnSync(['taskset', '-a', '-c', '-p', String(CORE.server), String(pid)])
    }
  }

  async #seed() {
    const url = await this.#postgres.createDatabase()
    await copyToPostgres({ dataDir: this.#seeded.dataDir, url, onProgress: () => {} })
    this.#template = nameOf(url)
    const sql = new SQL({ url, adapter: 'postgres', database: this.#template, max: 1 })
    await sql.unsafe('VACUUM ANALYZE')
    await sql.close()
  }

  async #describe() {
    const [row = {}] = await this.#postgres.run(
      `SELECT ${['server_version', 'data_directory', ...TOLD].map((name) => `current_setting('${name}') AS ${name}`)}`,
    )
    const version = /^redis_version:(\S+)/m.exec(await this.#redis.command('INFO', 'server'))?.[1]
    this.settings = {
      ...this.settings,
      postgres: `${row.server_version}: ${TOLD.map((name) => `${name}=${row[name]}`).join(', ')}`,
      redis: `${version}: nothing is written to disk`,
      isSameDisk: statSync(String(row.data_directory)).dev === statSync(this.#bench.directory).dev,
    }
  }

  async place({ postgres, redis }: Setup): Promise<Place> {
    const dataDir = this.#bench.place('data')
    const hints = redis ? { REDIS_URL: this.#redis.url } : {}
    const removeFiles = () => rmSync(dataDir, { recursive: true, force: true })
    if (!postgres) {
      cpSync(this.#seeded.dataDir, dataDir, { recursive: true })
      return { dataDir, env: hints, remove: async () => removeFiles() }
    }
    const url = await this.#postgres.createDatabase(this.#template)
    // So that each run begins as far from the next one.
    await this.#postgres.run('CHECKPOINT')
    const remove = async () => {
      await this.#postgres.run(`DROP DATABASE ${nameOf(url)} WITH (FORCE)`)
      removeFiles()
    }
    return { dataDir, env: { ...hints, DATABASE_URL: url }, remove }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#redis[Symbol.asyncDispose]()
    await this.#postgres[Symbol.asyncDispose]()
  }
}

const nameOf = (url: string): string => new URL(url).pathname.slice(1)

const parentOf = (pid: number): number =>
  Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])

function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return children.split(' ').filter(Boolean).map(Number)
}
