import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Problem } from '../src/lib/http/problem.ts'
import type { Person } from './support/person.ts'
import { type RunningParley, startParley } from './support/server.ts'

let parley: RunningParley
let joon: Person
let roomId: number

beforeAll(async () => {
  parley = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  const pair = await parley.pair()
  joon = pair.customer
  roomId = pair.roomId
})
afterAll(() => parley[Symbol.asyncDispose]())

type Body = NonNullable<RequestInit['body']>

const JSON_TYPE = 'application/json'
const MAX_BODY_BYTES = 256 * 1024

/** A body as it is, where Joon sends messages. */
function post(body: Body | undefined, headers: Record<string, string> = { 'content-type': JSON_TYPE }) {
  return fetch(`${parley.url}/api/rooms/${roomId}/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${joon.token}`, ...headers },
    ...(body === undefined ? {} : { body }),
  })
}

/** Sent in chunks, without a length beforehand. */
function inChunks(bytes: number): ReadableStream<Uint8Array> {
  let left = bytes
  return new ReadableStream({
    pull(controller) {
      if (left <= 0) return controller.close()
      controller.enqueue(new Uint8Array(Math.min(left, 16_384)).fill(0x20))
      left -= 16_384
    },
  })
}

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)

/** Resolves when the log has the line of a request, which is written after its answer. */
async function logged({ log, url }: RunningParley, requestId: string | null) {
  const find = () => log.lines.find((line) => line.requestId === requestId)
  while (!find()) await fetch(`${url}/livez`)
  return find()
}

/** Checks the shape that every failure has. */
async function problemIn(response: Response): Promise<Problem> {
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const problem = (await response.json()) as Problem
  const { errors, ...told } = problem
  expect(told).toEqual({
    type: `urn:parley:error:${problem.code}`,
    title: expect.stringMatching(/./),
    status: response.status,
    detail: expect.stringMatching(/./),
    code: problem.code,
    requestId: response.headers.get('x-request-id') ?? 'none',
  })
  for (const error of errors ?? []) expect(error).toEqual({ path: expect.any(String), message: expect.any(String) })
  return problem
}

async function refusal(response: Promise<Response>): Promise<object> {
  const { status, code, errors } = await problemIn(await response)
  return errors ? { status, code, paths: errors.map(({ path }) => path) } : { status, code }
}

