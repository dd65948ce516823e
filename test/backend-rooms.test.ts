import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Message } from '../src/messages/model.ts'
import type { ReadMark, Room } from '../src/rooms/model.ts'
import { invalid, NOT_FOUND, refusal, statusOf, told } from './support/answers.ts'
import { backend } from './support/marketplace.ts'
import type { Person } from './support/person.ts'
import { type RunningParley, startParley } from './support/server.ts'
import type { TestSocket } from './support/socket.ts'

let parley: RunningParley
/** The marketplace's backend. */
let shop: Person
let minji: Person
let joon: Person

beforeAll(async () => {
  parley = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  shop = backend(parley)
  ;[minji, joon] = await Promise.all([parley.person('Minji'), parley.person('Joon')])
})
afterAll(() => parley[Symbol.asyncDispose]())

const open = (productId: string, customerId: string) => shop.post('/api/rooms', { productId, customerId })
const announce = (roomId: number | string, draft: object, headers?: Record<string, string>) =>
  shop.post(`/api/rooms/${roomId}/messages`, draft, headers)

/** A new product of Minji's, and Joon's room about it. */
async function newRoom(): Promise<Room> {
  const { id } = await minji.offer('Road bike')
  return joon.openRoom(id)
}

describe('a room that the marketplace opens', () => {
  test('is the customer’s: 201 the first time, and the same one after, whoever asks', async () => {
    const product = await minji.offer('Road bike')
    const first = await told<Room>(open(product.id, joon.id))
    expect(first).toMatchObject({
      status: 201,
      body: { product, owner: { id: minji.id }, customer: { id: joon.id, username: 'Joon' }, lastSeq: 0 },
    })
    expect(await told(open(product.id, joon.id))).toEqual({ status: 200, body: first.body })
    expect(await told(joon.post('/api/rooms', { productId: product.id }))).toEqual({ status: 200, body: first.body })
    await joon.send(first.body.id, 'Is it free on Saturday?')
    expect((await minji.inbox('?limit=1')).items).toMatchObject([{ id: first.body.id, role: 'owner', unread: 1 }])
  })

  test('is one, however many requests open it at once', async () => {
    const { id } = await minji.offer('Road bike')
    const asked = await Promise.all(Array.from({ length: 20 }, () => told<Room>(open(id, joon.id))))
    expect(asked.map(({ status }) => status).toSorted()).toEqual([...Array(19).fill(200), 201])
    expect(new Set(asked.map(({ body }) => body.id)).size).toBe(1)
  })

  test('is for people whom it has sent, who never came here themselves', async () => {
    for (const [id, username] of [
      ['sora', 'Sora'],
      ['dan', 'Dan'],
    ]) {
      expect(await statusOf(shop.put(`/api/users/${id}`, { username }))).toBe(201)
    }
    expect(await statusOf(shop.put('/api/products/kayak', { ownerId: 'sora', title: 'Kayak' }))).toBe(201)
    const [sora, dan] = [
      { id: 'sora', username: 'Sora' },
      { id: 'dan', username: 'Dan' },
    ]
    expect(await told(open('kayak', 'dan'))).toMatchObject({ status: 201, body: { owner: sora, customer: dan } })
  })

  test('needs a customer who is known, and a product of somebody else’s that is there', async () => {
    const { id: productId } = await minji.offer('Road bike')
    const ask = (body: object) => refusal(shop.post('/api/rooms', body))
    expect(await ask({ productId })).toEqual(invalid('/customerId'))
    expect(await ask({ productId, customerId: 'nobody' })).toEqual(invalid('/customerId'))
    expect(await ask({ productId, customerId: '' })).toEqual(invalid('/customerId'))
    expect(await ask({ productId, customerId: null })).toEqual(invalid('/customerId'))
    expect(await ask({ customerId: joon.id })).toEqual(invalid('/productId'))
    expect(await ask({ productId, customerId: joon.id, ownerId: minji.id })).toEqual(invalid('/ownerId'))
    expect(await ask({ productId, customerId: minji.id })).toEqual({ status: 422, code: 'invalid' })
    expect(await ask({ productId: 'nothing', customerId: joon.id })).toEqual(NOT_FOUND)
  })

  test('about an archived product is found, and not made', async () => {
    const { product, id } = await newRoom()
    await minji.call('DELETE', `/api/products/${product.id}`)
    expect(await told(open(product.id, joon.id))).toMatchObject({ status: 200, body: { id } })
    const mina = await parley.person('Mina')
    expect(await refusal(open(product.id, mina.id))).toEqual({ status: 409, code: 'conflict' })
  })

  test('is nothing that a person opens for another, or by naming themselves', async () => {
    const { id: productId } = await minji.offer('Road bike')
    for (const customerId of [minji.id, joon.id, 'nobody']) {
      expect(await refusal(joon.post('/api/rooms', { productId, customerId }))).toEqual(invalid('/customerId'))
    }
    expect((await joon.inbox(`?productId=${productId}`)).items).toEqual([])
  })
})

