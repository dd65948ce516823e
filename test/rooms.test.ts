import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Problem } from '../src/lib/http/problem.ts'
import type { ReadMark, Room, RoomPage, RoomSummary } from '../src/rooms/model.ts'
import type { Person } from './support/person.ts'
import { type RunningParley, startParley } from './support/server.ts'

let parley: RunningParley
let minji: Person
let joon: Person
/** Is in no room with either of them, unless a test says so. */
let mallory: Person

beforeAll(async () => {
  parley = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  ;[minji, joon, mallory] = await Promise.all([parley.person('Minji'), parley.person('Joon'), parley.person('Mallory')])
})
afterAll(() => parley[Symbol.asyncDispose]())

const open = (person: Person, productId: string) => person.post('/api/rooms', { productId })
const summary = async (person: Person, roomId: number) =>
  (await (await person.get(`/api/rooms/${roomId}`)).json()) as RoomSummary
const markRead = async (person: Person, roomId: number, seq: number) =>
  (await (await person.put(`/api/rooms/${roomId}/read-mark`, { seq })).json()) as ReadMark

/** A new product of the owner, and the customer's room about it. */
async function roomOf(owner: Person, customer: Person): Promise<Room> {
  const product = await owner.offer('Road bike')
  return customer.openRoom(product.id)
}

/** Two people whom no other test knows. */
async function strangers() {
  const [owner, customer] = await Promise.all([parley.person('Bora'), parley.person('Dan')])
  return { owner, customer }
}

async function idsIn(person: Person, query = ''): Promise<number[]> {
  const { items } = await person.inbox(query)
  return items.map(({ id }) => id)
}

/** The whole of a problem, but for what is new in each. */
async function refusal(response: Promise<Response>): Promise<object> {
  const { requestId, ...told } = (await (await response).json()) as Problem
  expect(requestId).toBeString()
  return told
}

describe('opening a room', () => {
  test('makes it the first time and finds it after, for the customer alone', async () => {
    const product = await minji.offer('Road bike', { priceMinor: 15_000, currency: 'KRW' })
    const first = await open(joon, product.id)
    expect(first.status).toBe(201)
    const room = (await first.json()) as Room
    expect(room).toEqual({
      id: expect.any(Number),
      product,
      owner: { id: minji.id, username: 'Minji' },
      customer: { id: joon.id, username: 'Joon' },
      lastSeq: 0,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    })
    const again = await open(joon, product.id)
    expect({ status: again.status, room: await again.json() }).toEqual({ status: 200, room })
    const other = await mallory.openRoom(product.id)
    expect(other.id).not.toBe(room.id)
  })

  test('twenty times at once makes one', async () => {
    const { id } = await minji.offer('Road bike')
    const answers = await Promise.all(Array.from({ length: 20 }, () => open(joon, id)))
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(19).fill(200), 201])
    const rooms = (await Promise.all(answers.map((answer) => answer.json()))) as Room[]
    expect(new Set(rooms.map((room) => room.id)).size).toBe(1)
  })

  test('about one’s own product is invalid', async () => {
    const { id } = await minji.offer('Road bike')
    expect(await refusal(open(minji, id))).toMatchObject({ status: 422, code: 'invalid' })
  })

  test('about an archived product finds the room that exists, and makes none', async () => {
    const product = await minji.offer('Road bike')
    const room = await joon.openRoom(product.id)
    await minji.call('DELETE', `/api/products/${product.id}`)
    const again = await open(joon, product.id)
    expect(again.status).toBe(200)
    expect(await again.json()).toEqual({ ...room, product: { ...product, archivedAt: expect.any(String) } })
    expect(await refusal(open(mallory, product.id))).toMatchObject({ status: 409, code: 'conflict' })
  })

  test.each([
    ['about an unknown product', { productId: 'nothing' }, 404, 'not_found'],
    ['about nothing', {}, 422, 'invalid'],
    ['about a number', { productId: 7 }, 422, 'invalid'],
    ['with another customer', { productId: 'nothing', customerId: 'joon' }, 422, 'invalid'],
    ['with another owner', { productId: 'nothing', ownerId: 'joon' }, 422, 'invalid'],
    ['with a role', { productId: 'nothing', role: 'owner' }, 422, 'invalid'],
  ])('%s is refused', async (_, body, status, code) => {
    expect(await refusal(joon.post('/api/rooms', body))).toMatchObject({ status, code })
  })
})