describe('a body', () => {
  const INVALID = (path = '') => ({ status: 422, code: 'invalid', paths: [path] })
  const BAD_REQUEST = { status: 400, code: 'bad_request' }

  test.each([
    ['that is not JSON', '{"text":', BAD_REQUEST],
    ['that is a word', 'hello', BAD_REQUEST],
    ['with something behind it', '{"text":"a"}}', BAD_REQUEST],
    ['with NaN', '{"text":NaN}', BAD_REQUEST],
    ['with a bare newline in a text', '{"text":"a\nb"}', BAD_REQUEST],
    ['with bytes that are not UTF-8', Buffer.from('{"text":"\xff"}', 'latin1'), BAD_REQUEST],
    ['that is binary', new Uint8Array([0, 1, 2, 3]), BAD_REQUEST],
    ['with a name twice', '{"text":"a","text":"b"}', BAD_REQUEST],
    ['with a name twice, once in escapes', '{"text":"a","\\u0074ext":"b"}', BAD_REQUEST],
    ['of 30,000 lists in each other', nested(30_000), BAD_REQUEST],
    ['with 30,000 lists in each other', `{"text":${nested(30_000)}}`, BAD_REQUEST],
    ['with 30,000 objects in each other', `${'{"a":'.repeat(30_000)}1${'}'.repeat(30_000)}`, BAD_REQUEST],
    ['that is a number', '123', INVALID()],
    ['that is true', 'true', INVALID()],
    ['that is null', 'null', INVALID()],
    ['that is a text', '"hello"', INVALID()],
    ['that is a list', '[{"text":"a"}]', INVALID()],
    ['that is missing', undefined, INVALID()],
    ['that is empty', '', INVALID()],
    ['without what is needed', '{}', INVALID('/text')],
    ['of a wrong type', '{"text":{"text":"a"}}', INVALID('/text')],
    ['with a number past every number', '{"text":1e400}', INVALID('/text')],
    ['with a prototype', '{"text":"a","__proto__":{"role":"admin"}}', INVALID('/__proto__')],
    ['with a constructor', '{"text":"a","constructor":{}}', INVALID('/constructor')],
  ])('%s is refused, and nothing is stored', async (_, body, refused) => {
    expect(await refusal(post(body))).toEqual(refused)
    expect(await joon.history(roomId)).toEqual([])
  })

  test('with thousands of unknown fields is told of some of them, at once', async () => {
    const body = Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`field${n}`, n]))
    const { status, errors } = await problemIn(await post(JSON.stringify({ text: 'a', ...body })))
    expect(status).toBe(422)
    expect(errors?.length).toBeWithin(1, 101)
  })

  test('tells of every wrong field', async () => {
    const response = await joon.post('/api/accounts', { email: 'joon', username: 7, password: 'short', role: 'admin' })
    const { errors = [] } = await problemIn(response)
    expect(errors.map(({ path }) => path).sort()).toEqual(['/email', '/password', '/role', '/username'])
  })

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=a',
    'application/jsonp',
  ])('of the type %s is refused', async (type) => {
    expect(await refusal(post('{"text":"a"}', { 'content-type': type }))).toEqual({
      status: 415,
      code: 'unsupported_type',
    })
  })

  test('of no type is refused, whole or in chunks', async () => {
    const refused = { status: 415, code: 'unsupported_type' }
    expect(await refusal(post(Buffer.from('{"text":"a"}'), {}))).toEqual(refused)
    expect(await refusal(post(inChunks(10), {}))).toEqual(refused)
  })

  test.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON'])(
    'of the type %s is read, up to 256 KiB',
    async (type) => {
      const { roomId: other } = await parley.pair()
      const mine = `/api/rooms/${other}/messages`
      expect(await refusal(post('{"text":7}'.padEnd(MAX_BODY_BYTES), { 'content-type': type }))).toEqual(
        INVALID('/text'),
      )
      expect(await refusal(joon.post(mine, { text: 'a' }, { 'content-type': type }))).toMatchObject({ status: 404 })
    },
  )

  test.each([
    ['declared', () => ' '.repeat(MAX_BODY_BYTES + 1)],
    ['in chunks', () => inChunks(MAX_BODY_BYTES + 1)],
    ['in many chunks', () => inChunks(MAX_BODY_BYTES * 40)],
  ])('of more than 256 KiB, %s, is too large', async (_, body) => {
    expect(await refusal(post(body()))).toEqual({ status: 413, code: 'too_large' })
    expect((await joon.get('/api/me')).status).toBe(200)
  })
})

