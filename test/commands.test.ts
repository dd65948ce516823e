import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SessionGrant } from '../src/accounts/model.ts'
import { lockDataDir } from '../src/storage/sqlite/lock.ts'
import { statusOf } from './support/answers.ts'
import { runCommand } from './support/command.ts'
import { backend } from './support/marketplace.ts'
import { Person } from './support/person.ts'
import { PROGRAM, type RunningParley, startParley } from './support/server.ts'
import type { TestSocket } from './support/socket.ts'

const PASSWORD = 'correct horse battery'

const scratch = mkdtempSync(join(tmpdir(), 'parley-commands-'))
let parley: RunningParley
/** Its people were made by no server: none has run there. */
let idle: string

beforeAll(async () => {
  idle = newDir()
  const made = await create('Bora', { dataDir: idle, input: PASSWORD })
  expect(made).toMatchObject({ err: '', code: 0 })
  parley = await startParley({ env: { PARLEY_LIMITS: 'off' } })
})
afterAll(async () => {
  await parley[Symbol.asyncDispose]()
  rmSync(scratch, { recursive: true })
})

const newDir = () => mkdtempSync(join(scratch, 'data-'))
const beside = (...args: string[]) => runCommand(args, parley)
const alone = (...args: string[]) => runCommand(args, { dataDir: idle })
const emailOf = (username: string) => `${username.toLowerCase().replaceAll(' ', '.')}@example.com`
const create = (username: string, at: Parameters<typeof runCommand>[1], ...more: string[]) =>
  runCommand(['user', 'create', '--email', emailOf(username), '--username', username, ...more], at)

function file(content: string): string {
  const path = join(mkdtempSync(join(scratch, 'file-')), 'password')
  writeFileSync(path, content)
  return path
}

