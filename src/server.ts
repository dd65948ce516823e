import type { Settings } from './admin/model.ts'
import { Samples } from './admin/samples.ts'
import { type Adapters, type App, createApp, createServices, createSockets, type Services } from './app.ts'
import type { Config } from './config.ts'
import { addDemo } from './demo/demo.ts'
import type { DemoPerson } from './demo/people.ts'
import { StartError } from './lib/errors.ts'
import type { Log, RecentLines } from './lib/log.ts'
import { Metrics } from './ops/metrics.ts'
import { openRelay } from './relay/open.ts'
import { openStorage } from './storage/open.ts'
import type { Storage, StorageEvents } from './storage/storage.ts'
import { keepTime, type Observers, type Parts } from './timer.ts'

export interface ServerOptions {
  log: Log
  /** Adds four people, what they offer, and their conversations. */
  demo: boolean
  /** The writer's code, as the entry point sees it. */
  workerUrl: string
  version: string
  /** For the console: what was logged lately, and where each setting comes from. */
  recent: RecentLines
  settings: Settings['items']
  /** Makes a link to the console where no admin knows how to come in. */
  offersLink: boolean
}

export interface RunningServer {
  url: string
  info: {
    /** What to open in a browser. */
    frontUrl: string
    docsUrl: string
    dataDir: string
    engine: string
    durability: string
    version: string
    consoleUrl?: string
    /** Whom `--demo` added: nobody where they were there already. */
    demo?: DemoPerson[]
  }
  /** Resolves when the server can no longer do its work. */
  failed: Promise<Error>
  /** Drains: what was sent is committed and acknowledged, sockets are told to come back, then all is closed. */
  close(): Promise<void>
}

/** A crowd is told to go in so long, a few people at once: whoever is told first finds no server yet, and waits for longer. */
const DRAIN_SPREAD_MS = 2000
const DRAIN_SPREAD_EACH_MS = 0.1
const READ_FIRST_MS = 10
// Together less than the ten seconds that docker stop and its like allow.
const DRAIN_WITHIN_MS = 5000
const REQUESTS_WITHIN_MS = 3000

/** Opens the storage, then listens. @throws StartError for what its operator can mend. */
export async function startServer(config: Config, options: ServerOptions): Promise<RunningServer> {
  const { log, workerUrl, version, recent, settings } = options
  const now = Date.now
  const uptime = () => performance.now()
  const [metrics, samples] = [new Metrics(), new Samples({ now, uptime })]
  const { storage, migrations } = await openStorage({
    ...config,
    isShared: config.redis !== undefined,
    workerUrl,
    now,
    events: { onCommit: inTurn(metrics.onCommit, samples.onCommit), onHealth: tellHealth(log) },
  })
  const { applied, snapshot } = migrations
  if (applied.length > 0) log.info('migrated', { count: applied.length, ...(snapshot ? { path: snapshot } : {}) })
  const relay = await openRelay({ ...config, ...storage, now, uptime })
  try {
    const broadcast = (topic: string, frame: string) => void app.server?.publish(topic, frame)
    const adapters: Adapters = { config, storage, relay, metrics, log, version, now, uptime, broadcast }
    const services = createServices(adapters)
    await services.revocations.tell()
    const demo = options.demo ? await addDemo({ ...services, storage, now }) : undefined
    const app = createApp(services, adapters, { samples, recent, settings })
    const url = listen(app, config, createSockets(adapters))
    const observers = { metrics, samples }
    watch(observers, { services, relay, storage })
    const stopTicking = keepTime({ services, relay, storage, ...observers }, config)
    const close = () => shutDown(app, { services, storage, relay, stopTicking })
    const link = options.offersLink ? await consoleLink(services) : undefined
    return { url, info: describe(url, config, { storage, demo, version, link }), failed: storage.failed, close }
  } catch (error) {
    await relay.close()
    await storage.close()
    throw error
  }
}

/** Only where nobody would know how to come in; in `parley admin link` it is for whoever asks. */
async function consoleLink({ links }: Services): Promise<string | undefined> {
  return (await links.isSettled()) ? undefined : (await links.issue())?.token
}

