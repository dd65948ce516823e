import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pkg from '../package.json' with { type: 'json' }
import { flagName, KEYS } from '../src/config.ts'
import { PROGRAM } from './support/server.ts'

const cwd = mkdtempSync(join(tmpdir(), 'parley-cli-'))
afterAll(() => rmSync(cwd, { recursive: true }))

const spawn = (args: string[], env: Record<string, string> = {}) =>
  Bun.spawn([...PROGRAM, ...args], { cwd, env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })

async function run(args: string[], env?: Record<string, string>) {
  const child = spawn(args, env)
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { out, err, code }
}

describe('help', () => {
  test.each([[['--help']], [['-h']], [['help']]])('%j tells of every command', async (args) => {
    const { out, err, code } = await run(args)
    expect({ err, code }).toEqual({ err: '', code: 0 })
    for (const command of ['serve', 'migrate', 'config show', 'config check', 'bench'])
      expect(out).toContain(`\n  ${command} `)
  })

  test.each(['serve', 'migrate', 'config show', 'config check', 'bench'])(
    '%s --help tells of every setting',
    async (command) => {
      const { out, code } = await run([...command.split(' '), '--help'])
      expect(code).toBe(0)
      expect(out).toContain(`Usage: parley ${command}`)
      for (const key of Object.values(KEYS)) {
        expect(out).toContain(`--${flagName(key)} `)
        expect(out).toContain(key.env)
      }
    },
  )

  test('only serve has --demo', async () => {
    expect((await run(['serve', '--help'])).out).toContain('--demo')
    expect((await run(['migrate', '--help'])).out).not.toContain('--demo')
  })
})

test('--version tells the version of the package', async () => {
  expect(await run(['--version'])).toEqual({ out: `parley ${pkg.version}\n`, err: '', code: 0 })
})

describe('what is not a command line of ours ends with 2', () => {
  test.each([
    [['sevre'], 'unknown command sevre. Did you mean serve?'],
    [['config', 'shwo'], 'unknown command config shwo. Did you mean config show?'],
    [['config'], 'say which: parley config show or parley config check'],
    [['xyzzy'], 'unknown command xyzzy.\n'],
    [['serve', '--prot', '80'], 'unknown flag --prot. Did you mean --port?'],
    [['--metrics-tokn=hunter2'], 'unknown flag --metrics-tokn. Did you mean --metrics-token?'],
    [['migrate', '--demo'], '--demo is not a flag of parley migrate'],
    [['--port'], '--port needs a value'],
    [['--port', '--demo'], '--port needs a value'],
    [['--demo=yes'], '--demo takes no value'],
    [['--help', 'sevre'], 'unknown command sevre'],
  ])('%j', async (args, text) => {
    const { out, err, code } = await run(args)
    expect({ out, code }).toEqual({ out: '', code: 2 })
    expect(err).toStartWith(`parley: ${text}`)
    expect(err).not.toContain('hunter2')
  })
})

describe('config', () => {
  test('show tells each value and its source, and no secret', async () => {
    const env = { PARLEY_PORT: '9000', PARLEY_METRICS_TOKEN: 'correct-horse-battery-staple' }
    const { out, err, code } = await run(['config', 'show', '--locale', 'ko'], env)
    expect({ err, code }).toEqual({ err: '', code: 0 })
    expect(out).toMatch(/^PARLEY_PORT +9000 +PARLEY_PORT$/m)
    expect(out).toMatch(/^PARLEY_LOCALE +ko +--locale$/m)
    expect(out).toMatch(/^PARLEY_HOST +127\.0\.0\.1 +default$/m)
    expect(out).toMatch(/^PARLEY_METRICS_TOKEN +\*+ +PARLEY_METRICS_TOKEN$/m)
    expect(out).not.toContain('staple')
  })

  test('check says ok', async () => {
    expect(await run(['config', 'check'])).toEqual({ out: 'ok\n', err: '', code: 0 })
  })

  test('check says what works but perhaps not as meant', async () => {
    const { out, code } = await run(['config', 'check', '--host', '0.0.0.0'])
    expect(code).toBe(0)
    expect(out).toMatch(/^warning: bound to a public address without PARLEY_PUBLIC_URL: .*\nok\n$/)
  })

  test.each([['config show'], ['config check'], ['migrate'], ['serve'], ['bench http://127.0.0.1:1']])(
    '%s tells every problem and ends with 78',
    async (command) => {
      const env = { PARLEY_HOTS: 'x', PARLEY_LOCALE: 'fr', DATABASE_URL: 'mysql://parley:hunter2@db/parley' }
      const { out, err, code } = await run([...command.split(' '), '--port', 'eighty'], env)
      expect({ out, code }).toEqual({ out: '', code: 78 })
      expect(err.trim().split(/:.*\n +|:.*$/)).toEqual([
        ...['parley', 'PARLEY_HOTS', '--port', 'DATABASE_URL', 'PARLEY_LOCALE'],
        '',
      ])
      expect(err).not.toContain('hunter2')
    },
  )
})

