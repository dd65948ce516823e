import { type Config, KEYS } from '../config.ts'
import { createLog, type Log, RecentLines } from '../lib/log.ts'
import type { RunningServer } from '../server.ts'
import type { Command, Invocation } from './help.ts'
import { readConfig, type Setting } from './read-config.ts'

/** What a shell reports for a process that the signal ended: 128 and its number. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const
type Signal = keyof typeof EXIT_CODES
const SIGNALS = Object.keys(EXIT_CODES) as Signal[]

export const serve: Command = {
  name: 'serve',
  summary: 'Run the server.',
  switches: [
    { name: 'demo', summary: 'Add people, products with pictures and conversations, and print the passwords.' },
  ],
  async run(invocation) {
    const { config, sources } = readConfig(invocation)
    const { workerUrl, version, switches, print, isTerminal } = invocation
    const recent = new RecentLines()
    const log = createLog({ level: config.logLevel, format: config.logFormat, recent })
    // From here on, so that a container that is stopped while it starts stops as well.
    const asked = nextSignal()
    // Not loaded by commands that do without.
    const { startServer } = await import('../server.ts')
    const settings = sources.map(described)
    // Never into a log: whoever reads it may be anybody.
    const offersLink = isTerminal && config.logFormat === 'pretty'
    const demo = switches.has('demo')
    const server = await startServer(config, { log, demo, workerUrl, version, recent, settings, offersLink })
    announce(server, config, { log, print })
    return untilStopped(server, asked, log)
  },
}

/** As the console shows it. */
const described = ({ key, value, source }: Setting) => ({
  key,
  value: value ?? null,
  source,
  description: Object.values(KEYS).find(({ env }) => env === key)?.description ?? '',
})

function announce(
  { url, info }: RunningServer,
  config: Config,
  { log, print }: { log: Log } & Pick<Invocation, 'print'>,
) {
  const { frontUrl, docsUrl: docs, dataDir, engine, durability, version, demo } = info
  const notes = config.limits ? config.warnings : [...config.warnings, 'limits are off: for benchmarks only']
  if (config.logFormat === 'pretty') print(banner({ url, info }, notes))
  else {
    for (const note of notes) log.warn('warning', { note })
    log.info('listening', { url, docs, dataDir, engine, durability, version })
  }
  if (demo) print(`${row(['Open', frontUrl])}\n${demo.length > 0 ? people(demo) : DEMO_IS_THERE}`)
}

const DEMO_IS_THERE = '  The demo is there already; its passwords were printed by the start that added it.\n\n'

function banner({ url, info }: Pick<RunningServer, 'url' | 'info'>, notes: string[]): string {
  const rows = [
    ['Listening on', url],
    ['API docs', info.docsUrl],
    ...(info.consoleUrl ? [['Console', `${info.consoleUrl} (good once, for half an hour)`]] : []),
    ['Data', info.dataDir],
    ['Storage', `${info.engine}, durability ${info.durability}`],
    ...notes.map((note) => ['Warning', note]),
  ]
  return `\n  Parley ${info.version}\n\n${rows.map(row).join('')}\n`
}

function people(demo: NonNullable<RunningServer['info']['demo']>): string {
  const rows = demo.map(({ username, email, password }) => [username, `${email}  password ${password}`])
  return `  The people of the demo:\n${rows.map(row).join('')}\n`
}

const row = ([name = '', value = '']: string[]) => `  ${name.padEnd(13)} ${value}\n`

/** Resolves with the exit code: after a drain, or at once when a second signal comes or the server fails. */
async function untilStopped(server: RunningServer, asked: Promise<Signal>, log: Log): Promise<number> {
  const failed = server.failed.then((error) => {
    log.error('failed', { error })
    return 1
  })
  const signal = await Promise.race([asked, failed])
  if (typeof signal === 'number') return signal
  log.info('stopping', { signal })
  const again = nextSignal().then((second) => EXIT_CODES[second])
  const stopped = server.close().then(() => {
    log.info('stopped')
    return 0
  })
  return Promise.race([stopped, again, failed])
}

const nextSignal = () =>
  new Promise<Signal>((resolve) => {
    for (const signal of SIGNALS) process.once(signal, () => resolve(signal))
  })
