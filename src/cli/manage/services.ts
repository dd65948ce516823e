import type { Services } from '../../app.ts'
import type { Config } from '../../config.ts'
import { createLog } from '../../lib/log.ts'
import { LocalRelays } from '../../relay/local.ts'
import type { Storage } from '../../storage/storage.ts'
import type { Invocation } from '../help.ts'
import { readConfig } from '../read-config.ts'

type Run = (services: Services, storage: Storage, config: Config) => Promise<number>

/** The server's own services for a command, also while a server runs on the same data: it notices what was written. */
export async function withServices(invocation: Invocation, run: Run, { mayCreate = false } = {}): Promise<number> {
  const { config } = readConfig(invocation, { forServing: false })
  const { workerUrl, version } = invocation
  // Not loaded by commands that are typed wrong.
  const { createServices } = await import('../../app.ts')
  const { openBeside } = await import('../../storage/open.ts')
  const { Metrics } = await import('../../ops/metrics.ts')
  const storage = await openBeside({ ...config, workerUrl, now: Date.now }, { mayCreate })
  try {
    const services = createServices({
      // A command takes no tokens, and need not fetch the keys of any.
      config: { ...config, hostTokens: undefined },
      storage,
      relay: new LocalRelays().join(),
      metrics: new Metrics(),
      log: createLog({ level: 'error', format: config.logFormat }),
      version,
      now: Date.now,
      uptime: () => performance.now(),
      broadcast: () => {},
    })
    return await run(services, storage, config)
  } finally {
    await storage.close()
  }
}