describe('a stranger', () => {
  const ROUTES: [method: string, path: string, body?: object][] = [
    ['GET', ''],
    ['GET', '/messages'],
    ['GET', '/messages?after=0'],
    ['POST', '/messages', { text: 'Sold!' }],
    ['POST', '/messages', { text: 'Sold!', clientId: 'one' }],
    ['PUT', '/read-mark', { seq: 1 }],
  ]
  const NOBODYS = ['999999', '0', '-1', 'abc', '1e3', '99999999999999999999', '1%00', '%27--']

  test.each(ROUTES)('can’t tell a room of others from none: %s /api/rooms/…%s', async (method, path, ...[body]) => {
    const room = await roomOf(minji, joon)
    await joon.send(room.id, 'Is it free on Saturday?')
    const told = await refusal(mallory.call(method, `/api/rooms/${room.id}${path}`, body))
    expect(told).toMatchObject({ status: 404, code: 'not_found' })
    for (const id of NOBODYS) {
      expect(await refusal(mallory.call(method, `/api/rooms/${id}${path}`, body))).toEqual(told)
    }
    expect(await summary(minji, room.id)).toMatchObject({
      ...{ lastSeq: 1, readSeq: 0, peerReadSeq: 1 },
      // What was read was received.
      peerDeliveredSeq: 1,
    })
    expect(await idsIn(mallory, `?productId=${room.product.id}`)).toEqual([])
  })
})

test.each(['0ID', 'ID.0', 'IDe0', '+ID', '%2BID', '%20ID', 'ID%20', '%09ID', '0xHEX'])(
  'a room is found by the digits of its number only, and not by %s',
  async (form) => {
    const { id } = await roomOf(minji, joon)
    const path = form.replace('ID', String(id)).replace('HEX', id.toString(16))
    const told = await refusal(joon.get('/api/rooms/999999'))
    expect(await refusal(joon.get(`/api/rooms/${path}`))).toEqual(told)
    expect(await refusal(joon.post(`/api/rooms/${path}/messages`, { text: 'hi' }))).toEqual(told)
    expect(await refusal(joon.put(`/api/rooms/${path}/read-mark`, { seq: 1 }))).toEqual(told)
    expect(await summary(joon, id)).toMatchObject({ lastSeq: 0 })
  },
)

describe('a room', () => {
  test('is seen from each side', async () => {
    const { id, ...room } = await roomOf(minji, joon)
    await joon.send(id, 'Is it free on Saturday?')
    const last = await joon.send(id, 'Hello?')
    await markRead(minji, id, 1)
    const shared = { id, ...room, lastSeq: 2, lastMessage: last, lastActivityAt: last.createdAt }
    const marks = { peerDeliveredSeq: expect.any(Number) }
    const owners = { ...shared, ...marks, role: 'owner', unread: 1, readSeq: 1, peerReadSeq: 2 } as const
    const customers = { ...shared, ...marks, role: 'customer', unread: 0, readSeq: 2, peerReadSeq: 1 } as const
    expect(await summary(minji, id)).toEqual(owners)
    expect(await summary(joon, id)).toEqual(customers)
    expect((await minji.inbox('?limit=1')).items).toEqual([owners])
    expect((await joon.inbox('?limit=1')).items).toEqual([customers])
  })

  test('stays hidden from its owner until somebody writes', async () => {
    const { owner, customer } = await strangers()
    const { id } = await roomOf(owner, customer)
    const none = { items: [], nextCursor: null }
    expect(await owner.inbox()).toEqual(none)
    expect(await customer.inbox()).toMatchObject({ items: [{ id, unread: 0, lastSeq: 0, lastMessage: null }] })
    await customer.send(id, 'Is it free on Saturday?')
    expect(await idsIn(owner)).toEqual([id])
  })
})

