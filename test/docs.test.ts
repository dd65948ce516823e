import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import pkg from '../package.json' with { type: 'json' }
import type { SessionGrant } from '../src/accounts/model.ts'
import { POLICY } from '../src/auth/policy.ts'
import { CLOSE } from '../src/live/plain/protocol.ts'
import { type RunningParley, startParley } from './support/server.ts'

interface MediaType {
  schema?: unknown
  example?: unknown
  examples?: Record<string, { value: { status: number; code: string } }>
}

interface Operation {
  operationId?: string
  summary?: string
  description?: string
  tags?: string[]
  security?: object[]
  parameters?: { in: string; name: string; schema: { type?: string } }[]
  requestBody?: { content: Record<string, MediaType> }
  responses: Record<string, { description: string; content?: Record<string, MediaType> }>
}

interface Document {
  openapi: string
  info: { title: string; version: string; description: string }
  tags: { name: string; description: string }[]
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> }
}

let parley: RunningParley
let document: Document

beforeAll(async () => {
  parley = await startParley()
  document = (await (await fetch(`${parley.url}/docs/json`)).json()) as Document
})
afterAll(() => parley[Symbol.asyncDispose]())

/** Every route of this release, with the statuses that it is known for. */
const ROUTES: [route: string, ...statuses: number[]][] = [
  ['POST /api/accounts', 201, 400, 403, 409, 413, 415, 422],
  ['POST /api/sessions', 201, 400, 401, 422, 503],
  ['DELETE /api/sessions/current', 204, 401],
  ['GET /api/me', 200, 401],
  ['PATCH /api/me', 200, 401, 422],
  ['GET /api/me/presence', 200, 401],
  ['PUT /api/me/presence', 200, 401, 422],
  ['PUT /api/me/password', 204, 401, 403, 422],
  ['POST /api/tickets', 201, 401, 422],
  ['POST /api/products', 201, 401, 422],
  ['GET /api/products', 200, 400, 401, 422],
  ['GET /api/products/{productId}', 200, 401, 404],
  ['PATCH /api/products/{productId}', 200, 401, 403, 404, 422],
  ['DELETE /api/products/{productId}', 204, 401, 403, 404],
  ['POST /api/rooms', 200, 201, 401, 404, 409, 422],
  ['GET /api/rooms', 200, 400, 401, 422],
  ['GET /api/rooms/{roomId}', 200, 401, 404],
  ['GET /api/rooms/{roomId}/messages', 200, 401, 404, 422],
  ['POST /api/rooms/{roomId}/messages', 200, 201, 401, 404, 409, 422, 429, 503],
  ['PUT /api/rooms/{roomId}/read-mark', 200, 401, 404, 422],
  ['GET /api/users/{userId}', 200, 401, 403, 404],
  ['PUT /api/users/{userId}', 200, 201, 401, 403, 409, 422],
  ['PUT /api/users', 200, 401, 403, 409, 422],
  ['POST /api/users/{userId}/disconnect', 204, 401, 403, 404],
  ['GET /api/users/{userId}/export', 200, 401, 403, 404],
  ['DELETE /api/users/{userId}', 204, 401, 403, 422],
  ['PUT /api/products/{productId}', 200, 201, 401, 403, 422],
  ['PUT /api/products', 200, 401, 403, 422],
  ['POST /api/admin/sessions', 201, 400, 401, 403, 422, 429],
  ['GET /api/admin/figures', 200, 401, 403],
  ['GET /api/admin/settings', 200, 401, 403],
  ['GET /api/admin/errors', 200, 401, 403],
  ['GET /api/admin/audit', 200, 400, 401, 403, 422],
  ['GET /api/admin/keys', 200, 401, 403],
  ['POST /api/admin/keys', 201, 401, 403, 409, 422],
  ['DELETE /api/admin/keys/{keyId}', 204, 401, 403, 404],
  ['GET /api/admin/users', 200, 400, 401, 403, 422],
  ['GET /api/admin/users/{userId}', 200, 401, 403, 404],
  ['PUT /api/admin/users/{userId}/disabled', 200, 401, 403, 404, 422],
  ['PUT /api/admin/users/{userId}/role', 200, 401, 403, 404, 422],
  ['POST /api/admin/users/{userId}/sign-out', 204, 401, 403, 404],
  ['GET /api/admin/sessions', 200, 400, 401, 403, 422],
  ['DELETE /api/admin/sessions/{sessionId}', 204, 401, 403, 404],
  ['GET /api/admin/rooms', 200, 400, 401, 403, 422],
  ['GET /api/admin/rooms/{roomId}', 200, 401, 403, 404],
  ['GET /api/admin/rooms/{roomId}/messages', 200, 401, 403, 404, 422],
  ['GET /api/admin/products', 200, 400, 401, 403, 422],
  ['DELETE /api/admin/products/{productId}', 204, 401, 403, 404],
  ['GET /livez', 200],
  ['GET /readyz', 200, 503],
  ['GET /metrics', 200, 401, 403],
]

