import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Product, ProductList } from '../src/products/model.ts'
import type { ManagedUser, ManagedUsers } from '../src/users/model.ts'
import { invalid, NOT_FOUND, refusal, statusOf, told } from './support/answers.ts'
import { BY_SECRET, backend, hostPerson } from './support/marketplace.ts'
import type { Person } from './support/person.ts'
import { type RunningParley, signIn, startParley } from './support/server.ts'

let parley: RunningParley
/** The marketplace's backend. */
let shop: Person

beforeAll(async () => {
  parley = await startParley({ env: BY_SECRET })
  shop = backend(parley)
  expect((await putUser('bora', { username: 'Bora' })).status).toBe(201)
})
afterAll(() => parley[Symbol.asyncDispose]())

const putUser = (id: string, profile: object) => shop.put(`/api/users/${id}`, profile)
const putUsers = (items: unknown) => shop.put('/api/users', { items })
const putProduct = (id: string, product: object) => shop.put(`/api/products/${id}`, product)
const putProducts = (items: unknown) => shop.put('/api/products', { items })

const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/

describe('a person', () => {
  test('is made under the id of the marketplace, changed after that, and found by it', async () => {
    const first = await told<ManagedUser>(putUser('nari-1', { username: 'Nari', email: 'Nari@Shop.example' }))
    const nari = { id: 'nari-1', username: 'Nari', email: 'Nari@Shop.example', role: 'user', disabledAt: null } as const
    expect(first).toEqual({ status: 201, body: { ...nari, createdAt: expect.stringMatching(TIME) } })
    const { createdAt } = first.body
    const renamed = { ...nari, createdAt, username: 'Nari Caf\u00e9' }
    expect(await told(putUser('nari-1', { username: 'Nari Cafe\u0301' }))).toEqual({ status: 200, body: renamed })
    expect(await told(shop.get('/api/users/nari-1'))).toEqual({ status: 200, body: renamed })
  })

  test('keeps what is left out; null clears, and to send it again changes nothing', async () => {
    await putUser('sora', { username: 'Sora', email: 'sora@shop.example', disabled: true })
    const { body: before } = await told<ManagedUser>(putUser('sora', { username: 'Sora' }))
    expect(before).toMatchObject({ email: 'sora@shop.example', disabledAt: expect.stringMatching(TIME) })
    const { email: _, ...cleared } = before
    for (let again = 0; again < 3; again++) {
      const response = putUser('sora', { username: 'Sora', email: null, disabled: true })
      expect(await told(response)).toEqual({ status: 200, body: cleared })
    }
  })

  test('is made once, however many requests make it at once', async () => {
    const asked = Array.from({ length: 20 }, () => statusOf(putUser('once', { username: 'Once' })))
    expect((await Promise.all(asked)).toSorted()).toEqual([...Array(19).fill(200), 201])
  })

  test.each([
    ['user%2F7', 'user/7'],
    ['user%252F7', 'user%2F7'],
    ['mina%40shop.example', 'mina@shop.example'],
    ['o%27neil%22%3C%3E', 'o\'neil"<>'],
    ["-._~!$&'()*+,;=:@", "-._~!$&'()*+,;=:@"],
    ['%23%3F%25%5C', '#?%\\'],
  ])('has the id that the path stands for: %s', async (path, id) => {
    expect((await told<ManagedUser>(putUser(path, { username: 'Mina' }))).body.id).toBe(id)
    expect((await told<ManagedUser>(shop.get(`/api/users/${path}`))).body.id).toBe(id)
    const [same] = (await told<ManagedUsers>(putUsers([{ id, username: 'The same' }]))).body.items
    expect((await told(shop.get(`/api/users/${path}`))).body).toEqual(same)
  })

  const noIds = ['가', '%EA%B0%80', 'caf%C3%A9', 'a%20b', '%09', '%00', 'a%0Ab', '%7F', '%EA%B0']
  test.each(noIds)('has no such id: %s', async (path) => {
    expect(await refusal(putUser(path, { username: 'Mina' }))).toEqual(invalid('/userId'))
    expect(await refusal(shop.get(`/api/users/${path}`))).toEqual(NOT_FOUND)
  })

  test('has an id of 200 characters, and not of 201', async () => {
    expect((await told<ManagedUser>(putUser('a'.repeat(200), { username: 'Mina' }))).body.id).toBe('a'.repeat(200))
    expect(await refusal(putUser('a'.repeat(201), { username: 'Mina' }))).toEqual(invalid('/userId'))
  })

  test('has no path of two parts', async () => {
    expect(await refusal(putUser('user/8', { username: 'Mina' }))).toEqual(NOT_FOUND)
  })

  test.each([
    ['no name', { username: undefined }, '/username'],
    ['a blank name', { username: ' ' }, '/username'],
    ['a name of two lines', { username: 'Dan\nAdmin' }, '/username'],
    ['a name of 51 characters', { username: 'a'.repeat(51) }, '/username'],
    ['a name with half a character', { username: 'Dan \udeb2' }, '/username'],
    ['an e-mail that is none', { email: 'dan' }, '/email'],
    ['an empty e-mail', { email: '' }, '/email'],
    ['disabled in words', { disabled: 'true' }, '/disabled'],
    ['disabled as null', { disabled: null }, '/disabled'],
    ['a role', { role: 'admin' }, '/role'],
    ['a seq', { seq: 1 }, '/seq'],
    ['a time', { createdAt: '2026-11-22T10:20:00.000Z' }, '/createdAt'],
    ['the time of a disabling', { disabledAt: null }, '/disabledAt'],
    ['a password', { password: 'correct horse battery' }, '/password'],
  ])('with %s is invalid, alone and in a batch', async (_, fields, path) => {
    const dan = { username: 'Dan', ...fields }
    expect(await refusal(putUser('dan', dan))).toEqual(invalid(path))
    const others = ['eve-1', 'eve-2', 'eve-3'].map((id) => ({ id, username: 'Eve' }))
    expect(await refusal(putUsers([...others, { id: 'dan', ...dan }]))).toEqual(invalid(`/items/3${path}`))
    for (const id of ['dan', 'eve-1']) expect(await refusal(shop.get(`/api/users/${id}`))).toEqual(NOT_FOUND)
  })

  test('who signs in with a password keeps the e-mail, which another may have as well and gains nothing', async () => {
    const yuna = await parley.person('Yuna')
    const email = 'taken-over@shop.example'
    const { body } = await told<ManagedUser>(putUser(yuna.id, { username: 'Yuna Lee', email }))
    expect(body).toMatchObject({ id: yuna.id, username: 'Yuna Lee', email: yuna.email })
    expect((await told<ManagedUser>(putUser(yuna.id, { username: 'Yuna', email: null }))).body.email).toBe(yuna.email)
    expect(await statusOf(putUser('mallory', { username: 'Mallory', email: yuna.email }))).toBe(201)
    const signedIn = await told<{ user: { id: string } }>(signIn(parley.url, yuna))
    expect(signedIn).toMatchObject({ status: 201, body: { user: { id: yuna.id } } })
  })

  test('who is disabled is out everywhere until enabled, and then signs in anew', async () => {
    const { owner, customer: joon, roomId } = await parley.pair()
    using socket = await joon.connect(roomId)
    const switched = (disabled: boolean) => putUser(joon.id, { username: 'Joon', disabled })
    expect(await statusOf(switched(true))).toBe(200)
    expect((await socket.closed).code).toBe(4403)
    expect(await refusal(joon.get('/api/me'))).toEqual({ status: 403, code: 'forbidden' })
    expect(await refusal(signIn(parley.url, joon))).toEqual({ status: 401, code: 'unauthenticated' })
    await owner.send(roomId, 'Are you there?')
    expect((await told<ManagedUser>(switched(false))).body.disabledAt).toBeNull()
    expect(await statusOf(joon.get('/api/me'))).toBe(401)
    expect(await statusOf(signIn(parley.url, joon))).toBe(201)
  })

  test('who comes with tokens of the marketplace’s needs a new one as well after being enabled', async () => {
    const haneul = await hostPerson(parley, 'haneul', 'Haneul')
    expect(await statusOf(haneul.get('/api/me'))).toBe(200)
    for (const disabled of [true, false]) await putUser(haneul.id, { username: 'Haneul', disabled })
    expect(await statusOf(haneul.get('/api/me'))).toBe(401)
    expect(await statusOf((await hostPerson(parley, 'haneul', 'Haneul', { jti: 'new' })).get('/api/me'))).toBe(200)
  })
})

