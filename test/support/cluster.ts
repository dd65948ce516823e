import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Door } from './app-client.ts'
import { freePort } from './free-port.ts'
import { JWT_SECRET, mint, personBy } from './marketplace.ts'
import { Person } from './person.ts'
import { TestPostgres } from './postgres.ts'
import { TestRedis, until } from './redis.ts'
import { type LogLines, type RunningParley, signUp, startParley } from './server.ts'

export type Engine = 'sqlite' | 'postgres'

interface Options {
  nodes?: number
  engine?: Engine
  env?: Record<string, string>
  /** Redis is dead when the nodes start. */
  isRedisDead?: boolean
}

/** One process of a cluster. It keeps its port over a restart, and so its URL. */
export class ClusterNode implements Door {
  readonly url: string
  readonly wsUrl: string
  readonly #port: number
  readonly #dataDir: string
  readonly #env: Record<string, string>
  readonly #under: string[]
  #running: RunningParley | undefined
  readonly #logs: LogLines[] = []
  /** The last words of runs that nobody has ended. */
  readonly crashes: string[] = []

  constructor(dataDir: string, env: Record<string, string>, under: string[] = []) {
    this.#port = freePort()
    this.url = `http://127.0.0.1:${this.#port}`
    this.wsUrl = `ws://127.0.0.1:${this.#port}`
    this.#dataDir = dataDir
    this.#env = env
    this.#under = under
  }

  /** Of this run. */
  get log(): LogLines {
    const log = this.#logs.at(-1)
    if (!log) throw new Error('this node was never started')
    return log
  }

  /** Everything that it has written, over all its runs. */
  get text(): string {
    return this.#logs.map(({ text }) => text).join('')
  }

  /** Tries again for so long, where what it needs is away. */
  async start(withinMs = 0): Promise<void> {
    const giveUpAt = performance.now() + withinMs
    while (!this.#running) {
      try {
        this.#running = await this.#spawn()
        this.#logs.push(this.#running.log)
      } catch (error) {
        if (performance.now() > giveUpAt) throw error
        await Bun.sleep(100)
      }
    }
  }

  #spawn(): Promise<RunningParley> {
    const args = ['--port', String(this.#port)]
    return startParley({ dataDir: this.#dataDir, env: this.#env, under: this.#under, args })
  }

  /** `kill -9`, unless another signal is named. Resolves with the exit code. */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | undefined> {
    this.look()
    const running = this.#running
    this.#running = undefined
    return running?.stop(signal)
  }

  /** Notes it where its process has gone by itself. */
  look(): void {
    if (!this.#running || existsSync(`/proc/${this.#running.pid}`)) return
    this.crashes.push(this.log.text.slice(-1000))
    this.#running = undefined
  }

  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text()
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
  }

  /** What it says of itself to whoever balances the load. */
  async ready(): Promise<string> {
    const response = await fetch(`${this.url}/readyz`)
    return `${response.status} ${(await response.text()).trim()}`
  }

  /** Resolves when it hears the others, or no longer does. */
  async relay(isUp: boolean): Promise<void> {
    await until(
      async () => (await this.metric('parley_relay_up')) === Number(isUp),
      `the relay is ${isUp ? 'up' : 'away'}`,
    )
  }
}

/** Several nodes, their database and their Redis. `await using` ends all of it. */
export class Cluster implements AsyncDisposable {
  readonly redis: TestRedis
  readonly postgres: TestPostgres | undefined
  readonly dataDir: string
  readonly nodes: ClusterNode[]
  /** What a process of this cluster is started with. */
  readonly env: Record<string, string>

  constructor(parts: Pick<Cluster, 'redis' | 'postgres' | 'dataDir' | 'env'>, nodes: number) {
    this.redis = parts.redis
    this.postgres = parts.postgres
    this.dataDir = parts.dataDir
    this.env = parts.env
    this.nodes = Array.from({ length: nodes }, () => new ClusterNode(this.dataDir, this.env))
  }

  node(at: number): ClusterNode {
    const node = this.nodes[at % this.nodes.length]
    if (!node) throw new Error('a cluster without nodes')
    return node
  }

  /** A new person with an account, who speaks to this node. */
  async person(username: string, at = 0): Promise<Person> {
    const door = this.node(at)
    return new Person(door, await signUp(door.url, username))
  }

  /** Somebody whom the marketplace vouches for, which is done without a request. */
  async hostPerson(id: string, at = 0): Promise<Person> {
    return personBy(this.node(at), await mint({ sub: id, name: id }), { id, name: id })
  }

  /** An owner on the first node and a customer on the second one, with a room between them. */
  async pair(ownerName = 'Minji', customerName = 'Joon') {
    const [owner, customer] = await Promise.all([this.person(ownerName, 0), this.person(customerName, 1)])
    const product = await owner.offer('Road bike')
    const { id: roomId } = await customer.openRoom(product.id)
    return { owner, customer, product, roomId }
  }

  /** Everything that should be there is. */
  async heal(): Promise<void> {
    this.redis.resume()
    this.postgres?.resume()
    const isThere = await this.redis.command('PING').catch(() => '')
    if (isThere !== 'PONG') await this.redis.start()
    for (const node of this.nodes) node.look()
    await Promise.all(this.nodes.map((node) => node.start(20_000)))
    await Promise.all(this.nodes.map((node) => node.relay(true)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()))
    await this.redis[Symbol.asyncDispose]()
    await this.postgres?.[Symbol.asyncDispose]()
    rmSync(this.dataDir, { recursive: true, force: true })
  }
}

/** Resolves when every node hears the others, unless Redis is to be dead. */
export async function startCluster({ nodes = 2, engine = 'sqlite', env = {}, isRedisDead = false }: Options = {}) {
  const [redis, postgres] = await Promise.all([
    TestRedis.start(),
    engine === 'postgres' ? TestPostgres.start() : undefined,
  ])
  const cluster = new Cluster(
    {
      redis,
      postgres,
      dataDir: mkdtempSync(join(tmpdir(), 'parley-cluster-')),
      env: {
        REDIS_URL: redis.url,
        ...(postgres ? { DATABASE_URL: await postgres.createDatabase() } : {}),
        ...{ PARLEY_JWT_SECRET: JWT_SECRET, PARLEY_ACCOUNTS: 'open' },
        ...env,
      },
    },
    nodes,
  )
  try {
    if (isRedisDead) await redis.kill()
    // The first one migrates.
    for (const node of cluster.nodes) await node.start()
    if (!isRedisDead) await Promise.all(cluster.nodes.map((node) => node.relay(true)))
    return cluster
  } catch (error) {
    await cluster[Symbol.asyncDispose]()
    throw error
  }
}
