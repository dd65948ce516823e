import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SessionGrant } from '../src/accounts/model.ts'
import type { Problem } from '../src/lib/http/problem.ts'
import { adminOf, allOf, deedsOn, linkOf, spend, told } from './support/admin.ts'
import { runCommand } from './support/command.ts'
import { serveOn } from './support/in-process.ts'
import { BY_SECRET, hostPerson, JWT_SECRET, personBy } from './support/marketplace.ts'
import { PROGRAM, type RunningParley, startParley } from './support/server.ts'

let parley: RunningParley

beforeAll(async () => {
  parley = await startParley()
})
afterAll(() => parley[Symbol.asyncDispose]())

const reasonOf = async (answer: Response) => [answer.status, ((await answer.json()) as Problem).detail]

describe('parley admin link', () => {
  test('makes the first admin, and lets them in once, as a sign-in does', async () => {
    const { out, err, code } = await runCommand(['admin', 'link', '--port', '8123'], parley)
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(/^http:\/\/127\.0\.0\.1:8123\/admin#pla_[\w-]{43}\n$/),
    })
    expect(err).toMatch(/^There was no admin, so one was made\. .* is Admin \(.*\)\. It is good once\.\n$/)
    const token = out.trim().split('#')[1] ?? ''
    const answers = await Promise.all([1, 2, 3].map(() => spend(parley, token)))
    const refused = answers.filter(({ status }) => status !== 201)
    expect(await Promise.all(refused.map(reasonOf))).toEqual(
      Array(2).fill([401, expect.stringMatching(/^This link is good no more/)]),
    )
    const opened = answers.find(({ status }) => status === 201)
    expect(opened?.headers.get('set-cookie')).toMatch(/^parley_session=pls_.*HttpOnly; SameSite=Lax$/)
    const grant = (await opened?.json()) as SessionGrant
    expect([grant.user.username, grant.token.slice(0, 4)]).toEqual(['Admin', 'pls_'])
    expect(err).toContain(grant.user.id)
    const admin = personBy(parley, grant.token)
    expect(await told<unknown>(admin.get(`/api/admin/users/${grant.user.id}`))).toMatchObject({
      role: 'admin',
      hasPassword: false,
    })
    expect((await deedsOn(admin, grant.user.id)).map(({ action, actor }) => [action, actor.kind])).toEqual([
      ['admin.link', 'cli'],
      ['admin.sign_in', 'user'],
    ])
    expect((await admin.call('DELETE', '/api/sessions/current')).status).toBe(204)
    expect((await admin.get('/api/admin/users')).status).toBe(401)
  })

  test('is for the oldest admin, or for the one who is named, and for nobody else', async () => {
    const first = await adminOf(parley)
    const joon = await parley.person('Joon')
    const named = () => runCommand(['admin', 'link', '--user', joon.email.toUpperCase()], parley)
    expect(await named()).toMatchObject({ out: '', code: 1, err: expect.stringContaining('is no admin, or disabled') })
    expect(await runCommand(['admin', 'link', '--user', 'nobody'], parley)).toMatchObject({ out: '', code: 1 })
    await told(first.put(`/api/admin/users/${joon.id}/role`, { role: 'admin' }))
    expect(await adminOf(parley, '--user', joon.email)).toMatchObject({ id: joon.id })
    expect(await adminOf(parley)).toMatchObject({ id: first.id })
    const unused = await linkOf(parley, '--user', joon.id)
    await told(first.put(`/api/admin/users/${joon.id}/disabled`, { disabled: true }))
    expect(await named()).toMatchObject({ out: '', code: 1 })
    await told(first.put(`/api/admin/users/${joon.id}/disabled`, { disabled: false }))
    expect((await spend(parley, unused)).status).toBe(401)
  })

  test('names the public address, and takes no other origin for its own', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'parley-link-'))
    try {
      const { out } = await runCommand(['admin', 'link', '--public-url', 'https://chat.example'], { dataDir })
      expect(out).toStartWith('https://chat.example/admin#pla_')
      const anywhere = await runCommand(['admin', 'link', '--host', '::'], { dataDir })
      expect(anywhere.out).toStartWith('http://localhost:8000/admin#pla_')
    } finally {
      rmSync(dataDir, { recursive: true, force: true })
    }
    const token = await linkOf(parley)
    expect((await spend(parley, token, { origin: 'https://evil.example' })).status).toBe(403)
    expect((await spend(parley, token, { origin: parley.url })).status).toBe(201)
  })

  test('lies nowhere in the data directory, and in no line of the log', async () => {
    await using own = await startParley()
    const tokens = [await linkOf(own), '']
    tokens[1] = ((await (await spend(own, tokens[0] ?? '')).json()) as SessionGrant).token
    await linkOf(own)
    for (const { parentPath, name } of readdirSync(own.dataDir, { recursive: true, withFileTypes: true }).filter(
      (each) => each.isFile(),
    )) {
      const content = readFileSync(join(parentPath, name))
      for (const token of tokens) expect([name, content.includes(token.slice(4))]).toEqual([name, false])
    }
    await own.stop('SIGTERM')
    await own.log.event('stopped')
    expect(own.log.text).toContain('"route":"/api/admin/sessions"')
    for (const token of tokens) expect(own.log.text).not.toContain(token.slice(4))
  })
})