describe('the inbox', () => {
  test('has the newest activity first', async () => {
    const { owner, customer } = await strangers()
    const rooms: number[] = []
    for (let n = 0; n < 3; n++) rooms.push((await roomOf(owner, customer)).id)
    const [a = 0, b = 0, c = 0] = rooms
    for (const id of [a, b, c]) await customer.send(id, 'Is it free on Saturday?')
    expect(await idsIn(owner)).toEqual([c, b, a])
    await owner.send(a, 'It is.')
    expect(await idsIn(owner)).toEqual([a, c, b])
    await markRead(owner, b, 1)
    expect(await idsIn(customer)).toEqual([a, c, b])
  })

  test('is filtered by role, by product and by what is unread', async () => {
    const { owner: bora, customer: dan } = await strangers()
    const asOwner = await roomOf(bora, dan)
    const asCustomer = await roomOf(dan, bora)
    const another = await joon.openRoom(asOwner.product.id)
    await dan.send(asOwner.id, 'Is it free on Saturday?')
    await bora.send(asCustomer.id, 'And yours?')
    await joon.send(another.id, 'I would take it.')
    await markRead(bora, another.id, 1)
    expect(await idsIn(bora)).toEqual([another.id, asCustomer.id, asOwner.id])
    expect(await idsIn(bora, '?role=owner')).toEqual([another.id, asOwner.id])
    expect(await idsIn(bora, '?role=customer')).toEqual([asCustomer.id])
    expect(await idsIn(bora, `?productId=${asOwner.product.id}`)).toEqual([another.id, asOwner.id])
    expect(await idsIn(bora, '?unread=true')).toEqual([asOwner.id])
    expect(await idsIn(bora, '?unread=true&role=customer')).toEqual([])
    expect(await idsIn(bora, '?unread=false')).toEqual([another.id, asCustomer.id, asOwner.id])
    expect(await idsIn(bora, '?productId=nothing')).toEqual([])
  })

  test('is walked by its cursor, from both sides of many rooms: each once', async () => {
    const { owner: bora, customer: dan } = await strangers()
    const written: number[] = []
    const silent: number[] = []
    for (let n = 0; n < 45; n++) {
      const [owner, customer] = n % 2 ? [bora, dan] : [dan, bora]
      const { id } = await roomOf(owner, customer)
      // Bora's own, and empty, is hidden from her: these are the other ones.
      if (n % 10 === 0) silent.push(id)
      else written.push((await customer.send(id, 'Is it free on Saturday?')).roomId)
    }
    const seen: number[] = []
    let cursor: string | null = null
    do {
      const page: RoomPage = await bora.inbox(`?limit=7${cursor === null ? '' : `&cursor=${cursor}`}`)
      seen.push(...page.items.map(({ id }) => id))
      cursor = page.nextCursor
    } while (cursor !== null)
    expect(seen).toEqual([...written.reverse(), ...silent.reverse()])
    expect(await bora.inbox()).toMatchObject({ items: { length: 30 }, nextCursor: expect.any(String) })
    expect(await bora.inbox('?limit=45')).toMatchObject({ items: { length: 45 }, nextCursor: null })
  })

  test.each([
    ['cursor=garbage', 400, 'bad_request', undefined],
    ['cursor=', 400, 'bad_request', undefined],
    ['cursor=MQ', 400, 'bad_request', undefined],
    ['limit=0', 422, 'invalid', '/limit'],
    ['limit=101', 422, 'invalid', '/limit'],
    ['limit=x', 422, 'invalid', '/limit'],
    ['role=admin', 422, 'invalid', '/role'],
    ['unread=maybe', 422, 'invalid', '/unread'],
    ['userId=joon', 422, 'invalid', '/userId'],
  ])('refuses ?%s', async (query, status, code, path) => {
    const errors = path === undefined ? {} : { errors: [{ path, message: expect.any(String) }] }
    expect(await refusal(joon.get(`/api/rooms?${query}`))).toMatchObject({ status, code, ...errors })
  })
})

describe('a read mark', () => {
  test('only moves forward, and never past the end', async () => {
    const { id } = await roomOf(minji, joon)
    for (const text of ['One', 'Two', 'Three']) await joon.send(id, text)
    expect(await markRead(minji, id, 2)).toMatchObject({ readSeq: 2, unread: 1 })
    expect(await markRead(minji, id, 1)).toMatchObject({ readSeq: 2, unread: 1 })
    expect(await markRead(minji, id, 0)).toMatchObject({ readSeq: 2, unread: 1 })
    expect(await markRead(minji, id, 1000)).toMatchObject({ readSeq: 3, unread: 0 })
    await joon.send(id, 'Four')
    expect(await summary(minji, id)).toMatchObject({ readSeq: 3, unread: 1 })
    expect(await summary(joon, id)).toMatchObject({ peerReadSeq: 3, unread: 0 })
  })

  test('moves with what one sends oneself, which is never unread', async () => {
    const { id } = await roomOf(minji, joon)
    await joon.send(id, 'Is it free on Saturday?')
    await minji.send(id, 'It is.')
    expect(await summary(minji, id)).toMatchObject({ readSeq: 2, unread: 0, peerReadSeq: 1 })
    expect(await summary(joon, id)).toMatchObject({ readSeq: 1, unread: 1, peerReadSeq: 2 })
  })

  test('tells what is left in all rooms, on either side of them', async () => {
    const { owner: bora, customer: dan } = await strangers()
    const asOwner = await roomOf(bora, dan)
    const asCustomer = await roomOf(dan, bora)
    for (const text of ['One', 'Two', 'Three']) await dan.send(asOwner.id, text)
    for (const text of ['One', 'Two']) await dan.send(asCustomer.id, text)
    expect(await markRead(bora, asOwner.id, 1)).toEqual({ readSeq: 1, unread: 2, totalUnread: 4 })
    expect(await markRead(bora, asCustomer.id, 2)).toEqual({ readSeq: 2, unread: 0, totalUnread: 2 })
    expect(await markRead(dan, asOwner.id, 3)).toEqual({ readSeq: 3, unread: 0, totalUnread: 0 })
  })

  test.each([
    ['below zero', { seq: -1 }, '/seq'],
    ['of a fraction', { seq: 1.5 }, '/seq'],
    ['of a text', { seq: '1' }, '/seq'],
    ['of null', { seq: null }, '/seq'],
    ['of nothing', {}, '/seq'],
    ['for a role', { seq: 1, role: 'customer' }, '/role'],
  ])('%s is invalid', async (_, body, path) => {
    const { id } = await roomOf(minji, joon)
    expect(await refusal(minji.put(`/api/rooms/${id}/read-mark`, body))).toMatchObject({
      ...{ status: 422, code: 'invalid' },
      errors: [{ path, message: expect.any(String) }],
    })
  })
})
