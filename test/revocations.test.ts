import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { SessionGrant } from '../src/accounts/model.ts'
import { BY_SECRET, backend, hostPerson, mint, personBy, seconds } from './support/marketplace.ts'
import type { Person } from './support/person.ts'
import { PROGRAM, type RunningParley, signIn, startParley } from './support/server.ts'
import { openSocket, type TestSocket } from './support/socket.ts'

let parley: RunningParley
let shop: Person

beforeAll(async () => {
  parley = await startParley({ env: { ...BY_SECRET, PARLEY_LIMITS: 'off' } })
  shop = backend(parley)
})
afterAll(() => parley[Symbol.asyncDispose]())

let people = 0

/** Somebody in a room with Minji: by a password, and by a token of the marketplace's. */
async function room() {
  const owner = await parley.person('Minji')
  const product = await owner.offer('Road bike')
  const joon = await parley.person('Joon')
  const dan = await hostPerson(parley, `dan-${++people}`, 'Dan')
  return { owner, joon, dan, product }
}

/** Another session of the same person. */
async function signInAgain({ email, password }: Person): Promise<Person> {
  const answer = await signIn(parley.url, { email, password })
  const { user, token } = (await answer.json()) as SessionGrant
  return personBy(parley, token, { id: user.id, name: user.username })
}

async function byTicket(person: Person, roomId: number): Promise<TestSocket> {
  const { ticket } = (await (await person.post('/api/tickets')).json()) as { ticket: string }
  return openSocket(`${parley.wsUrl}/ws/room/${roomId}/messages?ticket=${ticket}`)
}

/** A socket that was not closed takes a message. */
async function expectOpen(socket: TestSocket) {
  socket.send({ message: 'still here' })
  expect(await socket.next()).toMatchObject({ message: 'still here' })
}

const statusOf = async (person: Person) => (await person.get('/api/me')).status
const codesOf = async (sockets: TestSocket[]) => Promise.all(sockets.map(async (socket) => (await socket.closed).code))

test('signing out closes the sockets of that session, and of tickets from it, and no other', async () => {
  const { joon, product } = await room()
  const { id } = await joon.openRoom(product.id)
  const other = await signInAgain(joon)
  using stays = await other.connect(id)
  const sockets = [await joon.connect(id), await byTicket(joon, id)]
  expect((await joon.call('DELETE', '/api/sessions/current')).status).toBe(204)
  expect(await codesOf(sockets)).toEqual([4401, 4401])
  await expectOpen(stays)
})

test('a new password closes the sockets of every other session', async () => {
  const { joon, product } = await room()
  const { id } = await joon.openRoom(product.id)
  const other = await signInAgain(joon)
  using stays = await joon.connect(id)
  const sockets = [await other.connect(id), await byTicket(other, id)]
  const change = { current: joon.password, next: 'another horse battery' }
  expect((await joon.put('/api/me/password', change)).status).toBe(204)
  expect(await codesOf(sockets)).toEqual([4401, 4401])
  expect([await statusOf(joon), await statusOf(other)]).toEqual([200, 401])
  await expectOpen(stays)
})

test('the marketplace signs somebody out everywhere: by session, by token, by ticket', async () => {
  const { owner, joon, dan, product } = await room()
  for (const person of [joon, dan]) {
    const { id } = await person.openRoom(product.id)
    const unspent = (await (await person.post('/api/tickets')).json()) as { ticket: string }
    using stays = await owner.connect(id)
    const sockets = [await person.connect(id), await byTicket(person, id)]
    expect((await shop.post(`/api/users/${encodeURIComponent(person.id)}/disconnect`)).status).toBe(204)
    expect(await codesOf(sockets)).toEqual([4401, 4401])
    expect(await statusOf(person)).toBe(401)
    const late = await openSocket(`${parley.wsUrl}/ws/room/${id}/messages?ticket=${unspent.ticket}`)
    expect((await late.closed).code).toBe(4401)
    await expectOpen(stays)
  }
})