describe('a batch of people', () => {
  const crowd = (size: number, prefix = 'crowd') =>
    Array.from({ length: size }, (_, n) => ({ id: `${prefix}-${n}`, username: `Nr ${n}` }))

  test('has up to a hundred, answered in the order in which they were sent, new ones and known ones', async () => {
    await putUser('crowd-57', { username: 'Known', email: '57@shop.example' })
    const sent = crowd(100).reverse()
    const { status, body } = await told<ManagedUsers>(putUsers(sent))
    expect(status).toBe(200)
    expect(body.items.map(({ id, username }) => ({ id, username }))).toEqual(sent)
    expect(body.items.filter(({ email }) => email !== undefined)).toEqual([
      expect.objectContaining({ id: 'crowd-57', username: 'Nr 57', email: '57@shop.example' }),
    ])
    expect(await told(putUsers(sent))).toEqual({ status, body })
  })

  test.each([
    ['a hundred and one', crowd(101, 'many')],
    ['nobody', []],
    ['no list', { 0: { id: 'many-0', username: 'Many' } }],
    ['null', null],
    ['nothing', undefined],
  ])('of %s is invalid', async (_, items) => {
    expect(await refusal(putUsers(items))).toEqual(invalid('/items'))
    expect(await refusal(shop.get('/api/users/many-0'))).toEqual(NOT_FOUND)
  })

  test.each([
    ['one of them twice', { id: 'trio-0', username: 'Twin' }, invalid('/items/3/id')],
    ['an id in hangul', { id: '가', username: 'Dan' }, invalid('/items/3/id')],
    ['an id of 201 characters', { id: 'a'.repeat(201), username: 'Dan' }, invalid('/items/3/id')],
    ['an id that no path can name', { id: '..', username: 'Dan' }, invalid('/items/3/id')],
    ['no id', { username: 'Dan' }, invalid('/items/3/id')],
    [
      'somebody who was erased',
      { id: 'gone', username: 'Dan' },
      { status: 409, code: 'conflict', paths: ['/items/3/id'] },
    ],
  ])('with %s is refused whole', async (_, fourth, refused) => {
    await putUser('gone', { username: 'Gone' })
    await shop.call('DELETE', '/api/users/gone')
    const trio = [...crowd(2, 'trio'), { id: 'bora', username: 'Not Bora' }]
    expect(await refusal(putUsers([...trio, fourth]))).toEqual(refused)
    for (const { id } of crowd(2, 'trio')) expect(await refusal(shop.get(`/api/users/${id}`))).toEqual(NOT_FOUND)
    expect((await told<ManagedUser>(shop.get('/api/users/bora'))).body.username).toBe('Bora')
  })
})

