import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pkg from '../package.json' with { type: 'json' }
import type { Spoken } from '../src/bench/bench.ts'
import { runCommand } from './support/command.ts'
import { type Meddle, meddlerBefore } from './support/meddler.ts'
import { PROGRAM, type RunningParley, startParley } from './support/server.ts'

const SHORT = ['--seconds', '1', '--rooms', '4', '--sockets', '20', '--listeners', '6']
const LONG = ['--seconds', '60', '--only', 'rooms']
const NONE = { lost: 0, doubled: 0, disordered: 0, refused: {}, closed: {} }
const SECRET = 'a secret that the marketplace shares with its chat'

let parley: RunningParley
/** Of the scope privacy. */
let keyFile: string
const cwd = mkdtempSync(join(tmpdir(), 'parley-bench-'))

beforeAll(async () => {
  parley = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  keyFile = join(cwd, 'key')
  const { out } = await runCommand(['key', 'create', '--name', 'bench', '--scopes', 'privacy'], parley)
  await Bun.write(keyFile, out)
})
afterAll(async () => {
  await parley[Symbol.asyncDispose]()
  rmSync(cwd, { recursive: true })
})

const bench = (url: string, ...args: string[]) => runCommand(['bench', url, ...args], { dataDir: cwd })

async function measured(url: string, ...args: string[]) {
  const { out, err, code } = await bench(url, '--json', ...SHORT, ...args)
  if (out === '') throw new Error(err)
  return { report: JSON.parse(out), err, code }
}

function stored({ dataDir }: Pick<RunningParley, 'dataDir'>, name: string) {
  using database = new Database(join(dataDir, 'parley.db'), { readonly: true })
  const count = (query: string) => database.query<{ n: number }, []>(`SELECT count(*) AS n FROM ${query}`).get()?.n
  return {
    people: count(`users WHERE username LIKE '${name}-%'`),
    sessions: count('sessions'),
    texts: count(`messages WHERE text <> ''`),
    offers: count(`products WHERE title = '${name}' AND archived_at IS NULL`),
  }
}

const nameIn = (note: string) => /bench-[0-9a-f]{8}/.exec(note)?.[0] ?? 'nobody'

