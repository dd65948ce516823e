import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { exportSPKI, generateKeyPair } from 'jose'
import type { Problem } from '../src/lib/http/problem.ts'
import type { User } from '../src/users/model.ts'
import {
  AUDIENCE,
  BY_SECRET,
  hostPerson,
  ISSUER,
  JWT_SECRET,
  KeyServer,
  mint,
  personBy,
  seconds,
} from './support/marketplace.ts'
import { type RunningParley, startParley } from './support/server.ts'
import { openSocket } from './support/socket.ts'

let parley: RunningParley
let byKeys: RunningParley
let keys: KeyServer

beforeAll(async () => {
  keys = new KeyServer()
  await Promise.all([keys.add('ed', 'EdDSA'), keys.add('rsa', 'RS256'), keys.add('ec', 'ES256')])
  const named = { PARLEY_JWT_ISSUER: ISSUER, PARLEY_JWT_AUDIENCE: AUDIENCE }
  ;[parley, byKeys] = await Promise.all([
    startParley({ env: { ...BY_SECRET, ...named, PARLEY_LIMITS: 'off' } }),
    startParley({ env: { ...keys.env, PARLEY_LIMITS: 'off' } }),
  ])
})
afterAll(async () => {
  await Promise.all([parley[Symbol.asyncDispose](), byKeys[Symbol.asyncDispose]()])
  keys[Symbol.dispose]()
})

const NAMED = { iss: ISSUER, aud: AUDIENCE }
const meOf = (server: RunningParley, token: string) => personBy(server, token).get('/api/me')
const me = async (server: RunningParley, token: string) => (await (await meOf(server, token)).json()) as User

/** The checks that failed, as the log has them. */
const refusals = (server: RunningParley) =>
  server.log.lines.filter(({ event }) => event === 'host_token_refused').map(({ note }) => note)

/** Not let in, over REST and on a socket, and told the same as somebody without a token. */
async function expectRefused(server: RunningParley, token: string) {
  const headers = { authorization: `Bearer ${token}` }
  const [refused, without] = await Promise.all([
    fetch(`${server.url}/api/me`, { headers }),
    fetch(`${server.url}/api/me`),
  ])
  const [told, same] = (await Promise.all([refused.json(), without.json()])) as [Problem, Problem]
  expect(refused.status).toBe(401)
  expect({ ...told, requestId: '' }).toEqual({ ...same, requestId: '' })
  const socket = await openSocket(`${server.wsUrl}/ws/room/1/messages`, { headers })
  expect(await socket.next()).toMatchObject({ code: 'unauthenticated' })
  expect((await socket.closed).code).toBe(4401)
}