const BIKE = {
  ownerId: 'bora',
  title: 'Road bike, 54 cm',
  priceMinor: 15_000,
  currency: 'KRW',
  imageUrl: 'https://shop.example/bike.jpg?size=1',
  url: 'http://shop.example/bikes/54#photos',
}
const productOf = async (id: string) => (await told<Product>(shop.get(`/api/products/${id}`))).body

describe('a product', () => {
  test('is made under the id of the marketplace and changed after that', async () => {
    const bike = { ...BIKE, id: 'bike/1', createdAt: expect.stringMatching(TIME), archivedAt: null }
    expect(await told<Product>(putProduct('bike%2F1', BIKE))).toEqual({ status: 201, body: bike })
    const cafe = { ...bike, title: 'Caf\u00e9 racer' }
    const changed = await told<Product>(putProduct('bike%2F1', { ownerId: 'bora', title: 'Cafe\u0301 racer' }))
    expect(changed).toEqual({ status: 200, body: cafe })
    expect(await productOf('bike%2F1')).toEqual(changed.body)
  })

  test('keeps what is left out; null clears, and to send it again changes nothing', async () => {
    await putProduct('tent', { ...BIKE, archived: true })
    const { archivedAt } = await productOf('tent')
    const cleared = { ownerId: 'bora', title: 'Tent', priceMinor: null, currency: null, imageUrl: null, archived: true }
    for (let again = 0; again < 3; again++) {
      const { archived: _, ...kept } = { ...cleared, url: BIKE.url, archivedAt }
      expect(await told<Product>(putProduct('tent', cleared))).toMatchObject({ status: 200, body: kept })
    }
  })

  test('is archived and offered again', async () => {
    const listed = async () => (await told<ProductList>(shop.get('/api/products?q=Unicycle'))).body.items.length
    const unicycle = { ownerId: 'bora', title: 'Unicycle' }
    await putProduct('unicycle', { ...unicycle, archived: true })
    expect([(await productOf('unicycle')).archivedAt, await listed()]).toEqual([expect.stringMatching(TIME), 0])
    await putProduct('unicycle', { ...unicycle, archived: false })
    expect([(await productOf('unicycle')).archivedAt, await listed()]).toEqual([null, 1])
    expect(await statusOf(shop.call('DELETE', '/api/products/unicycle'))).toBe(204)
    expect(await listed()).toBe(0)
  })

  test.each([
    ['no owner', { ownerId: undefined }, '/ownerId'],
    ['an owner whom nobody knows', { ownerId: 'nobody' }, '/ownerId'],
    ['an owner in hangul', { ownerId: '보라' }, '/ownerId'],
    ['no title', { title: undefined }, '/title'],
    ['a price without its currency', { currency: undefined }, '/currency'],
    ['a currency without a price', { priceMinor: undefined }, '/priceMinor'],
    ['a price and no currency', { currency: null }, '/currency'],
    ['a currency and no price', { priceMinor: null }, '/priceMinor'],
    ['no price, and a currency left out', { priceMinor: null, currency: undefined }, '/currency'],
    ['a javascript: address', { url: 'javascript:alert(1)' }, '/url'],
    ['a data: image', { imageUrl: 'data:image/png;base64,AA==' }, '/imageUrl'],
    ['archived in words', { archived: 'yes' }, '/archived'],
    ['the time of its archiving', { archivedAt: null }, '/archivedAt'],
    ['a time', { createdAt: '2026-11-22T10:20:00.000Z' }, '/createdAt'],
    ['a role', { role: 'owner' }, '/role'],
    ['a seq', { seq: 1 }, '/seq'],
  ])('with %s is invalid, alone and in a batch, when it is made and when it is changed', async (_, fields, path) => {
    const wrong = { ...BIKE, title: 'Wrong', ...fields }
    await putProduct('right', BIKE)
    const right = await productOf('right')
    for (const id of ['wrong', 'right']) {
      expect(await refusal(putProduct(id, wrong))).toEqual(invalid(path))
      const others = ['w-1', 'w-2', 'w-3'].map((other) => ({ ...BIKE, id: other }))
      expect(await refusal(putProducts([...others, { ...wrong, id }]))).toEqual(invalid(`/items/3${path}`))
    }
    expect(await productOf('right')).toEqual(right)
    for (const id of ['wrong', 'w-1']) expect(await refusal(shop.get(`/api/products/${id}`))).toEqual(NOT_FOUND)
  })

  test('that a person offered is the marketplace’s to change, and none of its is a person’s', async () => {
    const yuna = await parley.person('Yuna')
    const { id, ...kayak } = await yuna.offer('Kayak')
    const { body } = await told<Product>(putProduct(id, { ownerId: yuna.id, title: 'Kayak, red' }))
    expect(body).toEqual({ ...kayak, id, title: 'Kayak, red' })
    expect(await refusal(yuna.put(`/api/products/${id}`, { ownerId: yuna.id, title: 'Mine' }))).toEqual({
      status: 403,
      code: 'forbidden',
    })
  })

  test('that changes hands leaves its rooms with the owner that they have', async () => {
    const { owner: minji, customer: joon, product, roomId } = await parley.pair()
    await joon.send(roomId, 'Is it free on Saturday?')
    const sold = { ...product, ownerId: joon.id }
    expect((await told(putProduct(product.id, { ownerId: joon.id, title: product.title }))).body).toEqual(sold)
    expect((await minji.inbox()).items).toMatchObject([{ id: roomId, role: 'owner', product: sold }])
    expect((await joon.inbox()).items).toMatchObject([{ id: roomId, role: 'customer', owner: { id: minji.id } }])
    await minji.send(roomId, 'It is yours.')
    expect(await refusal(joon.post('/api/rooms', { productId: product.id }))).toEqual({ status: 422, code: 'invalid' })
    const { id, owner, customer } = await minji.openRoom(product.id)
    expect([id === roomId, owner.id, customer.id]).toEqual([false, joon.id, minji.id])
  })
})