/** What the policy says of it, in the document's words. */
function securityOf(route: string): object[] {
  const { people, keys } = POLICY[route.replaceAll(/\{(\w+)\}/g, ':$1')] ?? {}
  const schemes = [people && 'bearer', people && 'cookie', keys && 'serverKey'].filter((name) => name !== undefined)
  return schemes.map((name) => ({ [name]: [] }))
}

function operationOf(route: string): Operation {
  const [method = '', path = ''] = route.split(' ')
  const operation = document.paths[path]?.[method.toLowerCase()]
  if (!operation) throw new Error(`${route} is not in the document`)
  return operation
}

describe('the document', () => {
  test('is valid OpenAPI 3.0.3 of this version', async () => {
    expect(document).toMatchObject({ openapi: '3.0.3', info: { title: 'Parley API', version: pkg.version } })
    expect(await new Validator().validate({ ...document })).toEqual({ valid: true })
  })

  test('has every route of the API, and no other', () => {
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(routes.sort()).toEqual(ROUTES.map(([route]) => route).sort())
  })

  test.each(ROUTES)('tells of %s', (route, ...statuses) => {
    const { summary, description, operationId, tags = [], security = [], responses } = operationOf(route)
    expect(summary).toBeString()
    expect(description).toBeString()
    expect(operationId).toMatch(/^[a-z]+[A-Za-z]+$/)
    expect(document.tags).toContainEqual({ name: tags[0] ?? 'none', description: expect.any(String) })
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(statuses.map(String)))
    if (
      responses['401'] &&
      route.includes('/api/') &&
      !['POST /api/sessions', 'POST /api/admin/sessions'].includes(route)
    ) {
      expect(security).toEqual(securityOf(route))
    }
  })

  test.each(ROUTES)('describes each status of %s, with an example', (route) => {
    for (const [status, { description, content }] of Object.entries(operationOf(route).responses)) {
      expect(description).not.toBeEmpty()
      if (status === '204') continue
      const [[mediaType = '', body] = []] = Object.entries(content ?? {})
      const isProblem = Number(status) >= 400 && route !== 'GET /readyz'
      const plain = route.includes('/api/') ? 'application/json' : 'text/plain'
      const own = route.endsWith('/export') ? 'application/x-ndjson' : plain
      expect(mediaType).toBe(isProblem ? 'application/problem+json' : own)
      if (!isProblem) expect(body?.example).toBeDefined()
      for (const { value } of Object.values(body?.examples ?? {})) expect(value.status).toBe(Number(status))
      expect(body?.examples !== undefined).toBe(isProblem)
    }
  })

  test('gives each operation an id of its own', () => {
    const ids = ROUTES.map(([route]) => operationOf(route).operationId)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('takes bodies as JSON only, and parameters as plain types', () => {
    for (const { requestBody, parameters = [] } of ROUTES.map(([route]) => operationOf(route))) {
      if (requestBody) expect(Object.keys(requestBody.content)).toEqual(['application/json'])
      for (const { in: place, schema } of parameters) {
        expect(['path', 'query', 'header']).toContain(place)
        expect(schema.type).toBeOneOf(['string', 'integer', 'boolean'])
      }
    }
  })

  test('has no keyword and no type that OpenAPI 3.0 does not have', () => {
    const nodes = [...nodesOf([document.paths, document.components.schemas])]
    const types = new Set(nodes.map(({ type }) => type).filter((type) => typeof type === 'string'))
    expect([...types].sort()).toEqual(['array', 'boolean', 'integer', 'number', 'object', 'string'])
    const keywords = new Set(nodes.flatMap((node) => Object.keys(node)))
    for (const foreign of ['$id', 'const', 'patternProperties', 'codes']) expect(keywords).not.toContain(foreign)
  })

  test('has each shape once, by its name', () => {
    const names = ['Message', 'Peer', 'Problem', 'Product', 'Room', 'RoomSummary', 'SessionGrant', 'User']
    expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining(names))
    const inlined = [...nodesOf(Object.values(document.paths))].filter(({ properties }) => properties)
    expect(inlined).toEqual([])
  })

  test('knows every way to show who one is', () => {
    expect(document.components.securitySchemes).toMatchObject({
      bearer: { type: 'http', scheme: 'bearer' },
      cookie: { type: 'apiKey', in: 'cookie', name: 'parley_session' },
      serverKey: { type: 'http', scheme: 'bearer' },
    })
  })

  test('describes the room socket in words', () => {
    const { description } = document.info
    for (const word of ['/ws/room/{roomId}/messages', 'parley.bearer.', '?ticket=', '?after=', 'client_id']) {
      expect(description).toContain(word)
    }
    for (const code of Object.values(CLOSE)) expect(description).toContain(`\n| ${code} `)
  })

  test('has examples that the server takes as they are', async () => {
    const send = (route: string, headers: Record<string, string> = {}) => {
      const [method = '', path = ''] = route.split(' ')
      const { example } = operationOf(route).requestBody?.content['application/json'] ?? {}
      const json = { 'content-type': 'application/json', ...headers }
      return fetch(parley.url + path, { method, headers: json, body: JSON.stringify(example) })
    }
    expect((await send('POST /api/accounts')).status).toBe(201)
    const signedIn = await send('POST /api/sessions')
    expect(signedIn.status).toBe(201)
    const { token } = (await signedIn.json()) as SessionGrant
    const authorization = `Bearer ${token}`
    expect((await send('POST /api/products', { authorization })).status).toBe(201)
    expect((await send('PATCH /api/me', { authorization })).status).toBe(200)
    expect((await send('POST /api/tickets', { authorization })).status).toBe(201)
  })
})

