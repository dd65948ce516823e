import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { SessionGrant } from '../src/accounts/model.ts'
import type { Message } from '../src/messages/model.ts'
import type { Product } from '../src/products/model.ts'
import type { ManagedUser } from '../src/users/model.ts'
import { invalid, NOT_FOUND, refusal, statusOf } from './support/answers.ts'
import { runCommand } from './support/command.ts'
import { BY_SECRET, backend, hostPerson, seconds } from './support/marketplace.ts'
import { Person } from './support/person.ts'
import { type RunningParley, signIn, startParley } from './support/server.ts'

let parley: RunningParley
/** The marketplace's backend. */
let shop: Person

beforeAll(async () => {
  parley = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  shop = backend(parley)
})
afterAll(() => parley[Symbol.asyncDispose]())

const disconnect = (id: string) => shop.post(`/api/users/${id}/disconnect`)
const exportOf = (id: string) => shop.get(`/api/users/${id}/export`)
const erase = (id: string, query = '') => shop.call('DELETE', `/api/users/${id}${query}`)
const bodyOf = async <T>(response: Promise<Response>) => (await (await response).json()) as T

/** Another session of the same person. */
async function elsewhere(person: Person): Promise<Person> {
  const { email, password } = person
  return new Person(parley, { ...(await bodyOf<SessionGrant>(signIn(parley.url, person))), email, password })
}

const UNAUTHENTICATED = { status: 401, code: 'unauthenticated' }

test('nobody is exported: not found', async () => {
  expect(await refusal(exportOf('nobody'))).toEqual(NOT_FOUND)
})

test.each<[string, (by: Person, id: string) => Promise<Response>, number]>([
  ['disconnected', (by, id) => by.post(`/api/users/${id}/disconnect`), 401],
  ['erased', (by, id) => by.call('DELETE', `/api/users/${id}`), 403],
])('who is %s before they ever came does not come with an old token', async (what, end, status) => {
  await using server = await startParley({ env: BY_SECRET })
  const dan = await hostPerson(server, `dan-${what}`, 'Dan', { iat: seconds(-60) })
  expect(await statusOf(end(backend(server), dan.id))).toBe(204)
  expect(await statusOf(dan.get('/api/me'))).toBe(status)
})

test('who is erased with their messages has left nothing in the files, after a clean stop', async () => {
  await using server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  const { customer, roomId } = await server.pair('Minji', 'Hanseomin')
  const sends = Array.from({ length: 200 }, (_, n) =>
    customer.send(roomId, `my-number-is ${n} ${'x'.repeat(n * 10)}`, `the-client-id-${n}`),
  )
  await Promise.all(sends)
  const ended = backend(server).call('DELETE', `/api/users/${customer.id}?messages=delete`)
  expect(await statusOf(ended)).toBe(204)
  expect(await server.stop('SIGTERM')).toBe(0)
  const files = await Promise.all(
    readdirSync(server.dataDir).map((name) => Bun.file(join(server.dataDir, name)).bytes()),
  )
  const left = Buffer.concat(files).toString('latin1').toLowerCase()
  for (const trace of ['my-number-is', 'the-client-id', 'hanseomin']) expect(left).not.toContain(trace)
})

test('who is disconnected is signed out everywhere, and may sign in again', async () => {
  const { owner, customer: phone, roomId } = await parley.pair()
  const laptop = await elsewhere(phone)
  const sockets = [await phone.connect(roomId), await laptop.connect(roomId)]
  using other = await owner.connect(roomId)
  expect(await statusOf(disconnect(phone.id))).toBe(204)
  for (const socket of sockets) expect((await socket.closed).code).toBe(4401)
  for (const person of [phone, laptop]) expect(await refusal(person.get('/api/me'))).toEqual(UNAUTHENTICATED)
  const back = await elsewhere(phone)
  using again = await back.connect(roomId)
  again.send({ message: 'Here again.' })
  expect(await other.next()).toMatchObject({ message: 'Here again.', sender_id: phone.id })
  expect(await statusOf(disconnect(phone.id))).toBe(204)
  expect((await again.closed).code).toBe(4401)
})

