import { join } from 'node:path'
import { freePort } from '../support/free-port.ts'
import { type LoadResult, load } from './load.ts'
import { WARMUP } from './scenarios.ts'
import { type Server, startProgram } from './servers.ts'
import { CORE, type Workbench } from './workbench.ts'

const PROJECT = join(import.meta.dir, 'channels')
/** Debian's own, for which Debian's modules are. */
const PYTHON = '/usr/bin/python3'
const MODULES = ['django', 'channels', 'channels_redis', 'daphne']
const PACKAGES = 'python3-django python3-django-channels python3-channels-redis python3-daphne redis-server'

/** What is missing for it, if something is. */
export function whatChannelsNeeds(): string | undefined {
  const importing = [PYTHON, '-I', '-c', `import ${MODULES.join()}`]
  const hasModules = Bun.which(PYTHON) !== null && Bun.spawnSync(importing, { stderr: 'ignore' }).success
  if (hasModules && Bun.which('redis-server') !== null) return undefined
  return `needs Django Channels (Debian: apt-get install --no-install-recommends ${PACKAGES})`
}

/** The Django Channels chat, by Daphne, SQLite and Redis, each as it comes, all on the server's core. */
export async function loadChannels(bench: Workbench, seconds: number): Promise<LoadResult> {
  const port = freePort()
  const redis = bench.start(CORE.server, [
    ...['redis-server', '--bind', '127.0.0.1', '--port', String(port), '--dir', bench.directory],
    ...['--save', '', '--appendonly', 'no', '--loglevel', 'warning'],
  ])
  try {
    const server = await startChannels(bench, port)
    try {
      return await load(bench, server, [...argsOf(seconds), '--pids', String(redis.pid)])
    } finally {
      await server.stop()
    }
  } finally {
    redis.kill('SIGKILL')
    await redis.exited
  }
}

const argsOf = (seconds: number) => [
  ...['--rate', 'closed', '--rooms', '100', '--members', '2', '--size', '100'],
  ...['--warmup', String(WARMUP), '--duration', String(seconds)],
]

async function startChannels(bench: Workbench, redisPort: number): Promise<Server> {
  const data = bench.place('channels.sqlite3')
  const port = freePort()
  const env = {
    PYTHONPATH: PROJECT,
    PYTHONDONTWRITEBYTECODE: '1',
    DJANGO_SETTINGS_MODULE: 'chat.settings',
    SEED_SQLITE: data,
    SEED_REDIS: String(redisPort),
  }
  const seeding = bench.start(CORE.server, [PYTHON, join(PROJECT, 'seed.py')], env)
  if ((await seeding.exited) !== 0) throw new Error('the Django Channels chat was not seeded')
  const command = [PYTHON, '-m', 'daphne', '-v', '0', '-b', '127.0.0.1', '-p', String(port), 'chat.asgi:application']
  return startProgram(bench, { command, env, port, data, roomId: 1, headers: {} })
}
