import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { AdminRoom } from '../src/admin/model.ts'
import type { MessagePage } from '../src/messages/model.ts'
import type { Product } from '../src/products/model.ts'
import { adminOf, allOf, deedsOn, told } from './support/admin.ts'
import { serveOn } from './support/in-process.ts'
import { type Person, Person as Somebody } from './support/person.ts'
import { type RunningParley, signUp, startParley } from './support/server.ts'

let parley: RunningParley
let admin: Person

beforeAll(async () => {
  parley = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  admin = await adminOf(parley)
})
afterAll(() => parley[Symbol.asyncDispose]())

const idsOf = async (query: string) =>
  (await allOf<AdminRoom>(admin, `/api/admin/rooms?limit=1${query}`)).map(({ id }) => id)

test('rooms are found by person, product, title and number, without a word of what was said', async () => {
  const first = await parley.pair()
  const second = await parley.pair()
  const tent = await first.customer.offer('Four-person tent')
  const { id: third } = await second.owner.openRoom(tent.id)
  await first.owner.send(first.roomId, 'a secret')
  expect((await idsOf('')).slice(0, 3)).toEqual([third, second.roomId, first.roomId])
  expect(await idsOf(`&userId=${first.customer.id}`)).toEqual([first.roomId, third])
  expect([await idsOf(`&productId=${tent.id}`), await idsOf('&q=PERSON'), await idsOf(`&q=${third}`)]).toEqual([
    [third],
    [third],
    [third],
  ])
  expect(await idsOf('&q=nothing like that')).toEqual([])
  const room = await told<AdminRoom>(admin.get(`/api/admin/rooms/${first.roomId}`))
  expect(room).toMatchObject({
    id: first.roomId,
    owner: { username: 'Minji' },
    customer: { username: 'Joon' },
    lastSeq: 1,
  })
  expect(JSON.stringify(room)).not.toContain('secret')
  for (const path of ['999999', 'abc', '0']) expect((await admin.get(`/api/admin/rooms/${path}`)).status).toBe(404)
})

test('a room is read page by page, and that it was is written down once', async () => {
  const { owner, customer, roomId } = await parley.pair()
  for (const text of ['one', 'two', 'three']) await owner.send(roomId, text)
  const read = (query: string) => told<MessagePage>(admin.get(`/api/admin/rooms/${roomId}/messages?${query}`))
  const newest = await read('limit=2')
  expect([newest.items.map(({ text }) => text), newest.hasMore]).toEqual([['two', 'three'], true])
  const older = await read('before=2')
  expect([older.items.map(({ text }) => text), older.hasMore]).toEqual([['one'], false])
  expect(await deedsOn(admin, String(roomId))).toMatchObject([
    {
      action: 'room.read',
      actor: { kind: 'user', id: admin.id, name: 'Admin' },
      target: { kind: 'room', name: null },
      details: {},
    },
  ])
  // Whoever only looks on has read nothing for the two whose room it is.
  expect((await customer.inbox()).items[0]).toMatchObject({ unread: 3, readSeq: 0 })
  expect((await admin.get('/api/admin/rooms/999999/messages')).status).toBe(404)
  expect(await deedsOn(admin, '999999')).toEqual([])
})

test('what cannot be written down is not given out', async () => {
  let now = 1_000_000
  let fails = false
  await using server = await serveOn(
    ({ audit }) => ({
      audit: { ...audit, add: (...args) => (fails ? Promise.reject(new Error('no')) : audit.add(...args)) },
    }),
    () => now,
  )
  const minji = new Somebody(server, await signUp(server.url, 'Minji'))
  const joon = new Somebody(server, await signUp(server.url, 'Joon'))
  await server.services.users.change(minji.id, { role: 'admin' }, { kind: 'cli' })
  const { id } = await joon.openRoom((await minji.offer('Bike')).id)
  await joon.send(id, 'a secret')
  const read = () => minji.get(`/api/admin/rooms/${id}/messages`)
  fails = true
  const refused = await read()
  expect([refused.status, (await refused.text()).includes('secret')]).toEqual([500, false])
  fails = false
  expect([(await read()).status, (await read()).status]).toEqual([200, 200])
  now += 60_000
  expect((await read()).status).toBe(200)
  expect((await deedsOn(minji, String(id))).map(({ at }) => Date.parse(at))).toEqual([1_000_000, 1_060_000])
})

test('products are found, archived ones too, and anybody’s is archived', async () => {
  const { owner, product, roomId } = await parley.pair()
  const lamp = await owner.offer('Reading lamp')
  const find = async (q: string) =>
    (await allOf<Product>(admin, `/api/admin/products?limit=1&q=${q}`)).map(({ id }) => id)
  expect([await find('READING'), await find(lamp.id)]).toEqual([[lamp.id], [lamp.id]])
  for (let twice = 0; twice < 2; twice++) await told(admin.call('DELETE', `/api/admin/products/${lamp.id}`), 204)
  expect(await told<Product>(admin.get(`/api/products/${lamp.id}`))).toMatchObject({ archivedAt: expect.any(String) })
  expect(await find('reading')).toEqual([lamp.id])
  expect((await admin.call('DELETE', '/api/admin/products/nothing')).status).toBe(404)
  expect(await deedsOn(admin, lamp.id)).toMatchObject([{ action: 'product.archive' }, { action: 'product.archive' }])
  await told(admin.call('DELETE', `/api/admin/products/${product.id}`), 204)
  expect(await owner.send(roomId, 'still open')).toMatchObject({ seq: 1 })
})