describe('the page', () => {
  const CSP = "default-src 'self'; img-src 'self' data:; object-src 'none'; frame-ancestors 'none'; base-uri 'none'"

  test.each(['/docs', '/docs/'])('at %s is HTML with a strict CSP', async (path) => {
    const { status, headers } = await fetch(parley.url + path)
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(headers.get('content-security-policy')).toBe(`${CSP}; form-action 'none'`)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
  })

  test('has no inline script or style, and takes everything from this server', async () => {
    const page = await (await fetch(`${parley.url}/docs`)).text()
    expect(page).not.toMatch(/<script>|<style|style=|\son[a-z]+=/)
    const links = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, link = '']) => link)
    expect(links).toHaveLength(4)
    for (const link of links) expect(link).toMatch(/^\/docs\/assets\/[a-z0-9.-]+\?v=[a-z0-9]+$/)
  })

  test.each([
    ['swagger-ui.css', 'text/css; charset=utf-8', 100_000],
    ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8', 1_000_000],
    ['init.js', 'text/javascript; charset=utf-8', 100],
    ['favicon.png', 'image/png', 100],
  ])('has %s, which a browser keeps', async (name, type, atLeast) => {
    const asset = await fetch(`${parley.url}/docs/assets/${name}`)
    expect(asset.headers.get('content-type')).toBe(type)
    expect(asset.headers.get('x-content-type-options')).toBe('nosniff')
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect((await asset.bytes()).length).toBeGreaterThan(atLeast)
    const etag = asset.headers.get('etag') ?? 'none'
    const again = await fetch(asset.url, { headers: { 'if-none-match': etag } })
    expect(again.status).toBe(304)
  })

  test.each(['/docs/assets/nothing.js', '/docs/assets/..%2f..%2fpackage.json', '/swagger', '/raw', '/page'])(
    'there is nothing at %s',
    async (path) => {
      const response = await fetch(parley.url + path)
      expect(response.status).toBe(404)
      expect(response.headers.get('content-type')).toBe('application/problem+json')
    },
  )
})

/** Every object in a part of the document, but for what stands in examples. */
function* nodesOf(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield { ...value }
  for (const [key, inner] of Object.entries(value)) {
    if (key !== 'example' && key !== 'examples') yield* nodesOf(inner)
  }
}

test('the rules of the socket are served where the document links to them', async () => {
  expect(document.info.description).toContain('(/docs/protocol.md)')
  const rules = await fetch(`${parley.url}/docs/protocol.md`)
  expect(rules.headers.get('content-type')).toBe('text/markdown; charset=utf-8')
  expect(await rules.text()).toContain('**[LV20]**')
})
