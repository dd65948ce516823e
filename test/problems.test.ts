import { expect, test } from 'bun:test'
import { Elysia, t } from 'elysia'
import { Proxies } from '../src/lib/http/proxies.ts'
import { createLog } from '../src/lib/log.ts'
import { problems } from '../src/ops/problems.ts'
import { requests } from '../src/ops/requests.ts'

/** No route of ours throws by accident, so that one does here that is made for it. */
function appThatThrows(error: unknown) {
  const lines: string[] = []
  const log = createLog({ level: 'info', format: 'json', write: (line) => lines.push(line) })
  const app = new Elysia()
    .use(requests({ log, proxies: new Proxies([], false), onRequest: () => {} }))
    .use(problems({ log, locale: 'en' }))
    .get('/now', () => {
      throw error
    })
    .get('/later', async () => {
      await Promise.resolve()
      throw error
    })
    .get('/answer', () => ({ token: 'pls_secret' }), { response: t.Object({ token: t.String({ maxLength: 3 }) }) })
  return { lines, get: (path: string) => app.handle(new Request(`http://localhost${path}`)) }
}

test.each(['/now', '/later'])(
  'an error that is thrown %s is told as internal, and its cause only to the log',
  async (path) => {
    const { lines, get } = appThatThrows(new TypeError('the-cause is not a function'))

    const answer = await get(path)

    const body = (await answer.json()) as { requestId: string }
    expect(answer.status).toBe(500)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(body).toMatchObject({ code: 'internal', status: 500, requestId: answer.headers.get('x-request-id') ?? '' })
    expect(JSON.stringify(body)).not.toContain('the-cause')
    expect(lines.join('')).toContain('TypeError: the-cause is not a function')
    expect(lines.join('')).toContain(body.requestId)
  },
)

test('an answer that fails its schema is told as internal, and is not in the log', async () => {
  const { lines, get } = appThatThrows(undefined)

  const answer = await get('/answer')

  expect(await answer.json()).toMatchObject({ code: 'internal', status: 500 })
  expect(lines.join('')).toContain('an answer failed its schema')
  expect(lines.join('')).not.toContain('pls_secret')
})

test('a database error is logged without the values that were bound', async () => {
  const cause = new Error('UNIQUE constraint failed: users.email')
  const wrapped = new Error('Failed query: insert … params: minji@example.com', { cause })
  const { lines, get } = appThatThrows(wrapped)

  await get('/now')

  expect(lines.join('')).toContain('UNIQUE constraint failed: users.email')
  expect(lines.join('')).not.toContain('minji@example.com')
})
