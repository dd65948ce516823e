import { Samples } from '../../src/admin/samples.ts'
import { createApp, createServices } from '../../src/app.ts'
import { readConfig } from '../../src/cli/read-config.ts'
import { createLog, RecentLines } from '../../src/lib/log.ts'
import { Metrics } from '../../src/ops/metrics.ts'
import { LocalRelays } from '../../src/relay/local.ts'
import { openTestSqlite } from './storage.ts'

// Prints `METHOD /path` for every route of the app, hidden ones too. In a process of its own: Elysia writes into the
// objects of the routes, so there is one app in a process.
await using opened = await openTestSqlite()
const adapters = {
  config: readConfig({ flags: {}, env: {}, cwd: '/nowhere', isTerminal: false }).config,
  storage: opened.storage,
  relay: new LocalRelays().join(),
  metrics: new Metrics(),
  log: createLog({ level: 'error', format: 'json' }),
  version: '0.0.0',
  now: Date.now,
  uptime: () => performance.now(),
  broadcast: () => {},
}
const observed = { samples: new Samples(adapters), recent: new RecentLines(), settings: [] }
const { routes } = createApp(createServices(adapters), adapters, observed)
console.log(JSON.stringify(routes.map(({ method, path }) => `${method} ${path}`)))
