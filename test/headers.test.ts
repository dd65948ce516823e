import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Person } from './support/person.ts'
import { RawSocket } from './support/raw-socket.ts'
import { type RunningParley, startParley } from './support/server.ts'

const SHOP = 'https://shop.example'

let parley: RunningParley
let minji: Person
let roomId: number

beforeAll(async () => {
  parley = await startParley({ env: { PARLEY_ALLOWED_ORIGINS: SHOP } })
  const pair = await parley.pair()
  ;[minji, roomId] = [pair.owner, pair.roomId]
})
afterAll(() => parley[Symbol.asyncDispose]())

const SECURITY = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

const headersOf = ({ headers }: Response, names: string[]) =>
  Object.fromEntries(names.map((name) => [name, headers.get(name)]))

const authorized = () => ({ authorization: `Bearer ${minji.token}` })

describe('security headers', () => {
  test.each<[string, () => Promise<Response>]>([
    ['an answer', () => minji.get('/api/me')],
    ['an answer without a body', () => minji.call('DELETE', '/api/products/none')],
    ['a refusal', () => fetch(`${parley.url}/api/me`)],
    ['what is not there', () => fetch(`${parley.url}/nothing`)],
    ['a body that is none', () => minji.call('POST', '/api/products', undefined, { 'content-type': 'text/plain' })],
    ['a page', () => fetch(`${parley.url}/docs`)],
    ['a page that is known', () => known('/docs')],
    ['an asset', () => fetch(`${parley.url}/docs/assets/init.js`)],
    ['health', () => fetch(`${parley.url}/readyz`)],
    ['metrics', () => fetch(`${parley.url}/metrics`)],
    ['a redirect', () => fetch(parley.url, { redirect: 'manual' })],
    ['a preflight', () => preflight(SHOP)],
    ['HEAD', () => fetch(`${parley.url}/livez`, { method: 'HEAD' })],
  ])('stand on %s', async (_, ask) => {
    const answer = await ask()
    expect(headersOf(answer, Object.keys(SECURITY))).toEqual(SECURITY)
    expect(answer.headers.get('content-security-policy')).toMatch(
      /^default-src '(none|self)'; .*frame-ancestors 'none'/,
    )
    expect(answer.headers.get('strict-transport-security')).toBeNull()
  })

  const known = async (path: string) => {
    const etag = (await fetch(parley.url + path)).headers.get('etag') ?? ''
    return fetch(parley.url + path, { headers: { 'if-none-match': etag } })
  }

  test('stand on an upgrade that is refused', async () => {
    const url = `${parley.wsUrl}/ws/room/${roomId}/messages`
    using raw = await RawSocket.open(url, minji.token, { Origin: 'https://evil.example' })
    expect(raw.head).toStartWith('HTTP/1.1 403')
    for (const [name, value] of Object.entries(SECURITY))
      expect(raw.head.toLowerCase()).toContain(`${name}: ${value.toLowerCase()}`)
  })

  test('keep browsers on https where people come by https', async () => {
    await using behindTls = await startParley({ env: { PARLEY_PUBLIC_URL: 'https://chat.example' } })
    expect((await fetch(`${behindTls.url}/livez`)).headers.get('strict-transport-security')).toBe('max-age=31536000')
  })
})

const preflight = (origin: string) =>
  fetch(`${parley.url}/api/rooms/${roomId}/messages`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,idempotency-key',
    },
  })

describe('pages of other sites', () => {
  test('on the list may ask, and read the answer, its errors and its limits', async () => {
    const asked = await preflight(SHOP)
    expect(asked.status).toBe(204)
    expect(headersOf(asked, ['access-control-allow-origin', 'access-control-allow-credentials', 'vary'])).toEqual({
      'access-control-allow-origin': SHOP,
      'access-control-allow-credentials': 'true',
      vary: 'Origin',
    })
    expect(asked.headers.get('access-control-allow-methods')).toContain('POST')
    for (const name of ['authorization', 'content-type', 'idempotency-key']) {
      expect(asked.headers.get('access-control-allow-headers')).toContain(name)
    }
    for (const headers of [authorized(), {}]) {
      const answer = await fetch(`${parley.url}/api/me`, { headers: { ...headers, origin: SHOP } })
      expect(answer.headers.get('access-control-allow-origin')).toBe(SHOP)
      expect(answer.headers.get('access-control-expose-headers')).toContain('retry-after')
    }
  })

  test.each([
    'https://evil.example',
    'null',
    `${SHOP}.evil.example`,
    `${SHOP}:444`,
    'http://shop.example',
    `${SHOP}/`,
    'https://SHOP.example',
    'https://notshop.example',
    'https://sub.shop.example',
    'shop.example',
  ])('%s may not', async (origin) => {
    for (const answer of [
      await preflight(origin),
      await fetch(`${parley.url}/api/me`, { headers: { ...authorized(), origin } }),
    ]) {
      expect(answer.headers.get('access-control-allow-origin')).toBeNull()
      expect(answer.headers.get('vary')).toContain('Origin')
    }
  })
})
