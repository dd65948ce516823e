import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SessionGrant } from '../src/accounts/model.ts'
import type { Ticket } from '../src/auth/model.ts'
import type { Problem } from '../src/lib/http/problem.ts'
import type { User } from '../src/users/model.ts'
import { Person } from './support/person.ts'
import { type RunningParley, startParley } from './support/server.ts'
import { openSocket } from './support/socket.ts'

const SHOP = 'https://shop.example'
const PASSWORD = 'correct horse battery'
const HANEUL = { email: 'haneul@example.com', username: 'Haneul', password: PASSWORD }

let parley: RunningParley
/** Has a room with Joon. */
let minji: Person
let joon: Person
let roomId: number

beforeAll(async () => {
  parley = await startParley({ env: { PARLEY_ALLOWED_ORIGINS: SHOP, PARLEY_LIMITS: 'off' } })
  const pair = await parley.pair('Minji', 'Joon')
  minji = pair.owner
  joon = pair.customer
  roomId = pair.roomId
})
afterAll(() => parley[Symbol.asyncDispose]())

function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const json = body === undefined ? {} : { body: JSON.stringify(body) }
  const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
  return fetch(`${parley.url}${path}`, { method, headers: { ...type, ...headers }, ...json })
}

const signUp = (account: object, headers?: Record<string, string>) => ask('POST', '/api/accounts', account, headers)
const signIn = (email: string, password: string) => ask('POST', '/api/sessions', { email, password })

/** Another session of the same person. */
async function elsewhere({ email, password }: Person): Promise<Person> {
  const grant = (await (await signIn(email, password)).json()) as SessionGrant
  return new Person(parley, { ...grant, email, password })
}

const cookieOf = (response: Response) => response.headers.get('set-cookie') ?? ''
const statusOf = async (response: Promise<Response>) => (await response).status

async function refusal(response: Promise<Response>): Promise<object> {
  const { status, code, errors } = (await (await response).json()) as Problem
  return errors ? { status, code, paths: errors.map(({ path }) => path) } : { status, code }
}

