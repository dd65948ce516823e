import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import type { RoomPage } from '../src/rooms/model.ts'
import { openBrowser } from './support/browser.ts'
import { Person } from './support/person.ts'
import { PROGRAM, type RunningParley, startParley } from './support/server.ts'
import { failure } from './support/storage.ts'

// docs/integrate.md promises that each of its snippets is run here, to the letter. What else stands here is the shop around
// them: who is signed in, a page, a place for files.

setDefaultTimeout(60_000)

const ROOT = join(import.meta.dir, '..')
const DOC = readFileSync(join(ROOT, 'docs/integrate.md'), 'utf8')
const BLOCKS = [...DOC.matchAll(/^```(?:js|python|php|sh)\n((?:.*\n)*?)```$/gm)].map(([, text = '']) => text)
/** By the name of the file, which is in the first line of each. */
const SNIPPETS = new Map(BLOCKS.map((text) => [/^(?:<\?php )?(?:\/\/|#) (\S+\.\w+)\n/.exec(text)?.[1] ?? text, text]))

const NODE_SHOP = `
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { chatToken } from './chat-token.mjs'

const PEOPLE = { 4711: 'Minji', 4712: 'Joon' }
const page = (chat) => \`<!doctype html><meta name="chat-url" content="\${chat}"><body data-product="bike-54">
  <pre id="chat"></pre><form id="chat-form"><input name="message"><button>Send</button></form>
  <script type="module" src="/product-page.js"></script>\`

createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://shop')
  const id = Number(request.headers.cookie?.replace('user=', ''))
  request.user = PEOPLE[id] && { id, name: PEOPLE[id], email: PEOPLE[id] + '@shop.example' }
  if (pathname === '/chat-token') return chatToken(request, response)
  const isScript = pathname.endsWith('.js')
  response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
  response.end(isScript ? readFileSync('.' + pathname) : page(searchParams.get('chat')))
}).listen(0, '127.0.0.1', function () {
  console.log('http://127.0.0.1:' + this.address().port)
})
`

const DJANGO_SHOP = `
import json, sys
import django
from django.conf import settings
settings.configure(INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"])
django.setup()
from django.contrib.auth.models import AnonymousUser, User
from django.test import RequestFactory
from chat_token import chat_token

request = RequestFactory().get("/chat-token")
request.user = User(pk=4713, username="sora", first_name="Sora", last_name="Kim") if sys.argv[1:] else AnonymousUser()
response = chat_token(request)
print(json.dumps({"status": response.status_code, **json.loads(response.content)}))
`

const PHP_SHOP = `<?php
session_save_path(__DIR__);
session_id('visit');
session_start();
$_SESSION = isset($argv[1]) ? ['user' => ['id' => 4714, 'name' => 'Dan']] : [];
session_write_close();
ob_start(fn ($body) => json_encode(['status' => http_response_code() ?: 200, ...json_decode($body, true)]));
require 'chat-token.php';
`

const ROOM_OPENER = `
import { openRoom } from './open-room.mjs'
console.log(await openRoom('bike-54', '4712'))
`

const PYTHON = ['/usr/bin/python3', '-E', '-s']
// All that it complains of goes to its output, whatever its php.ini says.
const PHP = ['php', '-d', 'error_reporting=-1', '-d', 'display_errors=stdout', '-d', 'html_errors=0']

const directory = mkdtempSync(join(tmpdir(), 'parley-integrate-'))
const PATH = `${join(directory, 'bin')}:${process.env.PATH}`
let shop: { url: string } & AsyncDisposable
let parley: RunningParley
let secret: string
let key: string

beforeAll(async () => {
  const around = { 'shop.mjs': NODE_SHOP, 'shop.py': DJANGO_SHOP, 'shop.php': PHP_SHOP, 'room-opener.mjs': ROOM_OPENER }
  for (const [name, text] of [...SNIPPETS, ...Object.entries(around)]) writeFileSync(join(directory, name), text)
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'))
  mkdirSync(join(directory, 'bin'))
  const program = PROGRAM.map((word) => `'${word}'`).join(' ')
  writeFileSync(join(directory, 'bin/parley'), `#!/bin/sh\nexec ${program} "$@"\n`, { mode: 0o755 })
  secret = await run(['sh', 'secret.sh'])
  shop = await openShop()
  parley = await startParley({ env: { PARLEY_JWT_SECRET: secret, PARLEY_ALLOWED_ORIGINS: shop.url } })
  key = await keyFor(parley)
})
afterAll(async () => {
  await parley?.[Symbol.asyncDispose]()
  await shop?.[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true })
})

/** What a program prints, with nothing in its environment but this. */
async function run(command: string[], env: Record<string, string> = {}): Promise<string> {
  const options = { cwd: directory, env: { PATH, ...env }, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' } as const
  const child = Bun.spawn(command, options)
  const [output, complaints, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${output}${complaints}`)
  return output.trim()
}

async function openShop() {
  const env = { PATH, PARLEY_JWT_SECRET: secret }
  const child = Bun.spawn(['node', 'shop.mjs'], { cwd: directory, env, stdin: 'ignore', stdout: 'pipe' })
  const { value } = await child.stdout.getReader().read()
  const end = async () => {
    child.kill()
    await child.exited
  }
  return { url: new TextDecoder().decode(value).trim(), [Symbol.asyncDispose]: end }
}

const keyFor = ({ dataDir }: RunningParley, snippet = 'key.sh') => run(['sh', snippet], { PARLEY_DATA_DIR: dataDir })
const backendOf = ({ url }: RunningParley, key: string) => ({ CHAT_URL: url, CHAT_KEY: key })
const openRoom = async (backend: Record<string, string>) => Number(await run(['node', 'room-opener.mjs'], backend))

async function askShop(userId?: number) {
  const response = await fetch(`${shop.url}/chat-token`, { headers: { cookie: userId ? `user=${userId}` : '' } })
  return { status: response.status, ...((await response.json()) as { token: string }) }
}

/** One of the other shops, for somebody who is signed in there, or for a visitor. */
const askRoute = async (command: string[], isSignedIn: boolean) =>
  JSON.parse(await run([...command, ...(isSignedIn ? ['yes'] : [])], { PARLEY_JWT_SECRET: secret }))

const bearer = (token: string, server = parley) =>
  new Person(server, { user: { id: '', username: '', createdAt: '' }, token, email: '', password: '', expiresAt: '' })
const signedIn = async (userId: number, server = parley) => bearer((await askShop(userId)).token, server)

const answer = async (response: Promise<Response>) => (await response).json()
const statusOf = async (response: Promise<Response>) => (await response).status
const roomsOf = async (person: Person) => ((await answer(person.get('/api/rooms'))) as RoomPage).items

test('every snippet of the page has a name, and is run below', () => {
  expect([...SNIPPETS.keys()]).toEqual([
    ...['secret.sh', 'chat-token.mjs', 'chat_token.py', 'chat-token.php', 'key.sh'],
    ...['parley.mjs', 'sync.mjs', 'parley.py', 'sync.py', 'parley.php', 'sync.php'],
    ...['open-room.mjs', 'chat.js', 'product-page.js'],
    ...['system-message.sh', 'sign-out.sh', 'disable.sh', 'privacy-key.sh', 'export.sh', 'erase.sh'],
  ])
})

describe.each([
  ['Node', { id: '4711', username: 'Minji' }, (isSignedIn: boolean) => askShop(isSignedIn ? 4711 : undefined)],
  [
    'Django',
    { id: '4713', username: 'Sora Kim' },
    (isSignedIn: boolean) => askRoute([...PYTHON, 'shop.py'], isSignedIn),
  ],
  ['PHP', { id: '4714', username: 'Dan' }, (isSignedIn: boolean) => askRoute([...PHP, 'shop.php'], isSignedIn)],
])('the route in %s', (_, person, ask) => {
  test('gives whoever is signed in a token for a quarter of an hour, good for their id and name', async () => {
    const { status, token } = await ask(true)
    expect(status).toBe(200)
    const { iat = 0, exp } = decodeJwt(token)
    expect(exp).toBe(iat + 15 * 60)
    expect(await answer(bearer(token).get('/api/me'))).toMatchObject(person)
  })

  test('gives a visitor none', async () => expect(await ask(false)).toEqual({ status: 401 }))
})

describe.each([
  ['Node', ['node', 'sync.mjs']],
  ['Python', [...PYTHON, 'sync.py']],
  ['PHP', [...PHP, 'sync.php']],
])('the backend in %s', (_, command) => {
  test('tells Parley of people and products, one and many, as often as it likes', async () => {
    await using fresh = await startParley()
    const backend = bearer(await keyFor(fresh), fresh)
    for (const _ of ['first', 'again']) expect(await run(command, backendOf(fresh, backend.token))).toBe('')
    const minji = { username: 'Minji', email: 'minji@shop.example' }
    expect(await answer(backend.get('/api/users/4711'))).toMatchObject(minji)
    expect(await answer(backend.get('/api/users/4712'))).toMatchObject({ username: 'Joon' })
    const bike = { ownerId: '4711', title: 'Road bike, 54 cm', priceMinor: 15_000, currency: 'KRW' }
    expect(await answer(backend.get('/api/products/bike-54'))).toMatchObject(bike)
    expect(await answer(backend.get('/api/products/tent-2'))).toMatchObject({ ownerId: '4711', title: 'Tent for two' })
  })

  test('says what Parley refuses', async () => {
    const refusal = await failure(run(command, backendOf(parley, 'plk_made-up')))
    expect(String(refusal)).toContain('PUT /api/users/4711: {"type":"urn:parley:error:unauthenticated"')
  })
})

test('the product page talks and comes back by itself: nothing is missing, nothing is there twice', async () => {
  await run(['node', 'sync.mjs'], backendOf(parley, key))
  const owner = await signedIn(4711)
  await using browser = await openBrowser(shop.url)
  const { page } = browser
  await page.context().addCookies([{ name: 'user', value: '4712', url: shop.url }])
  await page.goto(`${shop.url}/?chat=${parley.url}`)
  await page.waitForFunction(`document.querySelector('#chat-form').onsubmit !== null`)
  const say = async (text: string) => {
    await page.fill('input', text)
    await page.click('button')
  }
  const talk: string[] = []
  const reads = (...lines: string[]) => {
    const text = JSON.stringify(`${[...talk, ...lines].join('\n')}\n`)
    talk.push(...lines)
    return page.waitForFunction(`document.querySelector('#chat').textContent === ${text}`)
  }

  await say('Is it free on Saturday?')
  await reads('Joon: Is it free on Saturday?')
  const [room] = await roomsOf(owner)
  const roomId = room?.id ?? 0
  await owner.send(roomId, 'Yes, from nine.')
  await reads('Minji: Yes, from nine.')
  // It has to get a new token, and sends again what it cannot know to have arrived.
  await run(['sh', 'sign-out.sh'], backendOf(parley, key))
  await owner.send(roomId, 'Shall I bring it?')
  await say('I fetch it.')
  await reads('Minji: Shall I bring it?', 'Joon: I fetch it.')
  await run(['sh', 'system-message.sh'], { ...backendOf(parley, key), ROOM: String(roomId) })
  await reads('Shop: Payment received.')
  await page.reload()
  await reads()
  expect(browser.complaints).toEqual([])
})

describe('the backend', () => {
  let server: RunningParley
  let backend: Record<string, string>
  let roomId: number

  beforeAll(async () => {
    server = await startParley({ env: { PARLEY_JWT_SECRET: secret } })
    backend = backendOf(server, await keyFor(server))
    await run(['node', 'sync.mjs'], backend)
    roomId = await openRoom(backend)
  })
  afterAll(() => server[Symbol.asyncDispose]())

  test('opens the customer’s room, and there is one', async () => {
    expect(await openRoom(backend)).toBe(roomId)
    const room = { id: roomId, role: 'customer', product: { id: 'bike-54' }, owner: { id: '4711' } }
    expect(await roomsOf(await signedIn(4712, server))).toMatchObject([room])
  })

  test('writes a system message, once', async () => {
    for (const _ of ['first', 'again']) await run(['sh', 'system-message.sh'], { ...backend, ROOM: String(roomId) })
    const message = { kind: 'system', sender: null, text: 'Payment received.' }
    expect(await (await signedIn(4712, server)).history(roomId)).toMatchObject([message])
  })

  test('signs somebody out everywhere', async () => {
    const before = await signedIn(4712, server)
    expect(await statusOf(before.get('/api/me'))).toBe(200)
    await run(['sh', 'sign-out.sh'], backend)
    expect(await statusOf(before.get('/api/me'))).toBe(401)
    expect(await server.log.event('host_token_refused')).toMatchObject({ note: 'revoked' })
  })

  test('disables somebody', async () => {
    await run(['sh', 'disable.sh'], backend)
    expect(await answer(bearer(backend.CHAT_KEY ?? '', server).get('/api/users/4712'))).not.toMatchObject({
      disabledAt: null,
    })
  })

  test('exports somebody, and erases them', async () => {
    const privacy = { CHAT_URL: server.url, PRIVACY_KEY: await keyFor(server, 'privacy-key.sh') }
    const last = JSON.parse(await run(['sh', 'export.sh'], privacy))
    expect(last).toEqual({ type: 'end', products: 0, rooms: 1, messages: 1 })
    const [first = ''] = readFileSync(join(directory, '4712.ndjson'), 'utf8').split('\n')
    expect(JSON.parse(first)).toMatchObject({ type: 'user', user: { id: '4712', username: 'Joon' } })
    await run(['sh', 'erase.sh'], privacy)
    expect(await statusOf(bearer(backend.CHAT_KEY ?? '', server).get('/api/users/4712'))).toBe(404)
  })
})
