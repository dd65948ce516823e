import { describe, expect, test } from 'bun:test'
import type { Problem } from '../src/lib/http/problem.ts'
import { networkOf } from '../src/lib/http/proxies.ts'
import { QUOTAS, Quotas } from '../src/lib/http/quotas.ts'
import { BY_SECRET, backend, hostPerson, mint, personBy } from './support/marketplace.ts'
import { RawSocket } from './support/raw-socket.ts'
import { type RunningParley, startParley } from './support/server.ts'

interface Told {
  status: number
  code: string | undefined
  retryAfter: string | null
  limit: (string | null)[]
}

async function told(answer: Response): Promise<Told> {
  const names = ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset']
  const { code } = answer.status < 300 ? {} : ((await answer.json()) as Partial<Problem>)
  const { status, headers } = answer
  return { status, code, retryAfter: headers.get('retry-after'), limit: names.map((name) => headers.get(name)) }
}

/** As a client behind a proxy that the server trusts. */
function post({ url }: RunningParley, path: string, body: object, from: string) {
  const headers = { 'content-type': 'application/json', 'x-forwarded-for': from }
  return fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
}

/** How the server answers an upgrade. */
async function knock(url: string, token: string, from: string) {
  using raw = await RawSocket.open(url, token, { 'X-Forwarded-For': from })
  const [, status] = /^HTTP\/1.1 (\d+)/.exec(raw.head) ?? []
  const [, retryAfter] = /^retry-after: (\d+)/im.exec(raw.head) ?? []
  return { status: Number(status), retryAfter: Number(retryAfter) }
}

const LETTERS = { username: 'Minji', password: 'correct horse battery' }

describe('one address', () => {
  test('signs up thirty times an hour, is told how many are left, and nobody else has less for it', async () => {
    await using parley = await startParley()
    let at = 0
    const signUp = async (from: string) =>
      told(await post(parley, '/api/accounts', { ...LETTERS, email: `minji.${++at}@example.com` }, from))
    const first = await signUp('198.51.100.7')
    expect(first).toMatchObject({ status: 201, limit: ['30', '29', '3600'] })
    // What is refused for another reason counts too.
    const rest = await Promise.all(
      Array.from({ length: 29 }, () => post(parley, '/api/accounts', { email: 'none' }, '198.51.100.7')),
    )
    expect(new Set(rest.map(({ status }) => status))).toEqual(new Set([422]))
    const over = await signUp('198.51.100.7')
    expect(over).toMatchObject({ status: 429, code: 'rate_limited', limit: ['30', '0', over.retryAfter] })
    expect(Number(over.retryAfter)).toBeWithin(3500, 3601)
    expect(await signUp('198.51.100.8')).toMatchObject({ status: 201 })
  })

  test('signs in wrongly thirty times in five minutes, and rightly as often as it likes', async () => {
    await using parley = await startParley()
    const { email, password } = await parley.person('Joon')
    const signIn = async (from: string, body = { email, password: 'a wrong password' }) =>
      told(await post(parley, '/api/sessions', body, from))
    for (let n = 0; n < 3; n++) expect((await signIn('2001:db8:1:2::7', { email, password })).status).toBe(201)
    for (let n = 0; n < 30; n++) expect((await signIn('2001:db8:1:2::7')).status).toBe(401)
    expect(await signIn('2001:db8:1:2:ffff::1', { email, password })).toMatchObject({
      status: 429,
      limit: ['30', '0', expect.any(String)],
    })
    expect(await signIn('2001:db8:1:3::7', { email, password })).toMatchObject({ status: 201 })
  })

  test('is not another one by a header, unless it is a trusted proxy that says so', async () => {
    await using parley = await startParley({ env: { PARLEY_TRUSTED_PROXIES: 'none' } })
    const answers = await Promise.all(
      Array.from({ length: 31 }, (_, at) => post(parley, '/api/accounts', {}, `198.51.100.${at}`)),
    )
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(1)
  })

  test('opens 120 sockets a minute without a good credential, and with one as before', async () => {
    await using parley = await startParley()
    const { customer, roomId } = await parley.pair()
    const url = `${parley.wsUrl}/ws/room/${roomId}/messages`
    for (let n = 0; n < 120; n++) expect((await knock(url, 'pls_wrong', '198.51.100.7')).status).toBe(101)
    const over = await knock(url, 'pls_wrong', '198.51.100.7')
    expect(over.status).toBe(429)
    expect(over.retryAfter).toBeWithin(1, 61)
    expect((await knock(url, customer.token, '198.51.100.7')).status).toBe(101)
    expect((await knock(url, 'pls_wrong', '198.51.100.8')).status).toBe(101)
  })

  test('has 512 sockets open, and another one when one of them was closed', async () => {
    await using parley = await startParley()
    const { customer, roomId } = await parley.pair()
    const dial = () => customer.connect(roomId, '', { 'x-forwarded-for': '198.51.100.7' })
    const sockets = await Promise.all(Array.from({ length: 512 }, dial))
    const url = `${parley.wsUrl}/ws/room/${roomId}/messages`
    expect(await knock(url, customer.token, '198.51.100.7')).toEqual({ status: 429, retryAfter: 10 })
    sockets[0]?.close()
    await sockets[0]?.closed
    using again = await dial()
    again.send({ message: 'hi' })
    expect(await again.next()).toMatchObject({ message: 'hi' })
    for (const socket of sockets) socket.close()
  })
})