describe('a request', () => {
  test.each([
    ['GET', '/api/nothing'],
    ['GET', '/api/rooms/1/nothing'],
    ['GET', '/api/..%2f..%2fetc/passwd'],
    ['PUT', '/api/me'],
    ['DELETE', '/api/rooms'],
    ['GET', '/api/sessions'],
    ['POST', '/livez'],
  ])('for what is not there is not found: %s %s', async (method, path) => {
    expect(await refusal(joon.call(method, path))).toEqual({ status: 404, code: 'not_found' })
  })

  test('for the room socket without an upgrade is told so', async () => {
    expect(await refusal(joon.get(`/ws/room/${roomId}/messages`))).toEqual({ status: 426, code: 'upgrade_required' })
  })

  test.each([
    ['ko', '찾을 수 없음'],
    ['ko-KR,ko;q=0.9,en;q=0.8', '찾을 수 없음'],
    ['fr, ko;q=0.3, en;q=0.2', '찾을 수 없음'],
    ['en-GB', 'Not found'],
    ['en, ko;q=0.9', 'Not found'],
    ['ko;q=0', 'Not found'],
    ['fr', 'Not found'],
    ['*', 'Not found'],
    ['', 'Not found'],
  ])('with Accept-Language %p is answered %p', async (language, title) => {
    const response = await fetch(`${parley.url}/api/nothing`, { headers: { 'accept-language': language } })
    expect((await problemIn(response)).title).toBe(title)
  })

  test.each([
    ['POST', '/api/rooms', {}, '/productId', 'is required', '필수 항목입니다'],
    ['PATCH', '/api/me', { username: '' }, '/username', 'has too few characters: at least 1', '1자 이상이어야 합니다'],
    ['PATCH', '/api/me', { username: 7 }, '/username', 'must be a string', '문자열이어야 합니다'],
    ['PATCH', '/api/me', { username: 'a', role: 'admin' }, '/role', /^is not known here/, /^알 수 없는/],
    ['PATCH', '/api/me', { username: 'a\nb' }, '/username', /^must be one line/, /한 줄/],
    ['POST', '/api/products', { title: 'Bike', url: 'bike' }, '/url', 'must be an http or https URL', /URL이어야/],
    ['POST', '/api/products', { title: 'Bike', priceMinor: 1 }, '/currency', /go together$/, /함께/],
    ['GET', '/api/rooms?role=admin', undefined, '/role', 'must be one of: owner, customer', /owner, customer$/],
    ['GET', '/api/rooms?unread=maybe', undefined, '/unread', 'must be true or false', 'true 또는 false여야 합니다'],
    ['GET', '/api/products?q=%0a', undefined, '/q', 'must have no control characters', '제어 문자가 없어야 합니다'],
    ['GET', '/api/rooms?limit=x', undefined, '/limit', 'must be a whole number', '정수여야 합니다'],
    ['GET', '/api/rooms?limit=101', undefined, '/limit', 'must be at most 100', '100 이하여야 합니다'],
    ['POST', 'MESSAGES', { text: ' ' }, '/text', 'A message text is required.', '메시지 텍스트가 필요합니다.'],
  ])('%s %s %j says what is wrong with %s, in both languages', async (method, path, body, field, en, ko) => {
    const said = [en, ko].map((message) => (message instanceof RegExp ? expect.stringMatching(message) : message))
    for (const [at, language] of ['en', 'ko'].entries()) {
      const where = path.replace('MESSAGES', `/api/rooms/${roomId}/messages`)
      const { errors } = await problemIn(await joon.call(method, where, body, { 'accept-language': language }))
      expect(errors).toEqual([{ path: field, message: said[at] }])
    }
  })

  test('has an id of its own, which is also in the log', async () => {
    const paths = ['/api/me', '/api/nothing', '/livez', '/readyz']
    const answers = await Promise.all(paths.map((path) => fetch(parley.url + path)))
    const ids = answers.map(({ headers }) => headers.get('x-request-id'))
    expect(new Set(ids).size).toBe(paths.length)
    for (const requestId of ids) {
      await logged(parley, requestId)
      expect(parley.log.lines.filter((line) => line.requestId === requestId)).toHaveLength(1)
    }
  })
})

test.each([
  ['/', 200],
  ['/livez', 200],
  ['/api/me', 401],
  ['/nothing', 404],
])('%s is logged with the status of its answer, %i', async (path, status) => {
  const response = await fetch(parley.url + path, { redirect: 'manual' })
  expect(response.status).toBe(status)
  expect(await logged(parley, response.headers.get('x-request-id'))).toMatchObject({ status })
})