describe('signing up', () => {
  test('makes the account, its first session and its cookie', async () => {
    const response = await signUp({ email: 'Bora@Example.com', username: ' Bora 보라 ', password: PASSWORD })
    expect(response.status).toBe(201)
    const { user, token, expiresAt } = (await response.json()) as SessionGrant
    expect(user).toEqual({
      id: expect.any(String),
      username: ' Bora 보라 ',
      email: 'bora@example.com',
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    })
    expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now())
    const me = await ask('GET', '/api/me', undefined, { authorization: `Bearer ${token}` })
    expect(await me.json()).toEqual(user)

    const [pair, ...attributes] = cookieOf(response).split('; ')
    expect(pair).toBe(`parley_session=${token}`)
    expect(attributes).toEqual(expect.arrayContaining(['HttpOnly', 'Path=/', 'SameSite=Lax']))
    expect(attributes).not.toContain('Secure')
  })

  test('makes a cookie for TLS only where a trusted proxy says that it speaks TLS', async () => {
    const account = { email: 'dan@example.com', username: 'Dan', password: PASSWORD }
    expect(cookieOf(await signUp(account, { 'x-forwarded-proto': 'https' })).split('; ')).toContain('Secure')
  })

  test.each(['bora@example.com', 'BORA@EXAMPLE.COM'])('with %s, which Bora has, is a conflict', async (email) => {
    expect(await refusal(signUp({ ...HANEUL, email }))).toEqual({ status: 409, code: 'email_taken' })
  })

  test('ten times at once with one e-mail makes one account', async () => {
    const account = { email: 'sora@example.com', username: 'Sora', password: PASSWORD }
    const statuses = await Promise.all(Array.from({ length: 10 }, () => statusOf(signUp(account))))
    expect(statuses.sort()).toEqual([201, ...Array(9).fill(409)])
  })

  test.each([
    ['a password of 9 characters', { password: '9 letters' }, '/password'],
    ['a password of 1,025 characters', { password: 'a'.repeat(1025) }, '/password'],
    ['a password of 342 characters and 1,026 bytes', { password: '가'.repeat(342) }, '/password'],
    ['no e-mail', { email: undefined }, '/email'],
    ['an e-mail without an @', { email: 'haneul.example.com' }, '/email'],
    ['an e-mail with two @', { email: 'haneul@home@example.com' }, '/email'],
    ['an e-mail with a space', { email: ' haneul@example.com' }, '/email'],
    ['an e-mail with a newline', { email: 'haneul@example.com\nbcc:all' }, '/email'],
    ['an e-mail of 255 characters', { email: `haneul@${'a'.repeat(248)}` }, '/email'],
    ['a blank username', { username: ' \t ' }, '/username'],
    ['a username of 51 characters', { username: 'a'.repeat(51) }, '/username'],
    ['a username with NUL', { username: 'Han\0eul' }, '/username'],
    ['a username with a newline', { username: 'Haneul\nAdmin' }, '/username'],
    ['a username with half a character', { username: 'Haneul \ud800' }, '/username'],
    ['a password of half characters', { password: '\ud800'.repeat(10) }, '/password'],
    ['a role', { role: 'admin' }, '/role'],
    ['an id', { id: '1' }, '/id'],
    ['a time', { createdAt: '2026-11-22T10:20:00.000Z' }, '/createdAt'],
  ])('with %s is invalid', async (_, change, path) => {
    const refused = await refusal(signUp({ ...HANEUL, ...change }))
    expect(refused).toEqual({ status: 422, code: 'invalid', paths: [path] })
  })

  test('takes a password of 1 KiB, from the same person, after all that', async () => {
    expect(await statusOf(signUp({ ...HANEUL, password: `${'가'.repeat(341)}!` }))).toBe(201)
  })

  test('takes an e-mail that is longer in lower case, and knows it again', async () => {
    const email = `${'İ'.repeat(64)}@example.com`
    expect(await statusOf(signUp({ ...HANEUL, email }))).toBe(201)
    expect(await statusOf(signIn(email, PASSWORD))).toBe(201)
  })

  test('takes a name and a password however their letters are composed', async () => {
    const email = 'cafe@example.com'
    const [composed, parts] = ['café 자전거 café'.normalize('NFC'), 'café 자전거 café'.normalize('NFD')]
    const made = await signUp({ email, username: parts, password: parts })
    expect(await made.json()).toMatchObject({ user: { username: composed } })
    for (const password of [composed, parts]) expect(await statusOf(signIn(email, password))).toBe(201)
  })

  test('makes a cookie for TLS where people reach the server by https, whatever its proxy says', async () => {
    await using server = await startParley({ env: { PARLEY_PUBLIC_URL: 'https://chat.example' } })
    const response = await fetch(`${server.url}/api/accounts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'dan@example.com', username: 'Dan', password: PASSWORD }),
    })
    expect(cookieOf(response).split('; ')).toContain('Secure')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect((await server.log.event('listening')).docs).toBe('https://chat.example/docs')
  })

  test('is off where the operator closed it', async () => {
    await using closed = await startParley({ env: { PARLEY_ACCOUNTS: 'closed' } })
    const headers = { 'content-type': 'application/json' }
    const response = fetch(`${closed.url}/api/accounts`, { method: 'POST', headers, body: JSON.stringify(HANEUL) })
    expect(await refusal(response)).toEqual({ status: 403, code: 'forbidden' })
  })
})

describe('signing in', () => {
  test('starts another session, whatever the case of the e-mail', async () => {
    const response = await signIn(joon.email.toUpperCase(), PASSWORD)
    expect(response.status).toBe(201)
    const { user, token } = (await response.json()) as SessionGrant
    expect(user).toMatchObject({ id: joon.id, email: joon.email })
    expect(token).not.toBe(joon.token)
    expect(cookieOf(response)).toStartWith(`parley_session=${token};`)
    expect(await statusOf(joon.get('/api/me'))).toBe(200)
  })

  test('tells an unknown e-mail from a wrong password neither by its answer nor by its time', async () => {
    const times: Record<string, number[]> = { unknown: [], wrong: [] }
    const answers: unknown[] = []
    for (let round = 0; round < 7; round++) {
      for (const [kind, email] of Object.entries({ unknown: 'nobody@example.com', wrong: joon.email })) {
        const start = performance.now()
        const response = await signIn(email, 'wrong horse battery')
        const { requestId: _, ...told } = (await response.json()) as Problem
        times[kind]?.push(performance.now() - start)
        answers.push({ told, cookie: cookieOf(response) })
      }
    }
    expect(answers[0]).toMatchObject({ told: { status: 401, code: 'unauthenticated' }, cookie: '' })
    for (const answer of answers) expect(answer).toEqual(answers[0])
    // A sign-in that skips its hash is fifty times as quick.
    const [unknown = 0, wrong = 0] = Object.values(times).map((all) => all.sort((a, b) => a - b)[3])
    expect(unknown / wrong).toBeWithin(1 / 3, 3)
  })

  test('500 times at once waits in a bounded queue, and the chat does not wait', async () => {
    let answered = 0
    const emails = Array.from({ length: 500 }, (_, n) => (n % 2 ? joon.email : `nobody${n}@example.com`))
    const rush = emails.map(async (email) => {
      const response = await signIn(email, 'wrong horse battery')
      answered += response.status === 401 ? 1 : 0
      return response
    })
    expect(await statusOf(fetch(`${parley.url}/livez`))).toBe(200)
    await joon.send(roomId, 'Is it still there?')
    expect(answered).toBeLessThan(34)
    for (const response of await Promise.all(rush)) {
      expect(response.status).toBeOneOf([401, 503])
      if (response.status === 503) expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    }
    expect(answered).toBeWithin(34, 500)
    // An overload that anybody can make is no error of the server's.
    expect(parley.log.lines.filter(({ level }) => level === 'error')).toEqual([])
  })
})

test('signing out ends this session and takes its cookie away', async () => {
  const [phone, laptop] = await Promise.all([elsewhere(joon), elsewhere(joon)])
  const response = await phone.call('DELETE', '/api/sessions/current')
  expect(response.status).toBe(204)
  expect(cookieOf(response)).toMatch(/^parley_session=;.*Expires=Thu, 0?1[ -]Jan[ -]1970/)
  expect(await refusal(phone.get('/api/me'))).toEqual({ status: 401, code: 'unauthenticated' })
  expect(await statusOf(laptop.get('/api/me'))).toBe(200)
})

describe('oneself', () => {
  test('can be renamed, and nothing else', async () => {
    const nari = await parley.person('Nari')
    const before = (await (await nari.get('/api/me')).json()) as User
    const response = await nari.call('PATCH', '/api/me', { username: 'Nari Kim' })
    expect(await response.json()).toEqual({ ...before, username: 'Nari Kim' })
    for (const body of [{ email: 'x@example.com' }, { username: 'Nari', role: 'admin' }, { username: ' ' }, {}]) {
      expect(await refusal(nari.call('PATCH', '/api/me', body))).toMatchObject({ status: 422, code: 'invalid' })
    }
    expect(await (await nari.get('/api/me')).json()).toEqual({ ...before, username: 'Nari Kim' })
  })

  test('changes the password: every other session ends, and the old password with them', async () => {
    const here = await parley.person('Yuna')
    const there = await elsewhere(here)
    const change = (current: string, next: string) => refusal(here.put('/api/me/password', { current, next }))
    expect(await change('wrong horse battery', 'new horse battery')).toEqual({ status: 403, code: 'forbidden' })
    expect(await change(PASSWORD, 'short')).toEqual({ status: 422, code: 'invalid', paths: ['/next'] })
    expect(await change(PASSWORD, '가'.repeat(342))).toEqual({ status: 422, code: 'invalid', paths: ['/next'] })
    expect(await statusOf(there.get('/api/me'))).toBe(200)

    const done = here.put('/api/me/password', { current: PASSWORD, next: 'new horse battery' })
    expect(await statusOf(done)).toBe(204)
    expect(await statusOf(there.get('/api/me'))).toBe(401)
    expect(await statusOf(here.get('/api/me'))).toBe(200)
    expect(await statusOf(signIn(here.email, PASSWORD))).toBe(401)
    expect(await statusOf(signIn(here.email, 'new horse battery'))).toBe(201)
  })

  test('changes the password once of several times at once, and no sign-in with the old one outlives that', async () => {
    const here = await parley.person('Sora')
    const asked = Array.from({ length: 4 }, (_, n) =>
      here.put('/api/me/password', { current: PASSWORD, next: `new horse battery ${n}` }),
    )
    const signingIn = Array.from({ length: 8 }, () => signIn(here.email, PASSWORD))
    const statuses = (await Promise.all(asked)).map(({ status }) => status)
    expect(statuses.toSorted()).toEqual([204, 403, 403, 403])
    for (const response of await Promise.all(signingIn)) {
      if (response.status !== 201) continue
      const { token } = (await response.json()) as SessionGrant
      expect(await statusOf(ask('GET', '/api/me', undefined, { authorization: `Bearer ${token}` }))).toBe(401)
    }
    const next = `new horse battery ${statuses.indexOf(204)}`
    expect(await statusOf(signIn(here.email, next))).toBe(201)
  })
})

describe('a ticket', () => {
  async function issue(person: Person, body?: object, headers?: Record<string, string>): Promise<Ticket> {
    const response = await person.post('/api/tickets', body, headers)
    expect(response.status).toBe(201)
    return (await response.json()) as Ticket
  }

  /** Whose socket it opened, or the code of the error. */
  async function spend({ ticket }: Ticket, headers: Record<string, string> = {}) {
    using socket = await openSocket(`${parley.wsUrl}/ws/room/${roomId}/messages?ticket=${ticket}`, { headers })
    socket.send({ message: 'Anyone here?' })
    const { sender_id, code } = await socket.next()
    return code ?? sender_id
  }

  test('is good for 30 seconds', async () => {
    const from = Date.now()
    const expiresAt = Date.parse((await issue(minji)).expiresAt)
    expect(expiresAt - 30_000).toBeWithin(from, Date.now() + 1)
  })

  test('opens one socket of four that try it at once, and none after', async () => {
    const ticket = await issue(minji)
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => spend(ticket)))
    expect(outcomes.sort()).toEqual([minji.id, ...Array(3).fill('unauthenticated')].sort())
    expect(await spend(ticket)).toBe('unauthenticated')
  })

  test('is bound to the Origin that the request names or comes from', async () => {
    for (const ticket of [await issue(minji, { origin: SHOP }), await issue(minji, undefined, { origin: SHOP })]) {
      expect(await spend(ticket, { origin: SHOP })).toBe(minji.id)
    }
  })

  test('that is shown from another Origin, or from none, is refused and spent', async () => {
    for (const elsewhere of [{ origin: parley.url }, {}]) {
      const ticket = await issue(minji, { origin: SHOP })
      expect(await spend(ticket, elsewhere)).toBe('unauthenticated')
      expect(await spend(ticket, { origin: SHOP })).toBe('unauthenticated')
    }
  })

  test('ends with the session that asked for it', async () => {
    const phone = await elsewhere(minji)
    const ticket = await issue(phone)
    await phone.call('DELETE', '/api/sessions/current')
    expect(await spend(ticket)).toBe('unauthenticated')
  })

  test('may be for an app, whose origin has a scheme of its own', async () => {
    expect(await issue(minji, { origin: 'capacitor://localhost' })).toMatchObject({ ticket: expect.any(String) })
  })

  test.each(['null', 'https://evil.example'])('is not given to a page of %s', async (origin) => {
    expect(await refusal(minji.post('/api/tickets', undefined, { origin }))).toEqual({
      status: 403,
      code: 'origin_not_allowed',
    })
  })

  test.each([[[]], [null], ['x'], [1], [true]])('is not given for a body of %j', async (body) => {
    expect(await refusal(minji.call('POST', '/api/tickets', body))).toEqual({
      status: 422,
      code: 'invalid',
      paths: [''],
    })
  })

  test.each(['shop.example', 'https://shop.example/cart', 'null', 'javascript:alert(1)', 7])(
    'for the Origin %p is invalid',
    async (origin) => {
      const refused = await refusal(minji.post('/api/tickets', { origin }))
      expect(refused).toEqual({ status: 422, code: 'invalid', paths: ['/origin'] })
    },
  )
})

describe('who asks', () => {
  const ROUTES: [method: string, path: string, body?: object][] = [
    ['GET', '/api/me'],
    ['GET', '/api/products'],
    ['GET', '/api/products/any'],
    ['GET', '/api/rooms'],
    ['GET', '/api/rooms/1'],
    ['GET', '/api/rooms/1/messages'],
    ['PATCH', '/api/me', { username: 'Mallory' }],
    ['PUT', '/api/me/password', { current: PASSWORD, next: 'new horse battery' }],
    ['DELETE', '/api/sessions/current'],
    ['POST', '/api/tickets'],
    ['POST', '/api/products', { title: 'Road bike' }],
    ['PATCH', '/api/products/any', { title: 'Road bike' }],
    ['DELETE', '/api/products/any'],
    ['POST', '/api/rooms', { productId: 'any' }],
    ['POST', '/api/rooms/1/messages', { text: 'Sold!' }],
    ['PUT', '/api/rooms/1/read-mark', { seq: 1 }],
  ]
  const CHANGES = ROUTES.filter(([method]) => method !== 'GET')
  const UNAUTHENTICATED = { status: 401, code: 'unauthenticated' }
  const ORIGIN_NOT_ALLOWED = { status: 403, code: 'origin_not_allowed' }

  test.each(ROUTES)('must be known for %s %s', async (method, path, ...[body]) => {
    expect(await refusal(ask(method, path, body))).toEqual(UNAUTHENTICATED)
    // Before anything else that may be wrong.
    expect(await refusal(ask(method, `${path}?nothing=1&limit=0`, body && { nonsense: 1 }))).toEqual(UNAUTHENTICATED)
  })

  test.each([
    ['a token that nobody has', () => ({ authorization: `Bearer pls_${'A'.repeat(43)}` })],
    ['garbage', () => ({ authorization: 'Bearer \u00ff?' })],
    ['a name and a password', () => ({ authorization: `Basic ${btoa(`${minji.email}:${PASSWORD}`)}` })],
    ['a token without Bearer', () => ({ authorization: minji.token })],
    ['a cookie that nobody has', () => ({ cookie: 'parley_session=pls_no' })],
  ])('is nobody with %s', async (_, headers: () => Record<string, string>) => {
    expect(await refusal(ask('GET', '/api/me', undefined, headers()))).toEqual(UNAUTHENTICATED)
  })

  test('is nobody with a token in the query, or with a ticket', async () => {
    const { ticket } = (await (await minji.post('/api/tickets')).json()) as Ticket
    const { token } = minji
    for (const query of [`?token=${token}`, `?access_token=${token}`, `?ticket=${token}`, `?ticket=${ticket}`]) {
      expect(await refusal(ask('GET', `/api/me${query}`))).toEqual(UNAUTHENTICATED)
    }
    expect(await statusOf(ask('GET', '/api/me', undefined, { authorization: `Bearer ${ticket}` }))).toBe(401)
  })

  test.each(CHANGES)('is not told by a cookie without an Origin for %s %s', async (method, path, ...[body]) => {
    const refused = await refusal(ask(method, path, body, { cookie: `parley_session=${minji.token}` }))
    expect(refused).toEqual(ORIGIN_NOT_ALLOWED)
  })

  const FOREIGN = ['https://evil.example', 'null', 'OURS.evil.example', 'OURS1', 'OURS/', `${SHOP}.evil.example`]
  test.each([...FOREIGN, `${SHOP}:444`, 'http://shop.example'])('is not told by a cookie from %s', async (text) => {
    const headers = { cookie: `parley_session=${minji.token}`, origin: text.replace('OURS', parley.url) }
    expect(await refusal(ask('PATCH', '/api/me', { username: 'Mallory' }, headers))).toEqual(ORIGIN_NOT_ALLOWED)
    const forced = await ask('POST', '/api/sessions', { email: joon.email, password: PASSWORD }, headers)
    expect({ status: forced.status, cookie: cookieOf(forced) }).toEqual({ status: 403, cookie: '' })
  })

  test('is told by a cookie from here and from an allowed site, and from anywhere for reading', async () => {
    const cookie = `parley_session=${minji.token}`
    for (const origin of [parley.url, SHOP]) {
      expect(await statusOf(ask('PATCH', '/api/me', { username: 'Minji' }, { cookie, origin }))).toBe(200)
    }
    expect(await statusOf(ask('GET', '/api/me', undefined, { cookie }))).toBe(200)
  })
})

test('no password and no token lies in the data directory', () => {
  for (const name of readdirSync(parley.dataDir, { recursive: true, withFileTypes: true })) {
    if (!name.isFile()) continue
    const bytes = readFileSync(join(name.parentPath, name.name))
    for (const secret of [PASSWORD, minji.token, joon.token]) expect(bytes.includes(secret)).toBe(false)
  }
})
