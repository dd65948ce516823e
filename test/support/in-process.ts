import { Samples } from '../../src/admin/samples.ts'
import { type Adapters, createApp, createServices, createSockets } from '../../src/app.ts'
import { readConfig } from '../../src/cli/read-config.ts'
import { createLog, RecentLines } from '../../src/lib/log.ts'
import { Metrics } from '../../src/ops/metrics.ts'
import { LocalRelays } from '../../src/relay/local.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { openTestSqlite } from './storage.ts'

/**
 * The whole server inside this process, on a free port and on a real SQLite whose ports `change` may replace: for faults
 * that a sound storage does not have. Once in a process: Elysia writes into the routes' own objects.
 */
export async function serveOn(
  change: (storage: Storage) => Partial<Storage>,
  now: () => number,
  env: Record<string, string> = {},
) {
  const opened = await openTestSqlite()
  const lines: string[] = []
  const { config } = readConfig({ flags: {}, env, cwd: '/nowhere', isTerminal: false })
  const adapters: Adapters = {
    config,
    storage: { ...opened.storage, ...change(opened.storage) },
    relay: new LocalRelays().join(),
    metrics: new Metrics(),
    log: createLog({ level: 'info', format: 'json', write: (line) => lines.push(line) }),
    version: '0.0.0',
    now,
    uptime: () => performance.now(),
    broadcast: (topic, frame) => void app.server?.publish(topic, frame),
  }
  const services = createServices(adapters)
  const observed = { samples: new Samples(adapters), recent: new RecentLines(), settings: [] }
  const app = createApp(services, adapters, observed)
  app.listen({ hostname: '127.0.0.1', port: 0, reusePort: false, websocket: createSockets(adapters) })
  const host = `127.0.0.1:${app.server?.port}`
  return {
    url: `http://${host}`,
    wsUrl: `ws://${host}`,
    services,
    /** The log so far. */
    lines,
    async [Symbol.asyncDispose]() {
      await app.server?.stop(true)
      await opened[Symbol.asyncDispose]()
    },
  }
}