describe('a batch of products', () => {
  const stock = (size: number, prefix = 'stock') =>
    Array.from({ length: size }, (_, n) => ({ id: `${prefix}-${n}`, ownerId: 'bora', title: `Nr ${n}` }))

  test('has up to a hundred, answered in the order in which they were sent, new ones and known ones', async () => {
    await putProduct('stock-57', BIKE)
    const sent = stock(100).reverse()
    const { status, body } = await told<ProductList>(putProducts(sent))
    expect(status).toBe(200)
    expect(body.items.map(({ id, ownerId, title }) => ({ id, ownerId, title }))).toEqual(sent)
    expect(body.items.filter(({ url }) => url !== null).map(({ id }) => id)).toEqual(['stock-57'])
    expect(await told(putProducts(sent))).toEqual({ status, body })
  })

  test.each([
    ['a hundred and one', stock(101, 'much')],
    ['nothing at all', []],
  ])('of %s is invalid', async (_, items) => {
    expect(await refusal(putProducts(items))).toEqual(invalid('/items'))
    expect(await refusal(shop.get('/api/products/much-0'))).toEqual(NOT_FOUND)
  })

  test.each([
    ['one of them twice', { id: 'duo-0', ownerId: 'bora', title: 'Twin' }, '/items/2/id'],
    ['an id with a space', { id: 'road bike', ownerId: 'bora', title: 'Bike' }, '/items/2/id'],
  ])('with %s is refused whole', async (_, third, path) => {
    expect(await refusal(putProducts([...stock(2, 'duo'), third]))).toEqual(invalid(path))
    expect(await refusal(shop.get('/api/products/duo-0'))).toEqual(NOT_FOUND)
  })
})
