import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { type Access, POLICY } from '../src/auth/policy.ts'
import type { Problem } from '../src/lib/http/problem.ts'
import { BY_SECRET, hostPerson } from './support/marketplace.ts'
import type { Person } from './support/person.ts'
import { PROGRAM, type RunningParley, startParley } from './support/server.ts'
import { openSocket } from './support/socket.ts'

let parley: RunningParley
/** Has a room with Joon, about a product of hers. */
let minji: Person
let joon: Person
/** Has nothing to do with them: by a session, and by a token of the marketplace's. */
let strangers: Person[]
let theirs: typeof nobodys
const nobodys = {
  ...{ roomId: '999999', productId: 'no-such-product', userId: 'no-such-person' },
  ...{ keyId: 'no-such-key', sessionId: '0123456789abc' },
}

beforeAll(async () => {
  parley = await startParley({ env: { ...BY_SECRET, PARLEY_LIMITS: 'off' } })
  const { owner, customer, product, roomId } = await parley.pair()
  ;[minji, joon] = [owner, customer]
  theirs = { ...nobodys, roomId: String(roomId), productId: product.id, userId: owner.id }
  strangers = [await parley.person('Mallory'), await hostPerson(parley, 'mallory', 'Mallory')]
})
afterAll(() => parley[Symbol.asyncDispose]())

type Ids = typeof nobodys

const needsRole = ({ people }: Access) => people !== 'user'

/** A body that the route takes, so that nothing but the id is in the way. */
const BODIES: Record<string, (ids: Ids) => object> = {
  'PATCH /api/products/:productId': () => ({ title: 'Mine now' }),
  'PUT /api/products/:productId': ({ userId }) => ({ ownerId: userId, title: 'Mine now' }),
  'PUT /api/rooms/:roomId/read-mark': () => ({ seq: 1 }),
  'POST /api/rooms/:roomId/messages': () => ({ text: 'Let me in' }),
  'PUT /api/users/:userId': () => ({ username: 'Mallory' }),
}

const RULES = Object.entries(POLICY)
const withIds = RULES.filter(([route]) => route.includes('/:') && route.includes(' /api/'))

async function ask(person: Person, route: string, ids: Ids) {
  const [method = '', template = ''] = route.split(' ')
  const path = template.replaceAll(/:(\w+)/g, (_, name: keyof Ids) => encodeURIComponent(ids[name]))
  const answer = await person.call(method, path, BODIES[route]?.(ids))
  const { requestId: _, ...told } = answer.status < 300 ? { requestId: '' } : ((await answer.json()) as Problem)
  return { status: answer.status, told }
}

describe('the policy', () => {
  test('has a rule for every route of the app, and none for anything else', () => {
    const script = join(import.meta.dir, 'support/print-routes.ts')
    const printed = Bun.spawnSync([process.execPath, '--no-env-file', script], { stderr: 'inherit' }).stdout.toString()
    const routes: string[] = JSON.parse(printed)
    expect(routes.length).toBeGreaterThan(30)
    expect([...new Set(routes)].sort()).toEqual(Object.keys(POLICY).sort())
  })

  test('says who may call each route', () => {
    const closed = RULES.filter(([, { open, people, keys }]) => !open && !people && !keys)
    const both = RULES.filter(([, { open, people, keys }]) => open && (people || keys))
    expect([...closed, ...both]).toEqual([])
  })

  const guarded = RULES.filter(([, { open }]) => !open).map(([route]) => route)
  test.each(guarded)('nobody calls %s without a credential, or with one that is none', async (route) => {
    const [method = '', path = ''] = route.split(' ')
    for (const authorization of [
      '',
      'Bearer',
      'Bearer pls_wrong',
      'Bearer plk_wrong',
      'Bearer a.b.c',
      'Basic bWluamk6',
    ]) {
      const answer = await fetch(parley.url + path, { method, headers: authorization ? { authorization } : {} })
      expect([authorization, answer.status]).toEqual([authorization, 401])
    }
  })

  test.each(RULES.filter(([, rule]) => !rule.open && needsRole(rule)).map(([route]) => route))(
    'a person without a role does not call %s, whoever it is about',
    async (route) => {
      for (const person of [minji, ...strangers]) {
        const answers = await Promise.all([theirs, nobodys].map((ids) => ask(person, route, ids)))
        expect(answers[0]).toMatchObject({ status: 403, told: { code: 'forbidden' } })
        expect(answers[1]).toEqual(answers[0] ?? { status: 0, told: {} })
      }
    },
  )
})

