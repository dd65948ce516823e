import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { AdminSession, AdminUser } from '../src/admin/model.ts'
import { POLICY } from '../src/auth/policy.ts'
import type { Problem } from '../src/lib/http/problem.ts'
import { adminOf, allOf, deedsOn, type Page, told } from './support/admin.ts'
import { runCommand } from './support/command.ts'
import { BY_SECRET, backend, hostPerson, mint, personBy, seconds } from './support/marketplace.ts'
import type { Person } from './support/person.ts'
import { type RunningParley, startParley } from './support/server.ts'

let parley: RunningParley
let admin: Person

beforeAll(async () => {
  parley = await startParley({ env: { ...BY_SECRET, PARLEY_LIMITS: 'off' } })
  admin = await adminOf(parley)
})
afterAll(() => parley[Symbol.asyncDispose]())

const ROUTES = Object.keys(POLICY).filter(
  (route) => route.includes(' /api/admin/') && route !== 'POST /api/admin/sessions',
)
const codeOf = async (answer: Response) => [answer.status, ((await answer.json()) as Problem).code]

describe('the console', () => {
  test('is for admins alone: not for people, moderators and keys, nor for a page of another site', async () => {
    const [user, moderator, shop] = [await parley.person('Mallory'), await parley.person('Mo'), backend(parley)]
    await told(admin.put(`/api/admin/users/${moderator.id}/role`, { role: 'moderator' }))
    expect(ROUTES.length).toBe(19)
    for (const route of ROUTES) {
      const [method = '', template = ''] = route.split(' ')
      const path = template.replaceAll(/:\w+/g, '1')
      expect([route, await codeOf(await fetch(parley.url + path, { method }))]).toEqual([
        route,
        [401, 'unauthenticated'],
      ])
      for (const each of [user, moderator, shop]) {
        expect([route, await codeOf(await each.call(method, path))]).toEqual([route, [403, 'forbidden']])
      }
      if (method === 'GET') continue
      const headers = { cookie: `parley_session=${admin.token}`, origin: 'https://evil.example' }
      const foreign = await fetch(parley.url + path, { method, headers })
      expect([route, await codeOf(foreign)]).toEqual([route, [403, 'origin_not_allowed']])
    }
    const cookie = { cookie: `parley_session=${admin.token}` }
    expect((await fetch(`${parley.url}/api/admin/users`, { headers: cookie })).status).toBe(200)
  })
})

const find = async (q: string) =>
  (await allOf<AdminUser>(admin, `/api/admin/users?q=${encodeURIComponent(q)}`)).map(({ id }) => id)

describe('people', () => {
  test('are found by part of a name or an e-mail, or by an id', async () => {
    const [zoe, other] = [await parley.person('Zoë Kim'), await parley.person('zoetrope')]
    await hostPerson(parley, 'zoe-4711', 'Host').then((host) => told(host.get('/api/me')))
    expect(await find('ZO')).toEqual([other.id, zoe.id])
    // The same letter in its other form of Unicode.
    expect([await find('Zoe\u0308 kIM'), await find('zoe-4711'), await find(zoe.email)]).toEqual([
      [zoe.id],
      ['zoe-4711'],
      [zoe.id],
    ])
    expect(await find('nobody is called that')).toEqual([])
    const { items } = await told<Page<AdminUser>>(admin.get('/api/admin/users?q=&limit=2'))
    expect(items).toHaveLength(2)
    expect(await told<AdminUser>(admin.get(`/api/admin/users/${zoe.id}`))).toEqual({
      ...{ id: zoe.id, username: 'Zoë Kim', email: zoe.email, role: 'user', createdAt: expect.any(String) },
      ...{ disabledAt: null, erasedAt: null, hasPassword: true, lastSeenAt: null },
    })
    expect((await admin.get('/api/admin/users/nobody')).status).toBe(404)
    expect((await admin.get('/api/admin/users?cursor=x')).status).toBe(400)
    for (const query of ['limit=0', 'limit=101', 'q=%00', 'what=1']) {
      expect([query, (await admin.get(`/api/admin/users?${query}`)).status]).toEqual([query, 422])
    }
  })

  test('are shut out at once, with their sockets, and let in again', async () => {
    const { owner, roomId } = await parley.pair()
    const socket = await owner.connect(roomId)
    const put = (disabled: boolean) => told<AdminUser>(admin.put(`/api/admin/users/${owner.id}/disabled`, { disabled }))
    expect(await put(true)).toMatchObject({ id: owner.id, disabledAt: expect.any(String) })
    expect((await socket.closed).code).toBe(4403)
    expect((await owner.get('/api/me')).status).toBe(403)
    expect(await put(false)).toMatchObject({ disabledAt: null })
    expect(
      (await deedsOn(admin, owner.id)).map(({ action, actor, target }) => [action, actor.id, target.name]),
    ).toEqual([
      ['user.disable', admin.id, 'Minji'],
      ['user.enable', admin.id, 'Minji'],
    ])
  })

  test('get a role from the next request on; nobody changes their own access', async () => {
    const joon = await parley.person('Joon')
    const role = (who: Person, of: Person, role: string) => who.put(`/api/admin/users/${of.id}/role`, { role })
    expect(await told<AdminUser>(role(admin, joon, 'admin'))).toMatchObject({ role: 'admin' })
    expect((await joon.get('/api/admin/users')).status).toBe(200)
    expect(await codeOf(await role(joon, joon, 'user'))).toEqual([403, 'forbidden'])
    expect(await codeOf(await joon.put(`/api/admin/users/${joon.id}/disabled`, { disabled: true }))).toEqual([
      403,
      'forbidden',
    ])
    expect((await role(admin, joon, 'king')).status).toBe(422)
    await told(role(admin, joon, 'user'))
    expect((await joon.get('/api/admin/users')).status).toBe(403)
    expect((await admin.put('/api/admin/users/nobody/role', { role: 'user' })).status).toBe(404)
    expect((await deedsOn(admin, joon.id)).map(({ action, details }) => [action, details])).toEqual([
      ['user.role', { role: 'admin' }],
      ['user.role', { role: 'user' }],
    ])
  })

  test('are signed out everywhere: sessions, tokens of the marketplace, sockets', async () => {
    const { customer, product } = await parley.pair()
    const dan = personBy(parley, await mint({ sub: 'dan', iat: seconds(-1) }), { id: 'dan' })
    const { id: roomId } = await dan.openRoom(product.id)
    const socket = await dan.connect(roomId)
    for (const { id } of [customer, dan]) await told(admin.post(`/api/admin/users/${id}/sign-out`), 204)
    expect((await socket.closed).code).toBe(4401)
    for (const each of [customer, dan]) expect((await each.get('/api/me')).status).toBe(401)
    expect((await admin.post('/api/admin/users/never-met/sign-out')).status).toBe(404)
    expect((await deedsOn(admin, 'dan')).map(({ action }) => action)).toEqual(['user.sign_out'])
  })

  test('who were erased are found by the id that is left', async () => {
    const gone = await parley.person('Gone')
    await told(admin.call('DELETE', `/api/users/${gone.id}`), 204)
    expect(await told<AdminUser>(admin.get(`/api/admin/users/${gone.id}`))).toMatchObject({
      username: 'Deleted user',
      erasedAt: expect.any(String),
    })
    expect((await deedsOn(admin, gone.id)).map(({ action, details }) => [action, details])).toEqual([
      ['user.erase', { messages: 'keep' }],
    ])
  })
})