describe('a system message', () => {
  /** Is in the room: what it sends comes back. */
  async function entered(socket: TestSocket): Promise<TestSocket> {
    socket.send({ message: 'here' })
    await socket.next()
    return socket
  }

  const readTo = async (person: Person, roomId: number, seq: number) =>
    (await told<ReadMark>(person.put(`/api/rooms/${roomId}/read-mark`, { seq }))).body

  test('is seen by both people on their sockets and in the history, and nobody sent it', async () => {
    const { id } = await newRoom()
    using owners = await entered(await minji.connect(id))
    using customers = await entered(await joon.connect(id))
    await owners.next()
    const { status, body: sent } = await told<Message>(announce(id, { text: 'Paid: 15,000\r\nwon' }))
    expect({ status, ...sent }).toEqual({
      ...{ status: 201, roomId: id, seq: 3, kind: 'system', sender: null, clientId: null },
      ...{ text: 'Paid: 15,000\nwon', createdAt: expect.any(String) },
    })
    for (const socket of [owners, customers]) {
      expect(await socket.next()).toEqual({
        ...{ message: sent.text, sender_username: '', sender_id: null, room_id: id, seq: 3 },
        sent_at: sent.createdAt,
      })
    }
    for (const person of [minji, joon]) expect((await person.history(id)).at(-1)).toEqual(sent)
    using replayed = await joon.connect(id, '?after=2')
    expect(await replayed.next()).toMatchObject({ message: sent.text, sender_id: null, seq: 3 })
  })

  test('is not unread, on either side, and neither is what a person has read past it', async () => {
    const [owner, customer] = await Promise.all([parley.person('Bora'), parley.person('Dan')])
    const { id } = await customer.openRoom((await owner.offer('Tent')).id)
    await customer.send(id, 'Is it free on Saturday?')
    for (const text of ['Reserved until Friday.', 'Paid.']) await announce(id, { text })
    await customer.send(id, 'Hello?')
    await announce(id, { text: 'Handed over.' })
    expect((await owner.inbox()).items).toMatchObject([{ id, unread: 2, lastSeq: 5, readSeq: 0 }])
    expect((await customer.inbox()).items).toMatchObject([{ id, unread: 0, lastSeq: 5, readSeq: 4 }])
    for (const [seq, unread] of [
      [1, 1],
      [3, 1],
      [4, 0],
      [5, 0],
    ] as const) {
      expect(await readTo(owner, id, seq)).toEqual({ readSeq: seq, unread, totalUnread: unread })
    }
    expect((await owner.inbox('?unread=true')).items).toEqual([])
  })

  test('is the newest of its room, which goes to the top of both inboxes', async () => {
    const [owner, customer] = await Promise.all([parley.person('Bora'), parley.person('Dan')])
    const rooms: number[] = []
    for (const title of ['Tent', 'Stove']) rooms.push((await customer.openRoom((await owner.offer(title)).id)).id)
    const [tent = 0, stove = 0] = rooms
    for (const id of [tent, stove]) await customer.send(id, 'Is it free on Saturday?')
    const { body: sent } = await told<Message>(announce(tent, { text: 'Paid.' }))
    for (const person of [owner, customer]) {
      expect((await person.inbox()).items).toMatchObject([{ id: tent, lastMessage: sent }, { id: stove }])
    }
  })

  test('alone leaves a room hidden from its owner until somebody writes', async () => {
    const [owner, customer] = await Promise.all([parley.person('Bora'), parley.person('Dan')])
    const { id } = await customer.openRoom((await owner.offer('Tent')).id)
    await announce(id, { text: 'Dan looks at your tent.' })
    expect((await owner.inbox()).items).toEqual([])
    expect((await customer.inbox()).items).toMatchObject([{ id, unread: 0, lastMessage: { kind: 'system' } }])
    await customer.send(id, 'Is it free on Saturday?')
    expect((await owner.inbox()).items).toMatchObject([{ id, unread: 1, lastSeq: 2 }])
  })

  test('is posted once under a client id, by either of its names, whatever a person calls theirs', async () => {
    const { id } = await newRoom()
    const draft = { text: 'Paid.', clientId: 'order-7' }
    const first = await told<Message>(announce(id, draft))
    expect(first).toMatchObject({ status: 201, body: { seq: 1, clientId: 'order-7' } })
    expect(await told(announce(id, draft))).toEqual({ status: 200, body: first.body })
    expect(await told(announce(id, { text: 'Paid.' }, { 'idempotency-key': 'order-7' }))).toEqual({
      status: 200,
      body: first.body,
    })
    const reused = { status: 409, code: 'client_id_reused' }
    expect(await refusal(announce(id, { ...draft, text: 'Paid again.' }))).toEqual(reused)
    expect(await joon.send(id, 'I have paid.', 'order-7')).toMatchObject({ seq: 2, kind: 'text' })
    expect(await told(announce(id, draft))).toEqual({ status: 200, body: first.body })
    expect((await joon.history(id)).map(({ text }) => text)).toEqual(['Paid.', 'I have paid.'])
  })

  test('is posted once, however many requests post it at once, and seen once', async () => {
    const { id } = await newRoom()
    using socket = await entered(await joon.connect(id))
    const asked = Array.from({ length: 20 }, () => statusOf(announce(id, { text: 'Paid.', clientId: 'order-8' })))
    expect((await Promise.all(asked)).toSorted()).toEqual([...Array(19).fill(200), 201])
    socket.send({ message: 'Thank you.' })
    expect((await socket.take(2)).map(({ message }) => message)).toEqual(['Paid.', 'Thank you.'])
    expect((await minji.history(id)).map(({ text }) => text)).toEqual(['here', 'Paid.', 'Thank you.'])
  })

  test.each([
    ['no text', { text: undefined }, '/text'],
    ['a blank text', { text: ' \n' }, '/text'],
    ['a text of 4,001 characters', { text: 'a'.repeat(4001) }, '/text'],
    ['a text with NUL', { text: 'Pa\0id' }, '/text'],
    ['a sender', { senderId: 'minji' }, '/senderId'],
    ['a kind', { kind: 'text' }, '/kind'],
    ['a seq', { seq: 1 }, '/seq'],
    ['a client id with a space', { clientId: 'order 7' }, '/clientId'],
  ])('with %s is invalid', async (_, fields, path) => {
    const { id } = await newRoom()
    expect(await refusal(announce(id, { text: 'Paid.', ...fields }))).toEqual(invalid(path))
    expect(await joon.history(id)).toEqual([])
  })

  test.each(['0', '999999', '1e0', 'abc'])('goes to no room that is not there: %s', async (roomId) => {
    expect(await refusal(announce(roomId, { text: 'Paid.' }))).toEqual(NOT_FOUND)
  })
})
