import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'

interface Options {
  password?: string
  /** With an ACL user of this name, whose password it is then. */
  username?: string
  /** By a certificate authority of its own: see `caFile`. */
  tls?: boolean
  /** Of redis-server. */
  args?: string[]
  /** It is no Redis, but one that watches over this one and calls it `parley`. */
  watched?: TestRedis
}

/** Resolves when it holds; by asking again and again, for whoever has no event to wait for. */
export async function until(holds: () => unknown, what = String(holds), withinMs = 20_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`)
    await Bun.sleep(10)
  }
}

/** What Parley needs of a Redis. */
const ALLOWED = '~parley:* &parley:* +@pubsub +eval +@hash +@sortedset +@connection +del +expire +time'.split(' ')

/** A real Redis on a port of its own, which keeps nothing. `await using` ends it. */
export class TestRedis implements AsyncDisposable {
  readonly port = freePort()
  readonly dir = mkdtempSync(join(tmpdir(), 'parley-redis-'))
  readonly caFile = join(this.dir, 'ca.crt')
  readonly #options: Options
  readonly #clear = () => this.#clearAway()
  #server: Bun.Subprocess<'ignore', 'pipe', 'inherit'> | undefined

  /** Nothing is started yet. */
  constructor(options: Options = {}) {
    this.#options = options
    if (options.tls) makeCertificates(this.dir)
    process.once('exit', this.#clear)
  }

  static async start(options: Options = {}): Promise<TestRedis> {
    const redis = new TestRedis(options)
    await redis.start()
    return redis
  }

  get url(): string {
    const { tls, username = '', password } = this.#options
    return `redis${tls ? 's' : ''}://${password ? `${username}:${encodeURIComponent(password)}@` : ''}${this.place}`
  }

  get place(): string {
    return `127.0.0.1:${this.port}`
  }

  /** On the same port as before, and with nothing in it. */
  async start(): Promise<void> {
    const { watched } = this.#options
    const args = watched ? await this.#sentinelArgs(watched) : this.#serverArgs()
    this.#server = Bun.spawn(['redis-server', ...args, '--bind', '127.0.0.1', '--dir', this.dir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ready = Promise.withResolvers<void>()
    void this.#read(this.#server.stdout, ready)
    await ready.promise
  }

  #serverArgs(): string[] {
    const { tls, username, password, args = [] } = this.#options
    const file = (name: string) => join(this.dir, name)
    return [
      ...['--save', '', '--appendonly', 'no', '--port', tls ? '0' : String(this.port)],
      ...(tls ? ['--tls-port', String(this.port), '--tls-auth-clients', 'no'] : []),
      ...(tls ? ['--tls-cert-file', file('server.crt'), '--tls-key-file', file('server.key')] : []),
      ...(tls ? ['--tls-ca-cert-file', this.caFile] : []),
      ...(password && username ? ['--user', username, 'on', `>${password}`, ...ALLOWED] : []),
      ...(password && !username ? ['--requirepass', password] : []),
      ...args,
    ]
  }

  async #sentinelArgs({ port }: TestRedis): Promise<string[]> {
    const file = join(this.dir, 'sentinel.conf')
    await Bun.write(file, `sentinel monitor parley 127.0.0.1 ${port} 1\n`)
    return [file, '--sentinel', '--port', String(this.port)]
  }

  async #read(stream: ReadableStream<Uint8Array>, ready: PromiseWithResolvers<void>) {
    let text = ''
    const decoder = new TextDecoder()
    for await (const chunk of stream) {
      text += decoder.decode(chunk, { stream: true })
      if (/Ready to accept connections|\+monitor master/.test(text)) ready.resolve()
    }
    ready.reject(new Error(`redis-server has ended:\n${text}`))
  }

  /** As when the machine goes. */
  async kill(): Promise<void> {
    this.#server?.kill('SIGKILL')
    await this.#server?.exited
    this.#server = undefined
  }

  pause(): void {
    this.#server?.kill('SIGSTOP')
  }

  resume(): void {
    this.#server?.kill('SIGCONT')
  }

  async killClients(): Promise<void> {
    for (const type of ['normal', 'pubsub']) await this.command('CLIENT', 'KILL', 'TYPE', type)
  }

  async flush(): Promise<void> {
    await this.command('FLUSHALL')
  }

  /** What redis-cli prints. */
  async command(...command: string[]): Promise<string> {
    const { tls, username, password } = this.#options
    const cli = Bun.spawn(
      [
        ...['redis-cli', '-h', '127.0.0.1', '-p', String(this.port), '-e', '--no-auth-warning'],
        ...(tls ? ['--tls', '--cacert', this.caFile] : []),
        ...(password && !username ? ['-a', password] : []),
        ...command,
      ],
      { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
    )
    const [said, complaint] = await Promise.all([cli.stdout.text(), cli.stderr.text()])
    if ((await cli.exited) !== 0) throw new Error(`redis-cli ${command.join(' ')}: ${complaint || said}`)
    return said.trim()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#clear)
    await this.kill()
    this.#clearAway()
  }

  #clearAway() {
    this.#server?.kill('SIGKILL')
    rmSync(this.dir, { recursive: true, force: true })
  }
}