describe('sessions', () => {
  test('are listed without what opens them, and end with their sockets', async () => {
    const { owner, roomId } = await parley.pair()
    const sessions = () => allOf<AdminSession>(admin, `/api/admin/sessions?userId=${owner.id}&limit=1`)
    const [session] = await sessions()
    const id = session?.id ?? ''
    expect(id).toMatch(/^[0-9a-f]{13}$/)
    expect(session).toMatchObject({ user: { id: owner.id, username: 'Minji' }, current: false })
    const socket = await owner.connect(roomId)
    expect((await personBy(parley, id).get('/api/me')).status).toBe(401)
    await told(admin.call('DELETE', `/api/admin/sessions/${id}`), 204)
    expect((await socket.closed).code).toBe(4401)
    expect([(await owner.get('/api/me')).status, await sessions()]).toEqual([401, []])
    for (const wrong of [id, '%25', '0123456789abcdef']) {
      expect((await admin.call('DELETE', `/api/admin/sessions/${wrong}`)).status).toBe(404)
    }
    expect(await deedsOn(admin, id)).toMatchObject([{ action: 'session.end', target: { kind: 'session' } }])
    const all = await allOf<AdminSession>(admin, '/api/admin/sessions?limit=3')
    expect(all.filter(({ current }) => current).map(({ user }) => user.id)).toEqual([admin.id])
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
  })
})

describe('what is done elsewhere', () => {
  test('by a command, an admin over the API or a key that puts somebody out, is in the audit log too', async () => {
    const made = await runCommand(['user', 'create', '--email', 'kim@example.com', '--username', 'Kim'], {
      ...parley,
      input: 'correct horse battery\n',
    })
    const id = made.out.trim().split('  ')[1] ?? ''
    const commands = [
      ['disable', id],
      ['enable', id],
      ['role', id, 'moderator'],
      ['password', id],
    ]
    for (const command of commands) {
      const { code } = await runCommand(['user', ...command], { ...parley, input: 'another horse battery\n' })
      expect([command, code]).toEqual([command, 0])
    }
    const shop = backend(parley)
    await told(shop.put(`/api/users/${id}`, { username: 'Kim' }))
    await told(admin.put(`/api/users/${id}`, { username: 'Kim Two', disabled: false }))
    await told(shop.post(`/api/users/${id}/disconnect`), 204)
    await (await shop.get(`/api/users/${id}/export`)).text()
    const deeds = await deedsOn(admin, id)
    expect(deeds.map(({ action, actor, details }) => [action, actor.kind, details])).toEqual([
      ['user.create', 'cli', { role: 'user' }],
      ['user.disable', 'cli', {}],
      ['user.enable', 'cli', {}],
      ['user.role', 'cli', { role: 'moderator' }],
      ['user.password', 'cli', {}],
      ['user.change', 'user', { disabled: false }],
      ['user.sign_out', 'key', {}],
      ['user.export', 'key', {}],
    ])
    expect(JSON.stringify(deeds)).not.toContain('horse')
  })
})
