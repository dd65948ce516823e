import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type RunningParley, signUp, startParley } from './support/server.ts'

let parley: RunningParley
beforeAll(async () => {
  parley = await startParley({ env: { PARLEY_LOCALE: 'ko', PARLEY_ACCOUNTS: 'closed' } })
})
afterAll(() => parley[Symbol.asyncDispose]())

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(parley.url + path, { method, headers, redirect: 'manual' })
const PERSON = { accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8' }

/** What the page names, from this server. */
async function assetsOf(path: string): Promise<string[]> {
  const page = await (await get(path)).text()
  return [...page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, address = '']) => address)
}

test.each(['/', '/rooms/12', '/browse', '/offer', '/account'])(
  '%s is the chat app, and nothing but its own may run on it',
  async (path) => {
    const answer = await get(path)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const policy = answer.headers.get('content-security-policy') ?? ''
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
    ]) {
      expect(policy.split('; ')).toContain(part)
    }
    expect(policy).not.toContain('unsafe')
    expect(await answer.text()).not.toMatch(/<script>|style=|https?:/)
  },
)

test('the page says how people come in here, in which language, and whether the browser has a session', async () => {
  expect(await (await get('/')).text()).toContain('<html lang="ko" data-accounts="closed" data-session="false">')
  await using open = await startParley()
  const { token } = await signUp(open.url, 'Minji')
  const page = await fetch(open.url, { headers: { cookie: `parley_session=${token}` } })
  expect(await page.text()).toContain('<html lang="en" data-accounts="open" data-session="true">')
})

test('its scripts and its style have their hash in their names, and are kept for ever', async () => {
  const assets = await assetsOf('/')
  expect(assets.map((address) => address.replace(/-\w+\./, '.')).sort()).toEqual([
    '/assets/main.css',
    '/assets/main.js',
    '/assets/shared.js',
  ])
  for (const address of assets) {
    const answer = await get(address)
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable'])
    expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(1000)
  }
  expect((await get('/assets/main-00000000.js')).status).toBe(404)
})

test.each(['/', '/admin'])(
  'what %s loads at first is under 60 KiB of compressed script, and asked for at once',
  async (path) => {
    const scripts = (await assetsOf(path)).filter((address) => address.endsWith('.js'))
    const sizes = scripts.map(async (address) => {
      const answer = await fetch(parley.url + address, { headers: { 'accept-encoding': 'gzip' }, decompress: false })
      expect(answer.headers.get('content-encoding')).toBe('gzip')
      const bytes = Buffer.from(await answer.arrayBuffer())
      // No script asks for one that the page does not name.
      for (const [, other = ''] of new TextDecoder()
        .decode(Bun.gunzipSync(bytes))
        .matchAll(/from"\.\/([\w-]+\.js)"/g)) {
        expect(scripts).toContain(`/assets/${other}`)
      }
      return bytes.byteLength
    })
    const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
    expect(bytes).toBeGreaterThan(10_000)
    expect(bytes).toBeLessThan(60 << 10)
  },
)

test('who can take nothing compressed gets it as it is', async () => {
  const [address = ''] = await assetsOf('/')
  const plain = await get(address, { 'accept-encoding': 'identity' })
  expect([plain.headers.get('content-encoding'), plain.headers.get('vary')]).toEqual([null, 'accept-encoding'])
  const compressed = await get(address, { 'accept-encoding': 'gzip, br' })
  expect(await compressed.text()).toBe(await plain.text())
})

test.each(['/', '/widget.js', '/service-worker.js', '/manifest.webmanifest', '/icon.svg'])(
  '%s is asked for again, and answered with 304 where nothing has changed',
  async (path) => {
    const first = await get(path)
    expect([first.status, first.headers.get('cache-control')]).toEqual([200, 'no-cache'])
    const again = await get(path, { 'if-none-match': first.headers.get('etag') ?? '' })
    expect([again.status, await again.text()]).toEqual([304, ''])
  },
)

test('the widget is for pages of other sites too; the rest is not', async () => {
  const policies = ['/widget.js', '/icon.svg'].map(async (path) =>
    (await get(path)).headers.get('cross-origin-resource-policy'),
  )
  expect(await Promise.all(policies)).toEqual(['cross-origin', 'same-origin'])
})

test('for what is not there a person gets a page, and a program a problem', async () => {
  const page = await get('/nothing/here', PERSON)
  expect([page.status, page.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8'])
  expect(await page.text()).toContain('Nothing is here')
  for (const [path, method] of [
    ['/nothing/here', 'GET'],
    ['/api/nothing', 'GET'],
    ['/', 'DELETE'],
  ] as const) {
    const problem = await get(path, {}, method)
    expect([problem.status, problem.headers.get('content-type')]).toEqual([404, 'application/problem+json'])
  }
})

test('a program that asks for a page of the API by a browser’s own words gets the problem all the same', async () => {
  const answer = await get('/api/me', PERSON)
  expect([answer.status, answer.headers.get('content-type')]).toEqual([401, 'application/problem+json'])
})