describe('against a server without limits', () => {
  test('every scenario has its figures, all that was sent came, and nothing is left behind', async () => {
    const { report, err, code } = await measured(parley.url, '--key-file', keyFile)
    expect(code).toBe(0)
    expect(report).toMatchObject({
      url: parley.url,
      version: pkg.version,
      state: 'ok',
      limits: false,
      rooms: 4,
      people: 4,
      seconds: 1,
      size: 64,
      isSound: true,
      idle: { name: 'idle', sockets: 20, openedPerSecond: expect.any(Number) },
      notes: expect.any(Array),
    })
    const spoken: Spoken[] = report.spoken
    expect(spoken.map(({ name, sockets }) => [name, sockets])).toEqual([
      ['rooms', 8],
      ['open', 8],
      ['mixed', 8],
      ['fanout', 6],
    ])
    for (const talk of spoken) {
      const { p50, p99, max } = talk.toOthers ?? { p50: 0, p99: 0, max: 0 }
      expect(talk).toMatchObject(NONE)
      expect(talk.sent).toBeGreaterThan(0)
      expect(talk.messagesPerSecond).toBeGreaterThan(0)
      // The sender hears it too.
      expect(talk.deliveriesPerSecond).toBeGreaterThan(talk.messagesPerSecond)
      expect([p50, p99, max]).toEqual([p50, p99, max].sort((a, b) => a - b))
      expect(p50).toBeGreaterThan(0)
      expect(talk.toSender?.p50).toBeGreaterThan(0)
      expect(talk.server?.cpu).toBeGreaterThan(0)
      expect(talk.server?.residentBytes).toBeGreaterThan(10e6)
      expect(talk.generatorCpu).toBeGreaterThan(0)
    }
    expect(spoken[0]?.rate).toBeNull()
    expect(spoken[1]?.rate).toBe(Math.floor((spoken[0]?.messagesPerSecond ?? 0) / 2))
    expect(spoken[2]?.reads.map(({ name, refused }) => [name, refused])).toEqual([
      ['history', {}],
      ['inbox', {}],
      ['read mark', {}],
    ])
    expect(err).toContain('erased: 4 people')
    expect(stored(parley, nameIn(err))).toEqual({ people: 0, sessions: 0, texts: 0, offers: 0 })
  })

  test('an open loop keeps to its rate, and only what was asked for is done', async () => {
    const { report, code } = await measured(parley.url, '--only', 'open,mixed', '--rate', '200', '--key-file', keyFile)
    expect(code).toBe(0)
    expect(report.spoken.map(({ name }: Spoken) => name)).toEqual(['open', 'mixed'])
    const [open, mixed] = report.spoken
    expect([open.rate, mixed.rate]).toEqual([200, 100])
    // A second, a fifth of one before it, and what it takes to look at the server.
    expect(open.sent).toBeWithin(200, 1000)
    expect(mixed.sent).toBeWithin(100, 500)
    for (const { perSecond, latency } of mixed.reads) {
      expect(perSecond).toBeWithin(1, 5)
      expect(latency.max).toBeGreaterThan(0)
    }
    expect(report.idle).toBeNull()
  })

  test('people read a table, and are told what stays where no key is given', async () => {
    const { out, err, code } = await bench(parley.url, ...SHORT, '--only', 'open,mixed,idle', '--rate', '40')
    expect(code).toBe(0)
    expect(out).toContain(`Parley ${pkg.version} at ${parley.url}: 4 rooms of 4 people, 1 s each`)
    expect(out).toMatch(/^open +40 +\d+ +\d+ +\d+\.\d +\d+\.\d +\d+\.\d +\d+ % +\d+ +\d+ %$/m)
    expect(out).toMatch(/^open +\d+ +0 +0 +0 +0 +0$/m)
    expect(out).toMatch(/^mixed: read mark +\d+ +\d/m)
    expect(out).toMatch(/^idle: 20 sockets, opened [\d,]+ a second, /m)
    expect(err).toMatch(/left behind: 4 people named bench-[0-9a-f]{8}-…, and their 4 rooms with all messages/)
    expect(stored(parley, nameIn(err))).toMatchObject({ people: 4, sessions: 0, offers: 0 })
  })

  test('SIGINT ends it, and its people go', async () => {
    await using child = spawnBench(parley.url, ...LONG, '--key-file', keyFile)
    await talking(parley)
    child.kill('SIGINT')
    const [out, err, code] = await ended(child)
    expect({ out, code }).toEqual({ out: '', code: 130 })
    expect(err).toContain('erased: 20 people')
    expect(stored(parley, nameIn(err)).people).toBe(0)
  })
})

const spawnBench = (url: string, ...args: string[]) =>
  Bun.spawn([...PROGRAM, 'bench', url, '--data-dir', cwd, ...args], {
    env: { PATH: process.env.PATH ?? '' },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })

const ended = (child: ReturnType<typeof spawnBench>) =>
  Promise.all([child.stdout.text(), child.stderr.text(), child.exited])

/** Resolves when so many messages more are stored. */
async function talking({ url }: Pick<RunningParley, 'url'>, messages = 1) {
  const stored = async () =>
    Number(/^parley_messages_total (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1] ?? 0)
  const before = await stored()
  while ((await stored()) < before + messages) await Bun.sleep(20)
}

