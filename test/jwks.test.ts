import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { Jwks } from '../src/auth/host/jwks.ts'
import { KeyServer } from './support/marketplace.ts'
import { failure } from './support/storage.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

let server: KeyServer
let uptime: number
let errors: string[]
let jwks: Jwks

beforeEach(async () => {
  server = new KeyServer()
  await server.add('one')
  uptime = 0
  errors = []
  jwks = new Jwks({ url: server.url, uptime: () => uptime, onError: (error) => errors.push(String(error)) })
})
afterEach(() => server[Symbol.dispose]())

/** The key of this id, as it is looked up for a signature. */
async function keyOf(kid: string): Promise<unknown> {
  return jwks.keyFor({ alg: 'EdDSA', kid }, { payload: '', signature: '' })
}

test('are asked for once, however many ask', async () => {
  await Promise.all(Array.from({ length: 50 }, () => keyOf('one')))
  expect(server.asked).toBe(1)
})

test('are asked for again after five minutes, and whoever asks meanwhile is not kept waiting', async () => {
  await keyOf('one')
  uptime = 6 * MINUTE_MS
  const other = await server.add('two')
  const answered = Promise.withResolvers<Response>()
  server.answer = () => answered.promise
  expect(await keyOf('one')).toBeDefined()
  answered.resolve(Response.json({ keys: [other] }))
  await jwks.refresh()
  server.answer = () => Response.json({ keys: [other] })
  expect(await failure(keyOf('one'))).toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' })
})

test('are waited for where nobody has asked for long: what was withdrawn does not open then', async () => {
  await keyOf('one')
  server.withdraw('one')
  await server.add('two')
  uptime = 20 * HOUR_MS
  expect(await failure(keyOf('one'))).toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' })
})

test('that are new are found at once, three times, and then one in twenty seconds', async () => {
  await keyOf('one')
  for (let n = 0; n < 10; n++)
    expect(await failure(keyOf(`made-up-${n}`))).toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' })
  expect(server.asked).toBe(4)
  await server.add('two')
  expect(await failure(keyOf('two'))).toBeDefined()
  uptime = 20_000
  expect(await keyOf('two')).toBeDefined()
  expect(server.asked).toBe(5)
})

describe('an address that gives nothing', () => {
  test('leaves the last good keys in use for a day, and is not asked by everybody', async () => {
    await keyOf('one')
    server.answer = () => new Response('no', { status: 500 })
    uptime = HOUR_MS
    for (let n = 0; n < 10; n++) expect(await keyOf('one')).toBeDefined()
    await jwks.refresh()
    expect(server.asked).toBe(2)
    uptime = 25 * HOUR_MS
    expect(await failure(keyOf('one'))).toMatchObject({ code: 'unavailable', reason: 'keys_away' })
    server.answer = undefined
    uptime += 5000
    expect(await keyOf('one')).toBeDefined()
  })

  test('is asked again after five seconds, where there never were any keys', async () => {
    server.answer = () => new Response('no', { status: 503 })
    for (let n = 0; n < 10; n++)
      expect(await failure(keyOf('one'))).toMatchObject({ code: 'unavailable', retryAfter: 5 })
    expect(server.asked).toBe(1)
    uptime = 5000
    server.answer = undefined
    expect(await keyOf('one')).toBeDefined()
  })

  test.each<[string, () => Response, RegExp]>([
    [
      'answers more than 64 KiB',
      () => new Response(`{"keys":[],"x":"${'x'.repeat(70_000)}"}`),
      /more than 65536 bytes/,
    ],
    [
      'answers more than 100 keys',
      () => Response.json({ keys: Array(101).fill({ kty: 'OKP' }) }),
      /more than 100 keys/,
    ],
    ['answers no keys', () => Response.json({ keys: [] }), /no keys/],
    ['answers no JSON', () => new Response('<html>'), /SyntaxError|JSON/],
    ['answers no set', () => Response.json({ key: 'x' }), /JWKSInvalid|JSON Web Key Set/],
    ['sends elsewhere', () => Response.redirect(server.url), /cannot be reached \(UnexpectedRedirect\)/],
  ])('since it %s', async (_, answer, error) => {
    server.answer = answer
    expect(await failure(keyOf('one'))).toMatchObject({ code: 'unavailable' })
    expect(errors).toEqual([expect.stringMatching(error)])
  })

  test('since it never answers is given up after five seconds', async () => {
    server.answer = () => new Promise(() => {})
    expect(await failure(keyOf('one'))).toMatchObject({ code: 'unavailable' })
    expect(errors).toEqual([expect.stringContaining('cannot be reached (TimeoutError)')])
  })
})