test('a link is good for half an hour', async () => {
  let now = 1_000_000
  await using server = await serveOn(
    () => ({}),
    () => now,
  )
  const issue = async () => (await server.services.links.issue())?.token ?? ''
  const early = await issue()
  now += 30 * 60_000 - 1
  expect((await spend(server, early)).status).toBe(201)
  const other = await issue()
  now += 30 * 60_000
  expect((await spend(server, other)).status).toBe(401)
})

describe('where nobody signs in with a password', () => {
  test('an admin comes by a link, and nobody by a session from before', async () => {
    await using before = await startParley({ env: BY_SECRET })
    const minji = await before.person('Minji')
    const { code } = await runCommand(['user', 'role', minji.id, 'admin'], before)
    expect([code, (await minji.get('/api/admin/users')).status]).toEqual([0, 200])
    await before.stop('SIGTERM')

    const env = { PARLEY_JWT_SECRET: JWT_SECRET, PARLEY_ACCOUNTS: 'off' }
    await using parley = await startParley({ env, dataDir: before.dataDir })
    const still = minji.at(parley)
    expect([(await still.get('/api/me')).status, (await still.get('/api/admin/users')).status]).toEqual([401, 401])
    const admin = await adminOf(parley, '--user', minji.id)
    expect(await told<unknown>(admin.get('/api/me'))).toMatchObject({ id: minji.id })
    const dan = await hostPerson(parley, 'dan', 'Dan')
    expect((await dan.get('/api/admin/users')).status).toBe(403)
    // Whoever is an admin no more has no session left: it was there for the console.
    await told(admin.put('/api/admin/users/dan/role', { role: 'admin' }))
    await told(dan.put(`/api/admin/users/${minji.id}/role`, { role: 'user' }))
    expect((await admin.get('/api/me')).status).toBe(401)
    expect((await allOf<{ id: string }>(dan, '/api/admin/users')).map(({ id }) => id)).toContain(minji.id)
  })
})

describe('the banner', () => {
  /** What a server writes on a terminal until it listens. */
  async function bannerIn(dataDir: string, ...args: string[]): Promise<string> {
    let written = ''
    const { promise, resolve } = Promise.withResolvers<void>()
    const decoder = new TextDecoder()
    const data = (_: unknown, chunk: Uint8Array) => {
      written += decoder.decode(chunk, { stream: true })
      if (/(Storage +SQLite|"listening")[^\n]*\n/.test(written)) resolve()
    }
    const env = { PATH: process.env.PATH ?? '' }
    const child = Bun.spawn([...PROGRAM, 'serve', '--port', '0', '--data-dir', dataDir, ...args], {
      env,
      terminal: { cols: 200, data },
    })
    await Promise.race([promise, child.exited])
    child.kill('SIGTERM')
    await child.exited
    return written
  }

  test('on a terminal has a link until some admin knows how to come in', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'parley-banner-'))
    try {
      const first = await bannerIn(dataDir)
      expect(first).toMatch(/Console +http:\/\/127\.0\.0\.1:\d+\/admin#pla_[\w-]{43} \(good once, for half an hour\)/)
      expect(await bannerIn(dataDir, '--log-format', 'json')).not.toContain('pla_')
      await using parley = await startParley({ dataDir })
      expect((await spend(parley, /#(pla_[\w-]+)/.exec(first)?.[1] ?? '')).status).toBe(201)
      await parley.stop('SIGTERM')
      expect(await bannerIn(dataDir)).not.toContain('pla_')
    } finally {
      rmSync(dataDir, { recursive: true, force: true })
    }
  })
})