test.each(['server', 'generator'])(
  'in an open loop all that was due while the %s hung has waited for it',
  async (who) => {
    await using server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
    const openLoop = ['--only', 'open', '--rate', '50', '--rooms', '1', '--seconds', '5', '--json']
    await using child = spawnBench(server.url, ...openLoop)
    // Twice as many as the warm-up has. It then hangs for most of what is measured.
    await talking(server, 100)
    const { pid } = who === 'server' ? server : child
    process.kill(pid, 'SIGSTOP')
    await Bun.sleep(3000)
    process.kill(pid, 'SIGCONT')
    const [out, , code] = await ended(child)
    const [talk]: Spoken[] = JSON.parse(out).spoken
    expect(code).toBe(0)
    expect(talk?.sent).toBeWithin(290, 500)
    expect(talk?.toOthers?.p50).toBeGreaterThan(200)
    expect(talk?.toOthers?.max).toBeGreaterThan(2000)
  },
)

test('a server that goes away in the middle ends it with one line', async () => {
  await using server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  await using child = spawnBench(server.url, ...LONG)
  await talking(server)
  await server.stop('SIGKILL')
  const [out, err, code] = await ended(child)
  expect({ out, code }).toEqual({ out: '', code: 1 })
  expect(err).toMatch(/\nleft behind: 20 people named bench-.* does not answer/)
  expect(err).toEndWith('\nparley: the server has closed all 200 sockets (1006): see its log\n')
})

describe('against a server with its limits', () => {
  test('it stays within them, and says so', async () => {
    await using server = await startParley()
    const { report, code } = await measured(server.url)
    expect(code).toBe(0)
    expect(report).toMatchObject({ limits: true, isSound: true })
    expect(report.notes[0]).toContain('PARLEY_LIMITS=off')
    expect(report.spoken.map(({ name, rate }: Spoken) => [name, rate])).toEqual([
      ['open', 16],
      ['mixed', 8],
      ['fanout', 8],
    ])
    for (const talk of report.spoken) expect(talk).toMatchObject(NONE)
  })

  test('whoever is in the most rooms stays within them too', async () => {
    const settings = ['--jwt-secret', SECRET]
    await using server = await startParley({ args: settings })
    const { report } = await measured(server.url, '--only', 'open', '--rooms', '300', ...settings)
    // 240 rooms are as many as an address has sockets for, and some owners are in 30 of them: 4 a second of 480 / 30.
    expect(report.rooms).toBe(240)
    expect(report.spoken).toMatchObject([{ ...NONE, rate: 64 }])
  })

  test('what they refuse is no loss, and is told by its code', async () => {
    await using server = await startParley()
    const { report } = await measured(server.url, '--only', 'open', '--rooms', '1', '--rate', '100')
    const [{ sent, lost, refused }] = report.spoken
    expect(sent).toBeGreaterThan(60)
    expect(refused.rate_limited).toBeGreaterThan(0)
    expect(lost).toBe(0)
  })

  test('nobody is made where too many have signed up; it says for how long', async () => {
    await using server = await startParley()
    await measured(server.url, '--rooms', '100', '--only', 'idle')
    const { out, err, code } = await bench(server.url, ...SHORT, '--rooms', '100')
    expect({ out, code }).toEqual({ out: '', code: 1 })
    expect(err).toMatch(
      /parley: POST \/api\/accounts is refused \(429 rate_limited\): .* in \d+ s\. .*PARLEY_LIMITS=off/,
    )
  })
})

describe('a server whose people come with tokens of the marketplace', () => {
  test('takes those that are signed with its secret', async () => {
    await using server = await startParley({ args: ['--jwt-secret', SECRET, '--jwt-audience', 'chat'] })
    const settings = ['--jwt-secret', SECRET, '--jwt-audience', 'chat']
    const { report, code } = await measured(server.url, '--only', 'open', ...settings)
    expect(code).toBe(0)
    expect(report.spoken).toMatchObject([NONE])
  })

  test('takes no others, of whom nothing is left behind', async () => {
    await using server = await startParley({ args: ['--jwt-secret', SECRET] })
    const { err, code } = await bench(server.url, ...SHORT, '--jwt-secret', SECRET.toUpperCase())
    expect(code).toBe(1)
    expect(err).toContain('Is PARLEY_JWT_SECRET here that of the server')
    expect(err).toContain('nothing is left behind')
  })

  test('lets nobody sign up, and it says what to do', async () => {
    await using server = await startParley({ args: ['--jwt-secret', SECRET] })
    const { err, code } = await bench(server.url, ...SHORT)
    expect(code).toBe(1)
    expect(err).toMatch(/parley: POST \/api\/accounts is refused \(403 forbidden\): .*PARLEY_JWT_SECRET/)
  })
})