function makeCertificates(dir: string): void {
  const openssl = (...args: string[]) => {
    const { success, stderr } = Bun.spawnSync(['openssl', ...args], { cwd: dir, stderr: 'pipe' })
    if (!success) throw new Error(stderr.toString())
  }
  const keyed = (name: string) => [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-noenc',
    '-keyout',
    `${name}.key`,
  ]
  openssl('req', '-x509', ...keyed('ca'), '-out', 'ca.crt', '-subj', '/CN=Test authority', '-days', '2')
  const names = ['-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=CA:FALSE']
  const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-days', '2']
  openssl('req', '-x509', ...keyed('server'), ...signed, '-out', 'server.crt', '-subj', '/CN=Redis of a test', ...names)
}

const SLOTS = 16_384

/** A Redis Cluster of so many masters. Its nodes miss each other after a second. */
export async function startRedisCluster(masters: 1 | 3) {
  await using servers = new AsyncDisposableStack()
  const startNode = async () => {
    // A node that has never met another one does not know its address, and ioredis then does not know it either.
    const watch = [
      '--cluster-node-timeout',
      '1000',
      '--cluster-port',
      String(freePort()),
      '--cluster-announce-ip',
      '127.0.0.1',
    ]
    const node = servers.use(new TestRedis({ args: ['--cluster-enabled', 'yes', ...watch] }))
    await node.start()
    return node
  }
  const nodes = await Promise.all(Array.from({ length: masters }, startNode))
  const [first] = nodes
  if (!first) throw new Error('no node')
  for (const [at, node] of nodes.entries()) {
    const [from = 0, next = 0] = [at, at + 1].map((part) => Math.floor((part * SLOTS) / masters))
    await node.command('CLUSTER', 'ADDSLOTSRANGE', String(from), String(next - 1))
    await node.command('CLUSTER', 'SET-CONFIG-EPOCH', String(at + 1))
    if (node !== first) await meet(node, first)
  }
  const isWhole = async (node: TestRedis) => {
    const info = await node.command('CLUSTER', 'INFO')
    return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${masters}`)
  }
  for (const node of nodes) await until(() => isWhole(node), 'the cluster is whole')
  const all = servers.move()
  return {
    nodes: nodes as readonly TestRedis[],
    url: `redis+cluster://${nodes.map(({ place }) => place).join(',')}`,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

async function meet(node: TestRedis, other: TestRedis): Promise<void> {
  const [, busPort = ''] = (await other.command('CONFIG', 'GET', 'cluster-port')).split('\n')
  await node.command('CLUSTER', 'MEET', '127.0.0.1', String(other.port), busPort)
}

/** A master, its replica, and a sentinel that watches over them. */
export async function startSentinel() {
  await using servers = new AsyncDisposableStack()
  const start = async (redis: TestRedis) => {
    servers.use(redis)
    await redis.start()
    return redis
  }
  const master = await start(new TestRedis({ args: ['--repl-diskless-sync-delay', '0'] }))
  const replica = await start(
    new TestRedis({ args: ['--replicaof', '127.0.0.1', String(master.port), '--repl-diskless-sync-delay', '0'] }),
  )
  await until(async () => (await replica.command('INFO', 'replication')).includes('master_link_status:up'))
  const sentinel = await start(new TestRedis({ watched: master }))
  const knows = async () => (await sentinel.command('SENTINEL', 'REPLICAS', 'parley')).includes(String(replica.port))
  await until(knows, 'the sentinel knows the replica')
  const all = servers.move()
  return {
    master,
    replica,
    url: `redis+sentinel://${sentinel.place}/parley`,
    failOver: () => sentinel.command('SENTINEL', 'FAILOVER', 'parley'),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}