test('one e-mail has a hundred wrong passwords an hour, from wherever they come', async () => {
  await using parley = await startParley()
  const { email, password } = await parley.person('Joon')
  let at = 0
  const signIn = async (body: object) => (await post(parley, '/api/sessions', body, `198.51.100.${++at % 200}`)).status
  const guess = () => signIn({ email: email.toUpperCase(), password: 'a wrong password' })
  // So many at a time as may wait for a password to be hashed.
  for (let n = 0; n < 4; n++) {
    expect(new Set(await Promise.all(Array.from({ length: 25 }, guess)))).toEqual(new Set([401]))
  }
  expect(await signIn({ email, password })).toBe(429)
  const other = await parley.person('Minji')
  expect(await signIn({ email: other.email, password: other.password })).toBe(201)
})

describe('one person', () => {
  test('sends twenty messages at once over all there is, whatever token they come with', async () => {
    await using parley = await startParley({ env: BY_SECRET })
    const minji = await hostPerson(parley, 'minji', 'Minji')
    const joon = await hostPerson(parley, 'joon', 'Joon')
    const { id } = await joon.openRoom((await minji.offer('Bike')).id)
    const other = personBy(parley, await mint({ sub: 'joon', name: 'Joon', jti: 'other' }))
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, at) => (at % 2 ? joon : other).post(`/api/rooms/${id}/messages`, { text: 'hi' })),
    )
    const refused = await Promise.all(answers.filter(({ status }) => status === 429).map(told))
    // A bucket fills while it is emptied: five a second.
    expect(refused.length).toBeWithin(1, 21)
    expect(refused[0]).toMatchObject({ code: 'rate_limited', retryAfter: '1', limit: ['20', '0', '1'] })
    // Also over a socket: at once, or as soon as more was sent than the bucket has filled meanwhile.
    using socket = await joon.connect(id)
    let answer: Record<string, unknown> = {}
    while (answer.code === undefined) {
      socket.send({ message: 'hi' })
      answer = (await socket.next()) as typeof answer
    }
    expect(answer).toMatchObject({ code: 'rate_limited' })
  })

  test('opens sixty rooms in a burst; rooms that are there, and those of the marketplace, are free', async () => {
    await using parley = await startParley({ env: BY_SECRET })
    const shop = backend(parley)
    const joon = await hostPerson(parley, 'joon', 'Joon')
    await joon.get('/api/me')
    await shop.put('/api/users/minji', { username: 'Minji' })
    const ids = Array.from({ length: 62 }, (_, at) => `p${at}`)
    const items = ids.map((id) => ({ id, ownerId: 'minji', title: 'Bike' }))
    await shop.put('/api/products', { items })
    const open = async (productId: string) => told(await joon.post('/api/rooms', { productId }))
    for (const id of ids.slice(0, 60)) expect((await open(id)).status).toBe(201)
    expect(await open('p60')).toMatchObject({
      status: 429,
      code: 'rate_limited',
      retryAfter: '60',
      limit: ['60', '0', '60'],
    })
    expect((await open('p0')).status).toBe(200)
    expect((await shop.post('/api/rooms', { productId: 'p61', customerId: 'joon' })).status).toBe(201)
  })

  test('gets sixty tickets a minute', async () => {
    await using parley = await startParley()
    const minji = await parley.person('Minji')
    const answers = await Promise.all(Array.from({ length: 61 }, () => minji.post('/api/tickets')))
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(60).fill(201), 429])
    expect((await (await parley.person('Joon')).post('/api/tickets')).status).toBe(201)
  })
})

test('with PARLEY_LIMITS=off there are none', async () => {
  await using parley = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  const answers = await Promise.all(Array.from({ length: 40 }, () => post(parley, '/api/accounts', {}, '198.51.100.7')))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([422]))
  expect(answers[0]?.headers.get('ratelimit-limit')).toBeNull()
})

test.each([
  ['203.0.113.9', '203.0.113.9'],
  ['::ffff:203.0.113.9', '203.0.113.9'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:0001:0002::', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['64:ff9b::203.0.113.9', '64:ff9b:0:0::/64'],
  ['', ''],
])('the network of %s is %s', (ip, network) => {
  expect(networkOf(ip)).toBe(network)
})

test('a quota that is used up comes back when its window ends, and takes no more memory for it', async () => {
  const quotas = new Quotas(true)
  for (let n = 0; n < QUOTAS.strangers.points; n++) await quotas.take('strangers', 'a')
  const error = await quotas.take('strangers', 'a').catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'rate_limited', quota: { limit: 120, remaining: 0 } })
  expect(await quotas.take('strangers', 'b')).toMatchObject({ limit: 120, remaining: 119 })
})