test('migrate --check ends with 1 until migrate was run', async () => {
  const at = ['--data-dir', mkdtempSync(join(cwd, 'data-'))]
  expect((await run(['migrate', '--check', ...at])).code).toBe(1)
  expect(await run(['migrate', ...at])).toMatchObject({ out: expect.stringContaining('applied'), code: 0 })
  expect(await run(['migrate', '--check', ...at])).toEqual({ out: 'up to date\n', err: '', code: 0 })
})

describe('serve', () => {
  /** Starts a server on a free port and stops it with `signal` as soon as `started` is in what it wrote. */
  async function serveUntil(started: RegExp, signal: NodeJS.Signals, args: string[]) {
    const data = mkdtempSync(join(cwd, 'data-'))
    await using child = spawn(['serve', '--port', '0', '--data-dir', data, ...args])
    let written = ''
    const collect = async (stream: ReadableStream<Uint8Array>) => {
      const decoder = new TextDecoder()
      for await (const chunk of stream) {
        const wasStarted = started.test(written)
        written += decoder.decode(chunk, { stream: true })
        if (!wasStarted && started.test(written)) child.kill(signal)
      }
    }
    await Promise.all([collect(child.stdout), collect(child.stderr)])
    return { written, code: await child.exited }
  }

  test.each(['SIGTERM', 'SIGINT'] as const)('logs that it listens, and ends with 0 after %s', async (signal) => {
    const { written, code } = await serveUntil(/"listening".*\n/, signal, ['--log-format', 'json'])
    const lines = written.trim().split('\n')
    const events = lines.map((line) => JSON.parse(line))
    expect(code).toBe(0)
    expect(events.filter(({ event }) => event === 'listening')).toEqual([
      expect.objectContaining({
        url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+/),
        docs: expect.any(String),
        dataDir: expect.stringContaining(cwd),
        engine: expect.stringContaining('SQLite'),
        durability: 'full',
        version: pkg.version,
      }),
    ])
    expect(events.filter(({ event }) => event === 'stopping')).toEqual([expect.objectContaining({ signal })])
    expect(events.at(-1)).toMatchObject({ event: 'stopped' })
  })

  test('greets people with a banner, warnings and the people of the demo', async () => {
    const args = ['--log-format', 'pretty', '--limits', 'off', '--host', '0.0.0.0', '--demo']
    const { written, code } = await serveUntil(/people of the demo:\n(.*password.*\n){4}/, 'SIGTERM', args)
    expect(code).toBe(0)
    expect(written).toContain(`Parley ${pkg.version}`)
    expect(written).toMatch(/Listening on +http:/)
    expect(written).toMatch(/Warning +bound to a public address/)
    expect(written).toMatch(/Warning +limits are off/)
    expect(written.match(/@\S+ +password \S+\n/g)).toHaveLength(4)
    expect(written).toMatch(/Open +http:\S+\/\n/)
  })

  test('a port that is taken ends with 78 and a line that says what to do', async () => {
    using taken = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    const { err, code } = await run(['--port', String(taken.port), '--data-dir', mkdtempSync(join(cwd, 'data-'))])
    expect(code).toBe(78)
    expect(err).toContain(String(taken.port))
  })
})
