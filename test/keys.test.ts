import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { POLICY } from '../src/auth/policy.ts'
import { SCOPES, type Scope } from '../src/keys/model.ts'
import type { Problem } from '../src/lib/http/problem.ts'
import { runCommand } from './support/command.ts'
import { personBy } from './support/marketplace.ts'
import type { Person } from './support/person.ts'
import { type RunningParley, startParley } from './support/server.ts'
import { openSocket } from './support/socket.ts'

let parley: RunningParley

beforeAll(async () => {
  parley = await startParley()
})
afterAll(() => parley[Symbol.asyncDispose]())

/** Whoever has this new key. */
async function holder(name: string, scopes?: readonly Scope[]): Promise<Person> {
  const list = scopes ? ['--scopes', scopes.join(',')] : []
  const { out, err, code } = await runCommand(['key', 'create', '--name', name, ...list], parley)
  expect({ err, code }).toEqual({ err: expect.stringContaining(parley.dataDir), code: 0 })
  return personBy(parley, out.trim())
}

async function listed(name: string) {
  const { out } = await runCommand(['key', 'list'], parley)
  const [head = '', ...rows] = out.trimEnd().split('\n')
  expect(head.split(/ {2,}/)).toEqual(['id', 'name', 'scopes', 'created', 'last used', 'revoked'])
  const [id, , scopes, created, lastUsed, revoked] = rows.find((row) => row.includes(` ${name} `))?.split(/ {2,}/) ?? []
  return { id, scopes, created, lastUsed, revoked }
}

async function outcomeOf(response: Response): Promise<string> {
  if (response.status !== 401 && response.status !== 403) return 'let in'
  return ((await response.json()) as Problem).code
}

/** What each scope opens. Whoever changes the policy changes this table too. */
const OPENS: Record<Scope, string[]> = {
  users: ['GET /api/users/:userId', 'POST /api/users/:userId/disconnect', 'PUT /api/users', 'PUT /api/users/:userId'],
  products: [
    'DELETE /api/products/:productId',
    'GET /api/products',
    'GET /api/products/:productId',
    'PUT /api/products',
    'PUT /api/products/:productId',
  ],
  rooms: ['POST /api/rooms'],
  messages: ['POST /api/rooms/:roomId/messages'],
  privacy: ['DELETE /api/users/:userId', 'GET /api/users/:userId/export'],
}