describe('a line that', () => {
  // Of each of the four sockets.
  const cases: [what: string, meddle: Meddle, counts: object][] = [
    ['drops the fifth message', (frame, nth) => (nth === 5 ? [] : [frame]), { lost: 4 }],
    ['ends after the fifth', (frame, nth) => (nth > 5 ? [] : [frame]), { lost: expect.any(Number) }],
    ['doubles the fifth', (frame, nth) => (nth === 5 ? [frame, frame] : [frame]), { doubled: 4 }],
    [
      'turns the fifth and the sixth round',
      (frame, nth, held) => {
        if (nth === 5) held.push(frame)
        return nth === 5 ? [] : [frame, ...held.splice(0)]
      },
      { disordered: 4 },
    ],
  ]

  test.each(cases)('%s is found out', async (_, meddle, counts) => {
    await using line = meddlerBefore(parley, meddle)
    const { report, code } = await measured(line.url, '--only', 'open', '--rate', '60', '--rooms', '2')
    expect(report.spoken).toMatchObject([{ ...NONE, ...counts }])
    expect(report.isSound).toBe(false)
    expect(code).toBe(1)
  })
})

describe('what cannot be measured ends with 1 and one line', () => {
  test.each([
    ['ftp://127.0.0.1', 'the address has to be http://HOST:PORT or https://HOST'],
    ['chat.example', 'the address has to be'],
    ['http://127.0.0.1:1', 'http://127.0.0.1:1 does not answer (ECONNREFUSED)'],
  ])('%s', async (url, why) => {
    const { out, err, code } = await bench(url)
    expect({ out, code }).toEqual({ out: '', code: 1 })
    expect(err).toStartWith(`parley: ${why}`)
    expect(err.trimEnd().split('\n')).toHaveLength(1)
  })

  test('what is no Parley', async () => {
    await using other = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('hello') })
    const { err, code } = await bench(`http://127.0.0.1:${other.port}`)
    expect(code).toBe(1)
    expect(err).toBe(`parley: http://127.0.0.1:${other.port} answers, but is no Parley\n`)
  })

  test.each([
    ['plk_nobody_has_this_one\n', 'the key may not erase people: .* \\(401 unauthenticated\\): .*'],
    ['no key at all', '--key-file .* has no server key in it\\. See parley key create\\.'],
  ])('a key that may not erase, before anything is made: %j', async (text, why) => {
    const file = join(cwd, 'other-key')
    await Bun.write(file, text)
    const { err, code } = await bench(parley.url, '--key-file', file)
    expect(code).toBe(1)
    expect(err).toMatch(new RegExp(`^parley: ${why}\n$`))
  })
})

test.each([
  [['bench'], 'parley bench needs URL'],
  [['bench', 'http://127.0.0.1:1', '--only', 'room'], '--only takes some of idle,rooms,open,mixed,fanout'],
  [['bench', 'http://127.0.0.1:1', '--seconds', '0'], '--seconds takes a whole number from 1 to 3600'],
  [['bench', 'http://127.0.0.1:1', '--size', '4001'], '--size takes a whole number from 1 to 4000'],
])('%j is no use of it, and ends with 2', async (args, why) => {
  const { out, err, code } = await runCommand(args, { dataDir: cwd })
  expect({ out, code }).toEqual({ out: '', code: 2 })
  expect(err).toStartWith(`parley: ${why}`)
})