describe('an export', () => {
  type Line =
    | { type: 'user'; user: ManagedUser }
    | { type: 'product'; product: Product }
    | { type: 'room'; room: { id: number; role: string } }
    | { type: 'message'; message: Message }
    | { type: 'end'; products: number; rooms: number; messages: number }

  const linesOf = (text: string): Line[] =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))

  async function fill(roomId: number, people: Person[], count: number) {
    const sends = Array.from({ length: count }, (_, n) => people[n % people.length]?.send(roomId, `Message ${n + 1}`))
    await Promise.all(sends)
  }

  test('has the person, their products, and their rooms, each with its messages; the end counts them', async () => {
    const [nari, dan] = await Promise.all([parley.person('Nari'), parley.person('Dan')])
    const [tent, stove] = [await nari.offer('Tent'), await nari.offer('Stove')]
    await nari.call('DELETE', `/api/products/${stove.id}`)
    const asOwner = await dan.openRoom(tent.id)
    const asCustomer = await nari.openRoom((await dan.offer('Kayak')).id)
    const empty = await nari.openRoom((await dan.offer('Paddle')).id)
    await fill(asOwner.id, [dan, nari], 450)
    await fill(asCustomer.id, [nari], 30)
    await shop.post(`/api/rooms/${asOwner.id}/messages`, { text: 'Paid.' })

    const response = await exportOf(nari.id)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/x-ndjson'])
    expect(response.headers.get('content-length')).toBeNull()
    const text = await response.text()
    expect(text).toEndWith('}\n')
    const [user, ...lines] = linesOf(text)
    expect(user).toEqual({ type: 'user', user: await bodyOf(shop.get(`/api/users/${nari.id}`)) })
    const archived = await bodyOf<Product>(nari.get(`/api/products/${stove.id}`))
    const rooms: Line[] = []
    for (const { id } of [asOwner, asCustomer, empty]) {
      const { lastMessage: _, ...room } = await bodyOf<{ lastMessage: unknown; id: number; role: string }>(
        nari.get(`/api/rooms/${id}`),
      )
      const messages = await nari.history(id)
      rooms.push({ type: 'room', room }, ...messages.map((message) => ({ type: 'message', message }) as const))
    }
    expect(lines).toEqual([
      { type: 'product', product: tent },
      { type: 'product', product: archived },
      ...rooms,
      { type: 'end', products: 2, rooms: 3, messages: 481 },
    ])
    expect(text).not.toContain('argon2')
  })

  test('has whom nobody can sign in, and what they have: nothing', async () => {
    await shop.put('/api/users/mina', { username: 'Mina', disabled: true })
    expect(linesOf(await (await exportOf('mina')).text())).toEqual([
      { type: 'user', user: await bodyOf(shop.get('/api/users/mina')) },
      { type: 'end', products: 0, rooms: 0, messages: 0 },
    ])
  })

  test('has exactly two hundred and four hundred messages, where pages end', async () => {
    const { owner, customer, roomId } = await parley.pair()
    for (const count of [200, 400]) {
      await fill(roomId, [customer, owner], 200)
      const seqs = linesOf(await (await exportOf(owner.id)).text()).flatMap((line) =>
        line.type === 'message' ? [line.message.seq] : [],
      )
      expect(seqs).toEqual(Array.from({ length: count }, (_, at) => at + 1))
    }
  })

  test('is written as it is read: a key that is revoked meanwhile gets no more, and no end that looks like one', async () => {
    const { customer, roomId } = await parley.pair()
    const text = '가'.repeat(4000)
    for (let round = 0; round < 15; round++) {
      await Promise.all(Array.from({ length: 100 }, () => customer.send(roomId, text)))
    }
    const made = await runCommand(['key', 'create', '--name', 'exporter', '--scopes', 'privacy'], parley)
    await using slow = await askSlowly(`/api/users/${customer.id}/export`, made.out.trim())
    await slow.begun
    expect((await runCommand(['key', 'revoke', 'exporter'], parley)).code).toBe(0)
    const received = await slow.rest()
    expect(received.head).toMatch(/^HTTP\/1.1 200 /)
    expect(received.body).toContain('{"type":"user"')
    expect(received.body).not.toContain('{"type":"end"')
    // What would end a chunked body as it should.
    expect(received.body).not.toEndWith('\r\n0\r\n\r\n')
    expect((await (await exportOf(customer.id)).text()).trimEnd()).toEndWith('"messages":1500}')
  })

  /** Asks on bare TCP, and takes nothing off the connection after the first bytes until told to. */
  async function askSlowly(path: string, key: string) {
    const { hostname, port } = new URL(parley.url)
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
    const { promise: closed, resolve: close } = Promise.withResolvers<void>()
    const chunks: Buffer[] = []
    const socket = await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        data(own, data) {
          if (chunks.push(Buffer.from(data)) > 1) return
          own.pause()
          begin()
        },
        close: () => close(),
        error: () => close(),
      },
    })
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${key}\r\nConnection: close\r\n\r\n`,
    )
    const rest = async () => {
      socket.resume()
      await closed
      const all = Buffer.concat(chunks).toString()
      const end = all.indexOf('\r\n\r\n')
      return { head: all.slice(0, end), body: all.slice(end) }
    }
    return { begun, rest, [Symbol.asyncDispose]: async () => void socket.terminate() }
  }
})

describe('erasing', () => {
  const GONE = 'Deleted user'

  /** Hana and Dan have a room about her bike: she wrote 1 and 3, he wrote 2, the marketplace 4. */
  async function story() {
    const [hana, dan] = await Promise.all([parley.person('Hana Unforgotten'), parley.person('Dan')])
    const bike = await hana.offer('Road bike')
    const { id: roomId } = await dan.openRoom(bike.id)
    await hana.send(roomId, 'Hello from Hana', 'hana-1')
    await dan.send(roomId, 'Is it free on Saturday?')
    await hana.send(roomId, 'It is.')
    await shop.post(`/api/rooms/${roomId}/messages`, { text: 'Reserved.' })
    return { hana, dan, bike, roomId, before: await dan.history(roomId) }
  }

  test('takes the name away everywhere; the messages stay in their places without it', async () => {
    const { hana, dan, bike, roomId, before } = await story()
    const asCustomer = await hana.openRoom((await dan.offer('Kayak')).id)
    await hana.send(asCustomer.id, 'And yours?')
    expect(await statusOf(erase(hana.id))).toBe(204)

    const sender = { id: hana.id, username: GONE }
    const nameless = before.map((message) => (message.sender?.id === hana.id ? { ...message, sender } : message))
    expect(await dan.history(roomId)).toEqual(nameless)
    const { items } = await dan.inbox()
    expect(items).toMatchObject([
      { id: asCustomer.id, owner: { id: dan.id }, customer: sender, lastMessage: { text: 'And yours?', sender } },
      { id: roomId, owner: sender, customer: { id: dan.id }, product: { ...bike, archivedAt: expect.any(String) } },
    ])
    expect(await bodyOf<object>(dan.get(`/api/rooms/${roomId}`))).toMatchObject({ owner: sender })
    const seen = JSON.stringify([items, await dan.history(roomId), await (await exportOf(dan.id)).text()])
    for (const trace of [hana.username, hana.email]) expect(seen).not.toContain(trace)
    expect((await runCommand(['user', 'list'], parley)).out).not.toContain(hana.username)
  })

  test('ends their sessions and closes their sockets for good, and no one else’s', async () => {
    const { hana, dan, roomId } = await story()
    const laptop = await elsewhere(hana)
    const sockets = [await hana.connect(roomId), await laptop.connect(roomId)]
    using other = await dan.connect(roomId)
    expect(await statusOf(erase(hana.id))).toBe(204)
    for (const socket of sockets) expect((await socket.closed).code).toBe(4403)
    for (const person of [hana, laptop]) expect(await refusal(person.get('/api/me'))).toEqual(UNAUTHENTICATED)
    expect(await refusal(signIn(parley.url, hana))).toEqual(UNAUTHENTICATED)
    other.send({ message: 'Are you there?' })
    expect(await other.next()).toMatchObject({ message: 'Are you there?', sender_id: dan.id })
  })

  test('archives what they offered, and opens no room for them or about it', async () => {
    const { hana, dan, bike } = await story()
    const old = await hana.offer('Tent')
    await hana.call('DELETE', `/api/products/${old.id}`)
    const { archivedAt } = await bodyOf<Product>(dan.get(`/api/products/${old.id}`))
    await erase(hana.id)
    expect(await bodyOf<object>(dan.get(`/api/products?ownerId=${hana.id}`))).toMatchObject({ items: [] })
    expect(await bodyOf<object>(dan.get(`/api/products/${old.id}`))).toMatchObject({ archivedAt })
    const mina = await parley.person('Mina')
    expect(await refusal(mina.post('/api/rooms', { productId: bike.id }))).toEqual({ status: 409, code: 'conflict' })
    const { id: productId } = await dan.offer('Kayak')
    expect(await refusal(shop.post('/api/rooms', { productId, customerId: hana.id }))).toEqual(invalid('/customerId'))
    const product = { ownerId: hana.id, title: bike.title, archived: false }
    expect(await refusal(shop.put(`/api/products/${bike.id}`, product))).toEqual(invalid('/ownerId'))
  })

  test('is for good: the id is nobody’s any more, and the e-mail is free', async () => {
    const { hana } = await story()
    for (let again = 0; again < 3; again++) expect(await statusOf(erase(hana.id))).toBe(204)
    for (const disabled of [undefined, false, true]) {
      const answer = refusal(shop.put(`/api/users/${hana.id}`, { username: 'Hana', disabled }))
      expect(await answer).toEqual({ status: 409, code: 'conflict', paths: ['/userId'] })
    }
    expect(await refusal(shop.get(`/api/users/${hana.id}`))).toEqual(NOT_FOUND)
    expect(await refusal(exportOf(hana.id))).toEqual(NOT_FOUND)
    const { code, err } = await runCommand(['user', 'enable', hana.id], parley)
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining(hana.id) })
    const { email, password } = hana
    const account = { email, password, username: 'Another Hana' }
    const { user } = await bodyOf<SessionGrant>(shop.post('/api/accounts', account, { 'x-forwarded-for': '10.9.9.9' }))
    expect(user).toMatchObject({ email, username: 'Another Hana' })
    expect(user.id).not.toBe(hana.id)
  })

  test('with the messages takes their texts away, and leaves places, times and what others wrote', async () => {
    const { hana, dan, roomId, before } = await story()
    expect(await statusOf(erase(hana.id, '?messages=delete'))).toBe(204)
    const after = await dan.history(roomId)
    const emptied = { kind: 'deleted', text: '', clientId: null, sender: { id: hana.id, username: GONE } }
    const theirs = (message: Message) => message.sender?.id === hana.id
    expect(after).toEqual(before.map((message) => (theirs(message) ? { ...message, ...emptied } : message)))
    expect(after.map(({ seq, kind }) => [seq, kind])).toEqual([
      [1, 'deleted'],
      [2, 'text'],
      [3, 'deleted'],
      [4, 'system'],
    ])
    const exported = await (await exportOf(dan.id)).text()
    for (const { text } of before.filter(theirs)) expect(exported).not.toContain(text)
    expect(await dan.send(roomId, 'Goodbye.')).toMatchObject({ seq: 5 })
    using replayed = await dan.connect(roomId, '?after=0')
    expect((await replayed.take(3)).map(({ seq }) => seq)).toEqual([2, 4, 5])
    expect(await statusOf(erase(hana.id, '?messages=delete'))).toBe(204)
    expect((await dan.history(roomId)).slice(0, 4)).toEqual(after)
  })

  test('may take the texts away later, in any number of rooms', async () => {
    const [hana, dan] = await Promise.all([parley.person('Hana'), parley.person('Dan')])
    const rooms: number[] = []
    for (let n = 0; n < 45; n++) {
      const [owner, customer] = n % 2 ? [hana, dan] : [dan, hana]
      const { id } = await customer.openRoom((await owner.offer(`Paddle ${n}`)).id)
      await Promise.all([hana.send(id, 'By Hana'), dan.send(id, 'By Dan')])
      rooms.push(id)
    }
    const texts = async () =>
      Promise.all(
        rooms.map(async (id) =>
          (await dan.history(id))
            .map(({ text }) => text)
            .toSorted()
            .join('|'),
        ),
      )
    const lonely = await hana.openRoom((await dan.offer('Oar')).id)
    await hana.send(lonely.id, 'By Hana')
    const newest = async () =>
      new Set((await dan.inbox('?limit=100')).items.map(({ lastMessage }) => lastMessage?.text))
    expect(await statusOf(erase(hana.id, '?messages=keep'))).toBe(204)
    expect(new Set(await texts())).toEqual(new Set(['By Dan|By Hana']))
    expect(await statusOf(erase(hana.id, '?messages=delete'))).toBe(204)
    expect(new Set(await texts())).toEqual(new Set(['|By Dan']))
    // What is newest in each room is the newest that has something to show.
    expect(await newest()).toEqual(new Set(['By Dan', undefined]))
    expect(await dan.history(lonely.id)).toMatchObject([{ seq: 1, kind: 'deleted', text: '' }])
  })

  test.each([
    ['?messages=shred', '/messages'],
    ['?messages=', '/messages'],
    ['?message=delete', '/message'],
  ])('is not done with %s', async (query, path) => {
    const yuna = await parley.person('Yuna')
    expect(await refusal(erase(yuna.id, query))).toEqual({ status: 422, code: 'invalid', paths: [path] })
    expect(await statusOf(yuna.get('/api/me'))).toBe(200)
  })
})