test('what was sent comes back in no failure, and is in no log and no metric', async () => {
  await using server = await startParley({ env: { PARLEY_LOG_LEVEL: 'debug' } })
  const nari = await server.person('Nari')
  const secret = 'hunter2'
  const json = { 'content-type': JSON_TYPE }
  const bearer = { authorization: `Bearer ${nari.token}` }
  const REQUESTS: [path: string, init: RequestInit][] = [
    [`/${secret}`, {}],
    [`/api/rooms/${secret}`, { headers: bearer }],
    [`/api/rooms?cursor=${secret}`, { headers: bearer }],
    [`/api/rooms?role=${secret}&limit=${secret}`, { headers: bearer }],
    [`/api/me?token=${secret}`, {}],
    [`/ws/room/1/messages?ticket=plt_${secret}`, {}],
    ['/api/me', { headers: { authorization: `Bearer pls_${secret}` } }],
    ['/api/me', { headers: { cookie: `parley_session=pls_${secret}` } }],
    ['/api/me', { headers: { 'x-forwarded-for': secret, 'accept-language': secret, 'x-request-id': secret } }],
    ['/api/me', { method: 'DELETE', headers: { origin: `https://${secret}.example` } }],
    ['/metrics', { headers: { 'x-forwarded-for': '10.0.0.1', authorization: `Bearer ${secret}` } }],
    [
      '/api/sessions',
      { method: 'POST', headers: json, body: `{"email":"${secret}@example.com","password":"${secret}"}` },
    ],
    ['/api/accounts', { method: 'POST', headers: json, body: `{"email":"${secret}","username":["${secret}"]}` }],
    ['/api/accounts', { method: 'POST', headers: json, body: `{"password":${secret}}` }],
    ['/api/accounts', { method: 'POST', headers: { 'content-type': `text/${secret}` }, body: secret }],
    ['/api/products', { method: 'POST', headers: { ...json, ...bearer }, body: `{"title":"a","url":"${secret}:1"}` }],
    ['/api/rooms/1/messages', { method: 'POST', headers: { ...json, ...bearer }, body: `{"text":{"a":"${secret}"}}` }],
    [
      '/api/rooms/1/messages',
      {
        method: 'POST',
        headers: { ...json, ...bearer, 'idempotency-key': `${secret} ` },
        body: `{"text":"${secret}"}`,
      },
    ],
  ]
  for (const [path, init] of REQUESTS) {
    const response = await fetch(server.url + path, init)
    expect(response.status).toBeGreaterThanOrEqual(400)
    const { headers } = response
    expect(JSON.stringify([await problemIn(response), [...headers]])).not.toContain(secret)
  }
  const metrics = await fetch(`${server.url}/metrics`)
  expect(await metrics.text()).not.toContain(secret)
  await logged(server, metrics.headers.get('x-request-id'))
  expect(server.log.lines.filter(({ event }) => event === 'request').length).toBeGreaterThan(REQUESTS.length)
  for (const each of [secret, nari.token, nari.password, nari.email]) expect(server.log.text).not.toContain(each)
})

describe('for its operator the server', () => {
  const get = (url: string, headers: Record<string, string> = {}) => fetch(url, { headers })

  test('says that it is alive and ready', async () => {
    for (const path of ['/livez', '/readyz']) {
      const response = await get(parley.url + path)
      expect({ status: response.status, text: await response.text() }).toEqual({ status: 200, text: 'ok\n' })
      expect(response.headers.get('content-type')).toStartWith('text/plain')
    }
  })

  test('says so where a power cut may lose the last messages', async () => {
    await using server = await startParley({ env: { PARLEY_DURABILITY: 'relaxed' } })
    expect(await (await get(`${server.url}/readyz`)).text()).toBe('ok (durability relaxed)\n')
  })

  test('has metrics for this machine, and for nobody behind a proxy', async () => {
    const url = `${parley.url}/metrics`
    const response = await get(url)
    expect(response.headers.get('content-type')).toStartWith('text/plain')
    const text = await response.text()
    expect(text).toMatch(/^parley_connections \d+$/m)
    expect(text).toMatch(/^# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 0?\d*\.\d+$/m)
    for (const headers of [{ 'x-forwarded-for': '127.0.0.1' }, { forwarded: 'for=127.0.0.1' }]) {
      expect(await refusal(get(url, headers))).toEqual({ status: 403, code: 'forbidden' })
    }
  })

  test('has metrics for whoever has their token, where there is one', async () => {
    const token = 'correct-horse-battery-staple'
    await using server = await startParley({ env: { PARLEY_METRICS_TOKEN: token } })
    const url = `${server.url}/metrics`
    const bearer = { authorization: `Bearer ${token}` }
    expect((await get(url, { ...bearer, 'x-forwarded-for': '10.0.0.1' })).status).toBe(200)
    for (const headers of [{}, { authorization: `Bearer ${token}x` }, { authorization: token }]) {
      expect(await refusal(get(url, headers))).toEqual({ status: 401, code: 'unauthenticated' })
    }
    expect(await refusal(get(`${url}?token=${token}`))).toEqual({ status: 401, code: 'unauthenticated' })
    expect(server.log.text).not.toContain(token)
  })
})
