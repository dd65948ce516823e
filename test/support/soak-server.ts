import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Census } from './census.ts'
import { JWT_SECRET } from './marketplace.ts'
import { PROGRAM } from './server.ts'

/** The real program, which says what it has in memory. Its log is in a file: it may run for hours. */
export async function startCounted() {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-soak-'))
  const [census, log] = [join(dataDir, 'census.sock'), join(dataDir, 'log')]
  const child = Bun.spawn([...PROGRAM, 'serve', '--port', '0', '--data-dir', dataDir], {
    env: {
      ...{ PATH: process.env.PATH ?? '', PARLEY_LOG_FORMAT: 'json' },
      ...{ PARLEY_JWT_SECRET: JWT_SECRET, PARLEY_ACCOUNTS: 'open' },
      ...{ BUN_OPTIONS: `--preload ${join(import.meta.dir, 'census.ts')}`, CENSUS_SOCKET: census },
    },
    stdout: 'ignore',
    stderr: Bun.file(log),
  })
  const url = await addressIn(log, child)
  return {
    url,
    wsUrl: url.replace(/^http/, 'ws'),
    dataDir,
    async census() {
      const response = await fetch('http://census/', { unix: census })
      return (await response.json()) as Census
    },
    /** The series of /metrics that have no labels. */
    async gauges() {
      const text = await (await fetch(`${url}/metrics`)).text()
      return Object.fromEntries(
        [...text.matchAll(/^(\w+) (\S+)$/gm)].map(([, name, value]) => [name, Number(value)]),
      ) as Record<string, number>
    },
    fileSizes() {
      const bytes = (name: string) => statSync(join(dataDir, name)).size
      return { databaseBytes: bytes('parley.db'), walBytes: bytes('parley.db-wal') }
    },
    /** What somebody should look at. */
    errors() {
      return readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => line.includes('"level":"error"'))
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await child.exited
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

export type CountedServer = Awaited<ReturnType<typeof startCounted>>

async function addressIn(log: string, child: Bun.Subprocess): Promise<string> {
  while (true) {
    const text = existsSync(log) ? readFileSync(log, 'utf8') : ''
    const url = /"event":"listening","url":"([^"]+)"/.exec(text)?.[1]
    if (url !== undefined) return url
    if (child.exitCode !== null) throw new Error(`it ended:\n${text}`)
    await Bun.sleep(20)
  }
}