describe('a key', () => {
  const guarded = Object.entries(POLICY).flatMap(([route, { open }]) => (open ? [] : [route]))

  /** Every guarded route, with an id that nobody has and a body that says nothing. */
  async function tryAll(key: Person): Promise<[route: string, outcome: string][]> {
    const tried: [string, string][] = []
    for (const route of guarded) {
      const [method = '', template = ''] = route.split(' ')
      const path = template.replace(':roomId', '999999').replaceAll(/:\w+/g, 'nothing')
      tried.push([route, await outcomeOf(await key.call(method, path, method === 'GET' ? undefined : {}))])
    }
    return tried
  }

  test.each([...SCOPES])('that has the scope %s alone opens its routes, and no other', async (scope) => {
    const tried = await tryAll(await holder(`only ${scope}`, [scope]))
    expect(tried.length).toBeGreaterThan(20)
    const letIn = tried.flatMap(([route, outcome]) => (outcome === 'let in' ? [route] : []))
    expect(letIn.toSorted()).toEqual(OPENS[scope])
    expect(new Set(tried.map(([, outcome]) => outcome))).toEqual(new Set(['let in', 'forbidden']))
  })

  test('has all scopes but privacy, unless it is asked for', async () => {
    const tried = await tryAll(await holder('usual'))
    const letIn = tried.flatMap(([route, outcome]) => (outcome === 'let in' ? [route] : []))
    const { privacy: _, ...usual } = OPENS
    expect(letIn.toSorted()).toEqual(Object.values(usual).flat().toSorted())
    expect(await listed('usual')).toMatchObject({ scopes: 'users,products,rooms,messages' })
  })

  test('that is revoked opens nothing from the next request on, and its name is free', async () => {
    const first = await holder('shop', ['users'])
    const { id } = await listed('shop')
    expect((await first.put('/api/users/dan', { username: 'Dan' })).status).toBe(201)
    const revoked = await runCommand(['key', 'revoke', 'shop'], parley)
    expect(revoked).toEqual({ out: 'revoked  shop\n', err: '', code: 0 })
    const refused = await first.get('/api/users/dan')
    expect([refused.status, await outcomeOf(refused)]).toEqual([401, 'unauthenticated'])
    expect(await listed('shop')).toMatchObject({ id, revoked: expect.stringMatching(/Z$/) })
    const second = await holder('shop', ['users'])
    expect((await second.get('/api/users/dan')).status).toBe(200)
    expect((await first.get('/api/users/dan')).status).toBe(401)
  })

  test('is revoked by its id as well', async () => {
    const key = await holder('by id', ['users'])
    const { id = '' } = await listed('by id')
    expect((await runCommand(['key', 'revoke', id], parley)).code).toBe(0)
    expect((await key.get('/api/users/dan')).status).toBe(401)
  })

  test('is listed with when it was made and last used, and never itself', async () => {
    const before = Date.now()
    const key = await holder('counted', ['users'])
    expect(await listed('counted')).toMatchObject({ scopes: 'users', lastUsed: '-', revoked: '-' })
    // A write: what the use of the key has to store was on its way before it.
    expect((await key.put('/api/users/sora', { username: 'Sora' })).status).toBe(201)
    const { created = '', lastUsed = '' } = await listed('counted')
    expect(Date.parse(created)).toBeWithin(before, Date.now() + 1)
    expect(Date.parse(lastUsed)).toBeWithin(Date.parse(created), Date.now() + 1)
    expect((await runCommand(['key', 'list'], parley)).out).not.toContain(key.token.slice(0, 12))
  })

  test('opens no socket: one error frame, then 4403', async () => {
    const { customer, roomId } = await parley.pair()
    const { token } = await holder('socket')
    const url = `${parley.wsUrl}/ws/room/${roomId}/messages`
    for (const dial of [
      { headers: { authorization: `Bearer ${token}` } },
      { protocols: ['parley.v1', `parley.bearer.${token}`] },
    ]) {
      const socket = await openSocket(url, dial)
      socket.send({ message: 'Let me in' })
      expect((await socket.closed).code).toBe(4403)
      expect(socket.received).toEqual([{ error: expect.any(String), code: 'forbidden' }])
    }
    expect(await customer.history(roomId)).toEqual([])
  })

  test('is taken as a bearer token and in no other way', async () => {
    const { token } = await holder('bearer')
    const ways: [path: string, headers: Record<string, string>][] = [
      ['/api/products', { cookie: `parley_session=${token}` }],
      [`/api/products?token=${token}`, {}],
      ['/api/products', { authorization: `Basic ${btoa(`${token}:`)}` }],
      ['/api/products', { authorization: token }],
      ['/api/products', { authorization: `Bearer ${token}x` }],
    ]
    for (const [path, headers] of ways) expect((await fetch(parley.url + path, { headers })).status).toBe(401)
    const { customer, roomId } = await parley.pair()
    const socket = await openSocket(`${parley.wsUrl}/ws/room/${roomId}/messages?ticket=${token}`)
    expect((await socket.closed).code).toBe(4401)
    expect(await customer.history(roomId)).toEqual([])
  })

  test('lies nowhere in the data directory, and in no line of the log', async () => {
    const key = await holder('secret')
    expect(key.token).toMatch(/^plk_[\w-]{43}$/)
    expect((await key.put('/api/users/mina', { username: 'Mina' })).status).toBe(201)
    expect((await key.call('DELETE', '/api/users/mina')).status).toBe(403)
    expect((await key.get(`/api/products?token=${key.token}`)).status).toBe(422)
    await runCommand(['key', 'revoke', 'secret'], parley)
    expect((await key.get('/api/products')).status).toBe(401)
    const random = key.token.slice('plk_'.length)
    const files = readdirSync(parley.dataDir, { recursive: true, withFileTypes: true }).filter((each) => each.isFile())
    expect(files.map(({ name }) => name)).toContain('parley.db')
    for (const { parentPath, name } of files) {
      expect([name, readFileSync(join(parentPath, name)).includes(random)]).toEqual([name, false])
    }
    expect(await parley.stop('SIGTERM')).toBe(0)
    await parley.log.event('stopped')
    expect(parley.log.text).toContain('"route":"/api/users/:userId"')
    expect(parley.log.text).not.toContain(random)
  })
})