function watch({ metrics, samples }: Observers, { services, relay, storage }: Parts) {
  const { connections, hub, presence } = services
  metrics.watch({
    connections: () => connections.size,
    liveRooms: () => hub.liveRooms,
    waitingWrites: () => storage.health().waiting,
    isRelayUp: () => relay.state !== 'away',
  })
  samples.watch(() => ({
    connections: connections.size,
    people: presence.size,
    liveRooms: hub.liveRooms,
    messages: metrics.messages,
    writesWaiting: storage.health().waiting,
    rssBytes: process.memoryUsage.rss(),
  }))
}

const inTurn =
  (...each: ((ms: number, writes: number) => void)[]) =>
  (ms: number, writes: number) => {
    for (const tell of each) tell(ms, writes)
  }

const tellHealth =
  (log: Log): NonNullable<StorageEvents['onHealth']> =>
  (problem, code) =>
    problem === undefined
      ? log.info('storage_recovered')
      : log.error('storage_failed', { note: problem, code: code ?? '' })

interface Known {
  storage: Storage
  demo: DemoPerson[] | undefined
  version: string
  /** To the console. */
  link: string | undefined
}

const describe = (url: string, { dataDir, durability, publicOrigin }: Config, { storage, ...known }: Known) => ({
  // Where people reach this server: its pages may not sign in from another origin.
  frontUrl: `${publicOrigin ?? url}/`,
  docsUrl: `${publicOrigin ?? url}/docs`,
  dataDir,
  engine: storage.engine,
  durability,
  version: known.version,
  ...(known.link === undefined ? {} : { consoleUrl: `${publicOrigin ?? url}/admin#${known.link}` }),
  ...(known.demo ? { demo: known.demo } : {}),
})

function listen(app: App, config: Config, websocket: ReturnType<typeof createSockets>): string {
  const { host, port, tls } = config
  try {
    app.listen({
      hostname: host,
      port,
      // Elysia's default would let a second server share the port, and take half of the connections.
      reusePort: false,
      development: false,
      // The size of a body is checked in ops/problems.ts, and answered in our own shape.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      websocket,
      ...(tls ? { tls: { cert: Bun.file(tls.cert), key: Bun.file(tls.key) } } : {}),
    })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    if (String(error.code).startsWith('ERR_OSSL')) {
      throw new StartError(
        `PARLEY_TLS_KEY is not the key of PARLEY_TLS_CERT, or one of them is broken (${error.code}).`,
      )
    }
    throw new StartError(
      `cannot listen on ${host}:${port} (${error.code}). Stop what listens there or choose another --port; --host must be an address of this machine.`,
      { cause: error },
    )
  }
  const address = host.includes(':') ? `[${host}]` : host
  return `${tls ? 'https' : 'http'}://${address}:${app.server?.port}`
}

interface Running extends Parts {
  stopTicking: () => void
}

async function shutDown({ server }: App, { services, storage, relay, stopTicking }: Running): Promise<void> {
  const { connections, receipts, presence } = services
  // First, so that whoever is told to come back is refused by the kernel until the next server listens: to refuse a crowd
  // takes all of the event loop, and the drain would wait for it (docs/decisions/0014).
  const answered = server?.stop()
  // What has come to this machine is read before anybody is told to go.
  await Bun.sleep(READ_FIRST_MS)
  const spread = Math.min(DRAIN_SPREAD_MS, connections.size * DRAIN_SPREAD_EACH_MS)
  await connections.drain(spread, DRAIN_WITHIN_MS)
  // What can be lost, and is better not.
  await Promise.allSettled([receipts.flush(), presence.flush()])
  // Requests in flight are answered; Bun waits for ever for a socket that does not close, so not for longer than this.
  await Promise.race([answered, Bun.sleep(REQUESTS_WITHIN_MS)])
  await server?.stop(true)
  // The log line of a request is written in the turn after its answer.
  await new Promise(setImmediate)
  stopTicking()
  services.hints.flush()
  await relay.close()
  await storage.close()
}
