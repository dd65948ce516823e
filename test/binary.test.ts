import { beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import pkg from '../package.json' with { type: 'json' }
import { LogLines, signUp } from './support/server.ts'

const ROOT = join(import.meta.dir, '..')
const { PARLEY_TEST_BINARY } = process.env
const BINARY = resolve(ROOT, PARLEY_TEST_BINARY ?? 'dist/parley')

// It may have to build first.
setDefaultTimeout(60_000)

beforeAll(async () => {
  if (PARLEY_TEST_BINARY) return
  const build = Bun.spawn([process.execPath, 'run', 'build'], { cwd: ROOT, stdout: 'ignore', stderr: 'pipe' })
  const complaints = await build.stderr.text()
  if ((await build.exited) !== 0) throw new Error(complaints)
})

/** A new directory with these files in it, which goes when the test ends. */
async function directory(files: Record<string, string> = {}) {
  const path = mkdtempSync(join(tmpdir(), 'parley-binary-'))
  for (const [name, content] of Object.entries(files)) await Bun.write(join(path, name), content)
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

/** The binary alone, with no setting but its port, in this directory. */
async function startIn(cwd: string) {
  const env = { PARLEY_LOG_FORMAT: 'json' }
  const child = Bun.spawn([BINARY, '--port', '0'], { cwd, env, stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' })
  const { url } = await new LogLines(child.stderr).event('listening')
  const stop = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    return child.exited
  }
  const end = async () => void (await stop('SIGKILL'))
  return { url: String(url), stop, [Symbol.asyncDispose]: end }
}

test('it tells its version', async () => {
  const child = Bun.spawn([BINARY, '--version'], { env: {}, stdout: 'pipe' })
  expect(await child.stdout.text()).toBe(`parley ${pkg.version}\n`)
})

test('it starts in an empty directory, and makes a data directory that nobody else may read', async () => {
  using empty = await directory()
  await using parley = await startIn(empty.path)
  expect(await (await fetch(`${parley.url}/livez`)).text()).toBe('ok\n')
  expect((await fetch(`${parley.url}/readyz`)).status).toBe(200)
  expect(statSync(join(empty.path, 'parley-data')).mode & 0o777).toBe(0o700)
})

test('a data directory that was there keeps its mode, and the files in it are for their owner alone', async () => {
  using shared = await directory({ 'parley-data/note': 'not ours' })
  const dataDir = join(shared.path, 'parley-data')
  // As a backup is that was copied back.
  await Bun.write(join(dataDir, 'parley.db'), '')
  chmodSync(join(dataDir, 'parley.db'), 0o644)
  chmodSync(dataDir, 0o755)
  await using parley = await startIn(shared.path)
  await signUp(parley.url, 'Minji')
  const modeOf = (name: string) => statSync(join(dataDir, name)).mode & 0o777
  expect(modeOf('.')).toBe(0o755)
  const files = readdirSync(dataDir).filter((name) => name !== 'note')
  expect(files.sort()).toEqual(['lock.db', 'lock.db-journal', 'parley.db', 'parley.db-shm', 'parley.db-wal'])
  expect(files.map(modeOf)).toEqual(files.map(() => 0o600))
})

test('it brings the API document, its page and all of its assets along', async () => {
  using empty = await directory()
  await using parley = await startIn(empty.path)
  const page = await (await fetch(`${parley.url}/docs`)).text()
  const links = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, link = '']) => link)
  expect(links).toHaveLength(4)
  for (const link of links) {
    const asset = await fetch(parley.url + link)
    expect(asset.status).toBe(200)
    expect((await asset.bytes()).length).toBeGreaterThan(100)
  }
  expect(await (await fetch(`${parley.url}/docs/json`)).json()).toMatchObject({ info: { version: pkg.version } })
})

test('what was stored is there after SIGTERM and another start', async () => {
  using empty = await directory()
  await using first = await startIn(empty.path)
  const { email, password, user } = await signUp(first.url, 'Minji')
  expect(await first.stop('SIGTERM')).toBe(0)

  await using second = await startIn(empty.path)
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ email, password })
  const signedIn = await fetch(`${second.url}/api/sessions`, { method: 'POST', headers, body })
  expect(signedIn.status).toBe(201)
  expect(await signedIn.json()).toMatchObject({ user })
})

// Bun's own default is to read both: whoever can put a file where the server starts could run code in it.
test('it neither reads an .env nor runs what a bunfig.toml names where it starts', async () => {
  const settings = 'PARLEY_HOST=203.0.113.1\nPARLEY_LOCALE=xx\nPARLEY_UNHEARD_OF=1\n'
  using hostile = await directory({
    '.env': settings,
    '.env.local': settings,
    '.env.production': settings,
    'bunfig.toml': 'preload = ["./evil.ts"]\n',
    'evil.ts': "await Bun.write(import.meta.dir + '/it-ran', '')\n",
  })
  await using parley = await startIn(hostile.path)
  expect((await fetch(`${parley.url}/livez`)).status).toBe(200)
  expect(parley.url).toStartWith('http://127.0.0.1:')
  expect(existsSync(join(hostile.path, 'it-ran'))).toBe(false)
})