describe('somebody else’s', () => {
  const inRooms = withIds.filter(([route, { people }]) => route.includes(':roomId') && people === 'user')
  test.each(inRooms.map(([route]) => route))('room is no room: %s', async (route) => {
    for (const stranger of strangers) {
      const [forTheirs, forNobodys] = await Promise.all([theirs, nobodys].map((ids) => ask(stranger, route, ids)))
      expect(forTheirs).toMatchObject({ status: 404, told: { code: 'not_found' } })
      expect(forNobodys).toEqual(forTheirs ?? { status: 0, told: {} })
    }
    expect((await ask(joon, route, theirs)).status).toBeOneOf([200, 201])
  })

  const changes = withIds.filter(
    ([route, { people }]) => route.includes(':productId') && people === 'user' && !route.startsWith('GET'),
  )
  test.each(changes.map(([route]) => route))('product is seen, and not to be changed: %s', async (route) => {
    for (const stranger of [...strangers, joon]) {
      expect(await ask(stranger, route, theirs)).toMatchObject({ status: 403, told: { code: 'forbidden' } })
      expect(await ask(stranger, route, nobodys)).toMatchObject({ status: 404, told: { code: 'not_found' } })
    }
  })

  test('id has a row above, in every route that takes one', () => {
    const covered = [...inRooms, ...changes, ...withIds.filter(([, rule]) => needsRole(rule))]
    const readable = ['GET /api/products/:productId']
    expect(withIds.filter((each) => !covered.includes(each)).map(([route]) => route)).toEqual(readable)
  })
  test('room is not in one’s inbox, and its product’s id finds nothing there', async () => {
    for (const stranger of strangers) {
      expect((await stranger.inbox()).items).toEqual([])
      expect((await stranger.inbox(`?productId=${theirs.productId}`)).items).toEqual([])
    }
  })

  test('room is closed on the socket as one that does not exist, and takes no frame from another', async () => {
    for (const stranger of strangers) {
      const own = await stranger.openRoom(theirs.productId)
      const told = []
      for (const { roomId } of [theirs, nobodys]) {
        const socket = await stranger.connect(roomId)
        told.push(await socket.next(), await socket.closed)
        using inOwn = await stranger.connect(own.id)
        inOwn.send({ message: 'hi', room_id: Number(roomId) })
        told.push(await inOwn.next())
      }
      expect(told.slice(0, 3)).toEqual(told.slice(3))
      expect(told[1]).toMatchObject({ code: 4404 })
      expect(told[2]).toMatchObject({ code: 'room_not_found' })
    }
    expect((await minji.history(Number(theirs.roomId))).map(({ sender }) => sender?.id)).not.toContain(strangers[0]?.id)
  })

  test.each(['role', 'senderId', 'seq', 'ownerId', 'createdAt', 'id', 'disabled', '__proto__'])(
    '%s is nothing that a body may say',
    async (field) => {
      const bodies: [route: string, body: object][] = [
        ['POST /api/products', { title: 'Bike' }],
        ['PATCH /api/me', { username: 'Minji' }],
        [`POST /api/rooms/${theirs.roomId}/messages`, { text: 'hi' }],
        ['POST /api/rooms', { productId: theirs.productId }],
      ]
      for (const [route, sound] of bodies) {
        const [method = '', path = ''] = route.split(' ')
        // As text: of an object with `__proto__` JSON.stringify may leave that out.
        const body = JSON.stringify(sound).replace(/}$/, `,"${field}":"x"}`)
        const headers = { authorization: `Bearer ${joon.token}`, 'content-type': 'application/json' }
        const answer = await fetch(parley.url + path, { method, headers, body })
        expect([route, answer.status]).toEqual([route, 422])
      }
    },
  )
})

describe('roles', () => {
  const command = (...args: string[]) =>
    Bun.spawnSync([...PROGRAM, ...args, '--data-dir', parley.dataDir], { env: { PATH: process.env.PATH ?? '' } })

  test('let a moderator sign people out, and an admin do the rest, from their next request on', async () => {
    const [bora, dan] = await Promise.all([parley.person('Bora'), parley.person('Dan')])
    const disconnect = () => bora.post(`/api/users/${dan.id}/disconnect`)
    const rename = () => bora.put(`/api/users/${dan.id}`, { username: 'Daniel' })
    const statuses = async () => [(await disconnect()).status, (await rename()).status]
    expect(await statuses()).toEqual([403, 403])
    expect(command('user', 'role', bora.id, 'moderator').exitCode).toBe(0)
    expect(await statuses()).toEqual([204, 403])
    expect(command('user', 'role', bora.email, 'admin').exitCode).toBe(0)
    expect(await statuses()).toEqual([204, 200])
    expect(command('user', 'role', bora.id, 'user').exitCode).toBe(0)
    expect(await statuses()).toEqual([403, 403])
  })

  test('are nothing that a token of the marketplace’s can give', async () => {
    const eve = await hostPerson(parley, 'eve', 'Eve', { role: 'admin', roles: ['admin'], scope: 'users' })
    expect((await eve.post(`/api/users/${minji.id}/disconnect`)).status).toBe(403)
  })
})

test('a socket asks for a person, and a room’s address without an upgrade for nobody', async () => {
  expect((await fetch(`${parley.url}/ws/room/1/messages`)).status).toBe(426)
  const socket = await openSocket(`${parley.wsUrl}/ws/room/${theirs.roomId}/messages`)
  expect(await socket.next()).toMatchObject({ code: 'unauthenticated' })
  expect((await socket.closed).code).toBe(4401)
})