const signIn = (url: string, email: string, password: string) =>
  fetch(`${url}/api/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password }),
  })

/** A new session of somebody's. */
async function session(email: string, password = PASSWORD): Promise<Person> {
  const response = await signIn(parley.url, email, password)
  expect(response.status).toBe(201)
  return new Person(parley, { ...((await response.json()) as SessionGrant), email, password })
}

async function people(dataDir: string): Promise<Record<string, string | null>[]> {
  const { out } = await runCommand(['user', 'list', '--json'], { dataDir })
  return out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

const stateOf = async (username: string, dataDir: string) =>
  (await people(dataDir)).find((person) => person.username === username)

describe('--help', () => {
  const USAGES = [
    ['user create', '--email EMAIL --username NAME [--role ROLE] [--password-file FILE]'],
    ['user list', '[--json]'],
    ['user disable', 'USER'],
    ['user enable', 'USER'],
    ['user password', 'USER [--password-file FILE]'],
    ['user role', 'USER ROLE'],
    ['key create', '--name NAME [--scopes LIST]'],
    ['key list', ''],
    ['key revoke', 'KEY'],
  ]

  test.each(USAGES)('of %s tells how it is used', async (command, usage) => {
    const dataDir = join(newDir(), 'none')
    const { out, err, code } = await runCommand([...command.split(' '), '--help'], { dataDir })
    expect({ err, code }).toEqual({ err: '', code: 0 })
    expect(out).toContain(`\nUsage: parley ${`${command} ${usage}`.trim()} [settings]\n`)
    for (const [flag] of usage.matchAll(/--[a-z-]+ [A-Z]+/g)) expect(out).toMatch(new RegExp(`^  ${flag} +\\S`, 'm'))
    expect(out).toContain('--data-dir VALUE')
    expect(existsSync(dataDir)).toBe(false)
  })

  test('names every one of them, with what it does', async () => {
    const { out } = await alone('--help')
    for (const [command = '', usage = ''] of USAGES) expect(out).toContain(`\n  ${`${command} ${usage}`.trim()}`)
  })
})

describe('what is typed wrong ends with 2, says what is wrong, and does nothing', () => {
  test.each([
    ['user', 'say which: parley user create or parley user list or'],
    ['key', 'say which: parley key create or parley key list or parley key revoke'],
    ['user crate', 'unknown command user crate. Did you mean user create?'],
    ['user create', 'parley user create needs --email EMAIL'],
    ['user create --email dan@example.com', 'parley user create needs --username NAME'],
    ['user create --email', '--email needs a value'],
    ['user list dan', 'parley user list takes nothing, and no more'],
    ['user list --role admin', '--role is not a flag of parley user list'],
    ['user disable', 'parley user disable needs USER'],
    ['user enable bora --json', '--json is not a flag of parley user enable'],
    ['user role', 'parley user role needs USER ROLE'],
    ['user role bora', 'parley user role needs ROLE'],
    ['key create', 'parley key create needs --name NAME'],
    ['key create --nam shop', 'unknown flag --nam. Did you mean --name?'],
    ['key revoke shop stall', 'parley key revoke takes KEY, and no more'],
    // Other programs of the machine see what is in a command line.
    ['user create --email dan@example.com --username Dan --password hunter2hunter2', 'unknown flag --password.'],
    ['user password bora@example.com --password=hunter2hunter2', 'unknown flag --password.'],
  ])('%s', async (line, text) => {
    const dataDir = join(newDir(), 'none')
    const { out, err, code } = await runCommand(line.split(' '), { dataDir, input: PASSWORD })
    expect({ out, code }).toEqual({ out: '', code: 2 })
    expect(err).toStartWith(`parley: ${text}`)
    expect(err).toEndWith('See parley --help.\n')
    expect(err).not.toContain('hunter2')
    expect(existsSync(dataDir)).toBe(false)
  })
})

describe('what cannot be done ends with 1, and says what to do', () => {
  const account = (fields: object) => {
    const all = { '--email': 'new@example.com', '--username': 'New', ...fields }
    return ['user', 'create', ...Object.entries(all).flat()]
  }
  const key = (name: string, ...more: string[]) => ['key', 'create', `--name=${name}`, ...more]
  const nobody = 'nobody has the id or the e-mail nobody. See parley user list.'
  const roles = 'role must be one of: user, moderator, admin'
  const scopes = 'scopes must be one of: users, products, rooms, messages, privacy'
  const names = '--name takes 1 to 100 printable characters of ASCII.'

  test.each<[what: string, args: string[], text: string, password?: string]>([
    ['an e-mail that is taken', account({ '--email': 'Bora@Example.com' }), 'There is an account with this e-mail.'],
    ['an e-mail that is none', account({ '--email': 'bora' }), 'email must be an e-mail address'],
    ['a blank name', account({ '--username': ' ' }), 'username must be one line with something to see in it'],
    ['a short password', account({}), 'password has too few characters: at least 10', 'too short'],
    ['no password', account({}), 'password has too few characters: at least 10', ''],
    ['a long password', account({}), 'password has too many bytes in UTF-8: at most 1024', '가'.repeat(342)],
    ['no file', account({ '--password-file': '/nowhere' }), "--password-file /nowhere can't be read."],
    ['an unknown role', account({ '--role': 'king' }), roles],
    ['an unknown role for somebody', ['user', 'role', 'bora@example.com', 'Admin'], roles],
    ['a role for nobody', ['user', 'role', 'nobody', 'admin'], nobody],
    ['nobody to disable', ['user', 'disable', 'nobody'], nobody],
    ['nobody’s password', ['user', 'password', 'nobody'], nobody],
    ['a short new password', ['user', 'password', 'bora@example.com'], 'password has too few characters', 'too short'],
    ['a key without a name', key(''), names],
    ['a key’s name in hangul', key('가게'), names],
    ['a key’s name of 101 characters', key('a'.repeat(101)), names],
    ['an unknown scope', key('shop', '--scopes', 'users,everything'), scopes],
    ['no scope', key('shop', '--scopes='), scopes],
    ['an unknown key', ['key', 'revoke', 'nothing'], 'no key has the name or id nothing. See parley key list.'],
  ])('%s', async (_, args, text, password = PASSWORD) => {
    const { out, err, code } = await runCommand(args, { dataDir: idle, input: password })
    expect({ out, code }).toEqual({ out: '', code: 1 })
    expect(err).toStartWith('parley: ')
    expect(err).toContain(text)
    // Neither a stack nor the name of an error: this is for people.
    expect(err).not.toMatch(/^ +at |Error/m)
  })

  test('and nothing was done', async () => {
    expect(await people(idle)).toEqual([expect.objectContaining({ username: 'Bora', role: 'user', state: 'active' })])
    expect((await alone('key', 'list')).out.trimEnd().split('\n')).toHaveLength(1)
  })

  test('a second key of a name', async () => {
    expect(await beside('key', 'create', '--name', 'twice')).toMatchObject({ code: 0 })
    const { out, err, code } = await beside('key', 'create', '--name', 'twice')
    expect({ out, code }).toEqual({ out: '', code: 1 })
    expect(err).toContain('there is a key twice. Revoke it first, or take another name.')
  })

  test('a password for somebody who signs in at the marketplace', async () => {
    await backend(parley).put('/api/users/host-7', { username: 'Sora' })
    const { err, code } = await runCommand(['user', 'password', 'host-7'], { ...parley, input: PASSWORD })
    expect({ err, code }).toEqual({ err: 'parley: host-7 has no password: the marketplace signs them in.\n', code: 1 })
  })
})

describe.each(['beside a running server', 'with no server running'])('%s', (where) => {
  let dataDir: string
  const run = (...args: string[]) => runCommand(args, { dataDir })
  beforeAll(() => {
    dataDir = where.startsWith('beside') ? parley.dataDir : newDir()
  })

  test('a person is made, listed, disabled, enabled and given a role', async () => {
    const { out, err, code } = await create('Yuna', { dataDir, input: `${PASSWORD}\n` }, '--role', 'moderator')
    expect({ err, code }).toEqual({ err: '', code: 0 })
    const [, id = ''] = /^created {2}([\w-]{36})\n$/.exec(out) ?? []
    const yuna = { id, username: 'Yuna', email: 'yuna@example.com', role: 'moderator', state: 'active' }
    expect(await stateOf('Yuna', dataDir)).toEqual(yuna)
    expect(await run('user', 'disable', 'YUNA@example.com')).toEqual({ out: `disabled  ${id}\n`, err: '', code: 0 })
    expect(await stateOf('Yuna', dataDir)).toEqual({ ...yuna, state: 'disabled' })
    expect(await run('user', 'enable', id)).toEqual({ out: `enabled  ${id}\n`, err: '', code: 0 })
    expect(await run('user', 'role', id, 'admin')).toEqual({ out: `admin  ${id}\n`, err: '', code: 0 })
    const [head = '', ...rows] = (await run('user', 'list')).out.trimEnd().split('\n')
    expect(head.split(/ {2,}/)).toEqual(['id', 'username', 'email', 'role', 'state'])
    const row = rows.find((each) => each.startsWith(id))
    expect(row?.split(/ {2,}/)).toEqual([id, 'Yuna', 'yuna@example.com', 'admin', 'active'])
  })

  test('a key is made, listed and revoked', async () => {
    const made = await run('key', 'create', '--name', 'the shop', '--scopes', ' privacy , users')
    expect(made).toMatchObject({ out: expect.stringMatching(/^plk_[\w-]{43}\n$/), code: 0 })
    expect(await run('key', 'revoke', 'the shop')).toEqual({ out: 'revoked  the shop\n', err: '', code: 0 })
    const row = (await run('key', 'list')).out.split('\n').find((each) => each.includes('  the shop  '))
    expect(row).toMatch(/ users,privacy {2,}\S+Z {2,}- {2,}\S+Z$/)
  })
})

describe('a password', () => {
  test.each<[where: string, password: () => { input?: string; flags: string[] }]>([
    ['a line of standard input', () => ({ input: `${PASSWORD}\nand another line\n`, flags: [] })],
    ['standard input without an end of line', () => ({ input: PASSWORD, flags: [] })],
    ['a line of standard input as Windows ends it', () => ({ input: `${PASSWORD}\r\n`, flags: [] })],
    [
      'the first line of a file',
      () => ({ input: 'not this one', flags: ['--password-file', file(`${PASSWORD}\r\nx`)] }),
    ],
    ['a file without an end of line', () => ({ flags: ['--password-file', file(PASSWORD)] })],
  ])('is taken from %s, for a new account and for one that is there', async (_, passwordAt) => {
    const { flags, input = '' } = passwordAt()
    const name = `Dan ${++dans}`
    const at = { dataDir: parley.dataDir, input }
    expect(await create(name, at, ...flags)).toMatchObject({ err: '', code: 0 })
    await session(emailOf(name))
    const mina = await parley.person('Mina')
    await mina.put('/api/me/password', { current: PASSWORD, next: 'another horse battery' })
    expect(await runCommand(['user', 'password', mina.email, ...flags], at)).toMatchObject({ err: '', code: 0 })
    await session(mina.email)
  })
  let dans = 0

  test('that is typed is asked for, and not seen on the terminal', async () => {
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>()
    let screen = ''
    const decoder = new TextDecoder()
    const args = ['user', 'password', emailOf('Bora'), '--data-dir', idle]
    const child = Bun.spawn([...PROGRAM, ...args], {
      env: { PATH: process.env.PATH ?? '' },
      terminal: {
        data(_, bytes) {
          screen += decoder.decode(bytes)
          if (screen.endsWith('Password: ')) ask()
        },
      },
    })
    await asked
    child.terminal?.write(`${PASSWORD}\r`)
    expect(await child.exited).toBe(0)
    expect(screen).toContain('changed')
    expect(screen).not.toContain('horse')
  })

  test('of the operator’s choice ends every session, closes every socket, and counts at once', async () => {
    const { owner, customer: joon, roomId } = await parley.pair()
    const laptop = await session(joon.email)
    const sockets = [await entered(joon, roomId), await entered(laptop, roomId)]
    const done = await runCommand(['user', 'password', joon.id], { ...parley, input: 'another horse battery' })
    expect(done).toEqual({ out: `changed  ${joon.id}\n`, err: '', code: 0 })
    expect(await Promise.all(sockets.map(codeOf))).toEqual([4401, 4401])
    for (const person of [joon, laptop]) expect(await statusOf(person.get('/api/me'))).toBe(401)
    expect(await statusOf(signIn(parley.url, joon.email, PASSWORD))).toBe(401)
    expect(await statusOf(signIn(parley.url, joon.email, 'another horse battery'))).toBe(201)
    expect(await statusOf(owner.get('/api/me'))).toBe(200)
  })
})

/** A socket that is in the room: what it sent came back. */
async function entered(person: Person, roomId: number): Promise<TestSocket> {
  const socket = await person.connect(roomId)
  socket.send({ message: 'here' })
  await socket.next()
  return socket
}

const codeOf = async (socket: TestSocket) => (await socket.closed).code

describe('a running server notices', () => {
  test('within a second that somebody was disabled: their sockets are closed, and they stay out until enabled', async () => {
    const { owner, customer: joon, roomId } = await parley.pair()
    const socket = await entered(joon, roomId)
    const closedAt = socket.closed.then(() => performance.now())
    using other = await entered(owner, roomId)
    expect((await beside('user', 'disable', joon.email)).code).toBe(0)
    const doneAt = performance.now()
    expect(await codeOf(socket)).toBe(4403)
    expect((await closedAt) - doneAt).toBeLessThan(1000)
    expect(await statusOf(joon.get('/api/me'))).toBe(403)
    expect(await statusOf(signIn(parley.url, joon.email, PASSWORD))).toBe(401)
    other.send({ message: 'Are you there?' })
    expect(await other.next()).toMatchObject({ message: 'Are you there?' })
    expect((await beside('user', 'enable', joon.id)).code).toBe(0)
    expect(await statusOf(joon.get('/api/me'))).toBe(401)
    expect(await statusOf(signIn(parley.url, joon.email, PASSWORD))).toBe(201)
  })

  test('a role with the next request', async () => {
    const [nari, dan] = await Promise.all([parley.person('Nari'), parley.person('Dan')])
    const statuses = async () => [
      await statusOf(nari.get(`/api/users/${dan.id}`)),
      await statusOf(nari.put(`/api/users/${dan.id}`, { username: 'Daniel' })),
    ]
    expect(await statuses()).toEqual([403, 403])
    for (const [role, allowed] of [
      ['moderator', [200, 403]],
      ['admin', [200, 200]],
      ['user', [403, 403]],
    ] as const) {
      expect((await beside('user', 'role', nari.email, role)).code).toBe(0)
      expect(await statuses()).toEqual([...allowed])
    }
  })

  test('a new account at once, with its role', async () => {
    expect((await create('Haneul', { ...parley, input: PASSWORD }, '--role', 'admin')).code).toBe(0)
    const haneul = await session(emailOf('Haneul'))
    expect(await statusOf(haneul.put('/api/users/made-by-an-admin', { username: 'Dan' }))).toBe(201)
  })
})

test('a command needs no secret of the server that it works beside', async () => {
  const dataDir = newDir()
  writeFileSync(join(dataDir, 'parley.toml'), 'accounts = "off"\njwt_issuer = "https://shop.example"\n')
  const { out, code } = await runCommand(['key', 'create', '--name', 'shop'], { dataDir })
  expect({ code, isKey: out.startsWith('plk_') }).toEqual({ code: 0, isKey: true })
  expect(await runCommand(['config', 'check'], { dataDir })).toMatchObject({ code: 78 })
})

test('user list tells of everybody, however slowly somebody reads it', async () => {
  const shop = backend(parley)
  for (let batch = 0; batch < 20; batch++) {
    const items = Array.from({ length: 100 }, (_, n) => ({ id: `crowd-${batch}-${n}`, username: `Nr ${batch} ${n}` }))
    expect(await statusOf(shop.put('/api/users', { items }))).toBe(200)
  }
  // The shell reads byte by byte: the list is far ahead of it, and longer than a pipe holds.
  const count = '"$@" | { n=0; while read -r line; do case "$line" in *crowd-*) n=$((n+1));; esac; done; echo $n; }'
  const child = Bun.spawn(
    ['sh', '-c', count, 'sh', ...PROGRAM, 'user', 'list', '--json', '--data-dir', parley.dataDir],
    {
      env: { PATH: process.env.PATH ?? '' },
      stdout: 'pipe',
    },
  )
  expect((await child.stdout.text()).trim()).toBe('2000')
})

describe('a data directory', () => {
  test.each(['user list', 'user disable bora', 'key revoke shop'])('that is none is made by no %s', async (line) => {
    const dataDir = join(newDir(), 'none')
    const { out, err, code } = await runCommand(line.split(' '), { dataDir })
    expect({ out, code }).toEqual({ out: '', code: 78 })
    expect(err).toContain(dataDir)
    expect(err).toContain('--data-dir')
    expect(existsSync(dataDir)).toBe(false)
  })

  test('that is new takes several commands at once', async () => {
    const dataDir = newDir()
    const names = ['one', 'two', 'three']
    const made = await Promise.all(names.map((name) => runCommand(['key', 'create', '--name', name], { dataDir })))
    expect(made.map(({ err, code }) => (code === 0 ? 'made' : err))).toEqual(names.map(() => 'made'))
  })

  test.each([
    [
      'an older',
      'DELETE FROM __drizzle_migrations WHERE id = (SELECT max(id) FROM __drizzle_migrations)',
      'is in use by an older Parley',
    ],
    [
      'a newer',
      "INSERT INTO __drizzle_migrations (hash, name) VALUES ('', '29990101000000_future')",
      'written by a newer Parley',
    ],
  ])('that %s Parley is using is refused, and left as it is', async (_, change, text) => {
    const dataDir = newDir()
    expect((await create('Dan', { dataDir, input: PASSWORD })).code).toBe(0)
    using database = new Database(join(dataDir, 'parley.db'))
    database.run(change)
    database.run('PRAGMA wal_checkpoint(TRUNCATE)')
    const before = readFileSync(join(dataDir, 'parley.db'))
    // As the server of the other release holds it.
    const lock = lockDataDir(dataDir)
    try {
      for (const line of [`user role ${emailOf('Dan')} admin`, 'key create --name shop']) {
        const { out, err, code } = await runCommand(line.split(' '), { dataDir })
        expect({ out, code }).toEqual({ out: '', code: 78 })
        expect(err).toContain(text)
      }
    } finally {
      lock?.release()
    }
    expect(lock).toBeDefined()
    expect(readFileSync(join(dataDir, 'parley.db')).equals(before)).toBe(true)
  })
})