test('after that an older token stays out, and a new one comes in, also within the same second', async () => {
  const dan = await hostPerson(parley, 'dan-again', 'Dan')
  const [unseen, undated] = await Promise.all([
    mint({ sub: dan.id, name: 'Dan', iat: seconds(-5) }),
    mint({ sub: dan.id, name: 'Dan', iat: undefined }),
  ])
  expect(await statusOf(dan)).toBe(200)
  expect((await shop.post(`/api/users/${dan.id}/disconnect`)).status).toBe(204)
  const renewed = await mint({ sub: dan.id, name: 'Dan', jti: 'new' })
  expect(await statusOf(personBy(parley, renewed))).toBe(200)
  for (const token of [dan.token, unseen, undated]) expect(await statusOf(personBy(parley, token))).toBe(401)
})

test('nor does an old token come in by another spelling of its signature', async () => {
  const dan = await hostPerson(parley, 'dan-respelled', 'Dan')
  expect(await statusOf(dan)).toBe(200)
  expect((await shop.post(`/api/users/${dan.id}/disconnect`)).status).toBe(204)
  // Padding, and two bits of the last letter that say nothing: both are the same bytes.
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const respelled = dan.token.slice(0, -1) + letters[letters.indexOf(dan.token.slice(-1)) ^ 1]
  for (const token of [`${dan.token}=`, respelled]) expect(await statusOf(personBy(parley, token))).toBe(401)
})

test.each<[string, (person: Person) => Promise<unknown> | unknown]>([
  ['disabled by the marketplace', ({ id, username }) => shop.put(`/api/users/${id}`, { username, disabled: true })],
  ['erased', ({ id }) => shop.call('DELETE', `/api/users/${id}`)],
  [
    'disabled by a command beside the server',
    ({ id }) => {
      const args = ['user', 'disable', id, '--data-dir', parley.dataDir]
      expect(Bun.spawnSync([...PROGRAM, ...args], { env: { PATH: process.env.PATH ?? '' } }).exitCode).toBe(0)
    },
  ],
])('who is %s is out at once, and told to stay out', async (_, remove) => {
  const { owner, joon, dan, product } = await room()
  for (const person of [joon, dan]) {
    const { id } = await person.openRoom(product.id)
    using stays = await owner.connect(id)
    const sockets = [await person.connect(id), await byTicket(person, id)]
    await remove(person)
    expect(await codesOf(sockets)).toEqual([4403, 4403])
    await expectOpen(stays)
    if (person === dan) await expectStaysOut(await mint({ sub: dan.id, name: 'Dan' }), id)
    else expect(await statusOf(person)).toBeOneOf([401, 403])
  }
})

/** A new token of the marketplace's does not help. */
async function expectStaysOut(token: string, roomId: number) {
  const person = personBy(parley, token)
  const answer = await person.get('/api/me')
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([403, 'forbidden'])
  const socket = await person.connect(roomId)
  expect(await socket.next()).toMatchObject({ code: 'forbidden' })
  expect((await socket.closed).code).toBe(4403)
}

test('a token that runs out closes its sockets', async () => {
  const { dan, product } = await room()
  const { id } = await dan.openRoom(product.id)
  const brief = personBy(parley, await mint({ sub: dan.id, name: 'Dan', exp: seconds(2) }))
  const sockets = [await brief.connect(id), await byTicket(brief, id)]
  using stays = await dan.connect(id)
  expect(await codesOf(sockets)).toEqual([4401, 4401])
  expect(await statusOf(brief)).toBe(401)
  await expectOpen(stays)
})

test('a key that was revoked is refused from the next request on', async () => {
  const other = backend(parley, 'users')
  expect((await other.put('/api/users/u1', { username: 'One' })).status).toBe(201)
  const [, name = ''] = /(key-\d+)(?!.*key-\d+)/s.exec(keysOf(parley)) ?? []
  const args = ['key', 'revoke', name, '--data-dir', parley.dataDir]
  expect(Bun.spawnSync([...PROGRAM, ...args], { env: { PATH: process.env.PATH ?? '' } }).exitCode).toBe(0)
  expect((await other.put('/api/users/u1', { username: 'One' })).status).toBe(401)
})

const keysOf = ({ dataDir }: RunningParley) =>
  Bun.spawnSync([...PROGRAM, 'key', 'list', '--data-dir', dataDir], {
    env: { PATH: process.env.PATH ?? '' },
  }).stdout.toString()