describe('a token of the marketplace’s', () => {
  test('lets its person in as the one whom it names, over REST and on a socket', async () => {
    const minji = await hostPerson(parley, 'shop|1', 'Minji', { ...NAMED, email: 'Minji@shop.example' })
    expect(await me(parley, minji.token)).toEqual({
      id: 'shop|1',
      username: 'Minji',
      email: 'Minji@shop.example',
      createdAt: expect.any(String),
    })
    const joon = await hostPerson(parley, 'shop|2', 'Joon', NAMED)
    const { id } = await minji.offer('Road bike')
    const room = await joon.openRoom(id)
    using socket = await minji.connect(room.id)
    await joon.send(room.id, 'Is it free?')
    expect(await socket.next()).toMatchObject({ message: 'Is it free?', sender_id: 'shop|2', sender_username: 'Joon' })
  })

  test.each(['EdDSA', 'RS256', 'ES256'])('is good by a public key of the marketplace’s for %s', async (alg) => {
    const kid = { EdDSA: 'ed', RS256: 'rsa', ES256: 'ec' }[alg] ?? ''
    expect(await me(byKeys, await keys.mint(kid, { sub: `by-${kid}`, name: 'Minji' }))).toMatchObject({
      id: `by-${kid}`,
    })
  })

  test('buys a ticket, which opens one socket for as long as the token is good', async () => {
    const minji = await hostPerson(parley, 'shop|3', 'Minji', NAMED)
    const joon = await hostPerson(parley, 'shop|4', 'Joon', NAMED)
    const { id } = await joon.openRoom((await minji.offer('Tent')).id)
    const { ticket } = (await (await joon.post('/api/tickets')).json()) as { ticket: string }
    const url = `${parley.wsUrl}/ws/room/${id}/messages?ticket=${ticket}`
    using socket = await openSocket(url)
    socket.send({ message: 'hi' })
    expect(await socket.next()).toMatchObject({ sender_id: 'shop|4' })
    const again = await openSocket(url)
    expect(await again.next()).toMatchObject({ code: 'unauthenticated' })
  })

  test.each<[string, object]>([
    ['fractions of a second', { exp: seconds(600) + 0.123456, iat: seconds() + 0.654321 }],
    ['an end that no calendar has', { exp: 1e300 }],
    ['a beginning before all time', { iat: -1e300 }],
  ])('may have %s', async (what, times) => {
    const minji = await hostPerson(parley, `odd-${what.replaceAll(' ', '-')}`, 'Minji', { ...NAMED, ...times })
    expect((await minji.get('/api/me')).status).toBe(200)
    expect((await minji.post('/api/tickets')).status).toBe(201)
  })

  test('is no session: it ends where it was issued', async () => {
    const minji = await hostPerson(parley, 'shop|5', 'Minji', NAMED)
    const answer = await minji.call('DELETE', '/api/sessions/current')
    expect([answer.status, ((await answer.json()) as Problem).code]).toEqual([403, 'forbidden'])
  })

  test('turns passwords off where nobody asked for them', async () => {
    const account = { email: 'minji@example.com', username: 'Minji', password: 'correct horse battery' }
    const post = (path: string, body: object) =>
      fetch(byKeys.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    const { email, password } = account
    for (const answer of [await post('/api/accounts', account), await post('/api/sessions', { email, password })]) {
      expect([answer.status, ((await answer.json()) as Problem).code]).toEqual([403, 'forbidden'])
    }
  })
})

describe('the profile', () => {
  const nameOf = async (token: string) => (await me(parley, token)).username

  test('follows a newer token, and no older one', async () => {
    const at = seconds(-100)
    const older = await mint({ ...NAMED, sub: 'p|1', name: 'Minji', iat: at })
    const newer = await mint({ ...NAMED, sub: 'p|1', name: 'Minji Kim', iat: at + 10 })
    expect(await nameOf(older)).toBe('Minji')
    expect(await nameOf(newer)).toBe('Minji Kim')
    const olderStill = await mint({ ...NAMED, sub: 'p|1', name: 'M', iat: at - 10 })
    expect(await nameOf(olderStill)).toBe('Minji Kim')
    const nameless = await mint({ ...NAMED, sub: 'p|1', iat: at + 20 })
    expect(await nameOf(nameless)).toBe('Minji Kim')
  })

  test.each([
    ['is cut where it is too long', 'ㅎ'.repeat(60), 'ㅎ'.repeat(50)],
    ['is one line', ' Min\nji\u0000 ', 'Min ji'],
    ['is not cut through a letter', `${'x'.repeat(49)}👋`, 'x'.repeat(49)],
    ['that says nothing is a stopgap', ' \t ', 'Member'],
    ['that is no text is a stopgap', 7, 'Member'],
  ])('a name %s', async (what, name, expected) => {
    expect(await nameOf(await mint({ ...NAMED, sub: `name|${what.replaceAll(' ', '-')}`, name }))).toBe(expected)
  })

  test('an e-mail never joins two people, nor keeps one out', async () => {
    const bora = await parley.person('Bora')
    const host = await hostPerson(parley, 'p|2', 'Not Bora', { ...NAMED, email: bora.email })
    expect(await me(parley, host.token)).toMatchObject({ id: 'p|2', email: bora.email })
    expect(await me(parley, bora.token)).toMatchObject({ id: bora.id, username: 'Bora' })
    const signedIn = await fetch(`${parley.url}/api/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: bora.email, password: bora.password }),
    })
    expect(((await signedIn.json()) as { user: User }).user.id).toBe(bora.id)
    const change = { current: bora.password, next: 'another horse battery' }
    expect((await host.put('/api/me/password', change)).status).toBe(403)
    expect((await bora.put('/api/me/password', change)).status).toBe(204)
  })
})

describe('refused, and only the log says why:', () => {
  const sub = 'mallory'
  const good = () => ({ ...NAMED, sub })
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const unsigned = (header: object, claims: object) => `${encode(header)}.${encode(claims)}.`

  test.each<[string, string, () => Promise<string> | string]>([
    ['alg none', 'ERR_JOSE_ALG_NOT_ALLOWED', () => unsigned({ alg: 'none' }, { ...good(), exp: seconds(99) })],
    ['another secret', 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED', () => mint(good(), { key: Buffer.alloc(32, 'x') })],
    ['HS384', 'ERR_JOSE_ALG_NOT_ALLOWED', () => mint(good(), { alg: 'HS384' })],
    ['no exp', 'exp', () => mint({ ...good(), exp: undefined })],
    ['exp in the past', 'exp', () => mint({ ...good(), exp: seconds(-1) })],
    ['exp that is no number', 'exp', () => mint({ ...good(), exp: 'tomorrow' })],
    ['nbf in the future', 'nbf', () => mint({ ...good(), nbf: seconds(60) })],
    ['iat in the future', 'iat', () => mint({ ...good(), iat: seconds(60) })],
    ['iat after all time', 'iat', () => mint({ ...good(), iat: 1e300 })],
    ['another issuer', 'iss', () => mint({ ...good(), iss: 'https://evil.example' })],
    ['no issuer', 'iss', () => mint({ sub, aud: AUDIENCE })],
    ['another audience', 'aud', () => mint({ ...good(), aud: ['shop', 'api'] })],
    ['no audience', 'aud', () => mint({ sub, iss: ISSUER })],
    ['no sub', 'sub', () => mint(NAMED)],
    ['an empty sub', 'sub', () => mint({ ...NAMED, sub: '' })],
    ['a sub with a space', 'sub', () => mint({ ...NAMED, sub: 'min ji' })],
    ['a sub of 201 characters', 'sub', () => mint({ ...NAMED, sub: 'x'.repeat(201) })],
    ['jku', 'jku', () => mint(good(), { jku: 'http://127.0.0.1:1/keys' })],
    ['x5u', 'x5u', () => mint(good(), { x5u: 'http://127.0.0.1:1/keys' })],
    ['jwk', 'jwk', () => mint(good(), { jwk: { kty: 'oct' } })],
    ['an unknown crit', 'ERR_JOSE_NOT_SUPPORTED', async () => withHeader(await mint(good()), { crit: ['x'], x: 1 })],
    ['15 KB', 'length', () => mint({ ...good(), padding: 'x'.repeat(10_500) })],
    ['words', 'ERR_JWS_INVALID', () => 'let-me-in'],
    [
      'a changed body',
      'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
      async () => withBody(await mint(good()), { sub: 'minji' }),
    ],
  ])('%s', async (_, check, token) => {
    await expectRefused(parley, await token())
    expect(refusals(parley).at(-1)).toBe(check)
  })

  const withHeader = (token: string, more: object) => {
    const [, body, signature] = token.split('.')
    return `${encode({ alg: 'HS256', ...more })}.${body}.${signature}`
  }
  const withBody = (token: string, more: object) => {
    const [header, , signature] = token.split('.')
    return `${header}.${encode({ ...good(), exp: seconds(99), ...more })}.${signature}`
  }

  test('a token by the public key itself, as if it were a secret', async () => {
    const { publicKey } = await generateKeyPair('RS256', { extractable: true })
    const pem = new TextEncoder().encode(await exportSPKI(publicKey))
    await expectRefused(byKeys, await mint({ ...NAMED, sub }, { key: pem, kid: 'rsa' }))
    expect(refusals(byKeys).at(-1)).toBe('ERR_JOSE_ALG_NOT_ALLOWED')
  })

  test('a key of one kind under the name of another', async () => {
    await expectRefused(byKeys, await keys.mint('ed', { sub }, { kid: 'rsa' }))
    await expectRefused(byKeys, await keys.mint('rsa', { sub }, { kid: 'ed' }))
  })

  test('what points to keys of its own makes no request there', async () => {
    using elsewhere = new KeyServer()
    await elsewhere.add('mine')
    for (const header of [{ jku: elsewhere.url }, { x5u: elsewhere.url }]) {
      await expectRefused(byKeys, await elsewhere.mint('mine', { sub }, header))
    }
    expect(elsewhere.asked).toBe(0)
  })

  test('and no token, and no claim, stands in the log', async () => {
    const token = await mint({ ...NAMED, sub: 'secret-person', exp: seconds(-10) })
    await expectRefused(parley, token)
    for (const text of [token, 'secret-person', JWT_SECRET]) expect(parley.log.text).not.toContain(text)
  })
})

describe('keys that change', () => {
  test('let both in while both are published: sockets and REST go on, and nobody asks for the keys more than needed', async () => {
    using changing = new KeyServer()
    await changing.add('old')
    await using server = await startParley({ env: changing.env })
    const before = personBy(server, await changing.mint('old', { sub: 'm', name: 'Minji' }))
    const { id: productId } = await before.offer('Road bike')
    const joon = personBy(server, await changing.mint('old', { sub: 'j', name: 'Joon' }))
    const { id } = await joon.openRoom(productId)
    using socket = await joon.connect(id)

    await changing.add('new')
    const after = personBy(server, await changing.mint('new', { sub: 'm', name: 'Minji' }))
    await after.send(id, 'by the new key')
    await before.send(id, 'by the old one')
    changing.withdraw('old')
    await after.send(id, 'still here')
    const heard = await socket.take(3)
    expect(heard.map(({ message }) => message)).toEqual(['by the new key', 'by the old one', 'still here'])
    expect(changing.asked).toBe(2)
  })

  test('an unknown key floods nothing', async () => {
    using known = new KeyServer()
    using unknown = new KeyServer()
    await known.add('one')
    await using server = await startParley({ env: known.env })
    const minji = personBy(server, await known.mint('one', { sub: 'm', name: 'Minji' }))
    expect((await minji.get('/api/me')).status).toBe(200)
    const kids = Array.from({ length: 200 }, (_, at) => `made-up-${at}`)
    await unknown.add('made-up')
    const tokens = await Promise.all(kids.map((kid) => unknown.mint('made-up', { sub: 'mallory' }, { kid })))
    const answers = await Promise.all(tokens.map((token) => meOf(server, token)))
    expect(answers.map(({ status }) => status)).toEqual(kids.map(() => 401))
    expect(known.asked).toBeLessThanOrEqual(5)
    expect((await minji.get('/api/me')).status).toBe(200)
  })

  test('that cannot be fetched are told as that, and are no reason to sign out', async () => {
    using away = new KeyServer()
    await away.add('one')
    away.answer = () => new Response('no', { status: 500 })
    await using server = await startParley({ env: away.env })
    const answer = await meOf(server, await away.mint('one', { sub: 'm' }))
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5'])
    await server.log.event('jwks_failed')
    const headers = { authorization: `Bearer ${await away.mint('one', { sub: 'm' })}` }
    const socket = await openSocket(`${server.wsUrl}/ws/room/1/messages`, { headers })
    expect(await socket.next()).toMatchObject({ code: 'unavailable' })
    expect((await socket.closed).code).toBe(1012)
  })
})
