import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SessionGrant } from '../src/accounts/model.ts'
import { CONVERSATIONS } from '../src/demo/conversations.ts'
import { addDemo } from '../src/demo/demo.ts'
import { NAMES } from '../src/demo/people.ts'
import { PRODUCTS } from '../src/demo/products.ts'
import type { Product, ProductPage } from '../src/products/model.ts'
import type { RoomSummary } from '../src/rooms/model.ts'
import type { Storage } from '../src/storage/storage.ts'
import { serveOn } from './support/in-process.ts'
import { Person } from './support/person.ts'
import { LogLines, PROGRAM, signIn, startParley } from './support/server.ts'

const DAY_MS = 24 * 3600 * 1000

/** What is said about each product. */
const SCRIPT = new Map(
  CONVERSATIONS.map(({ about, talks }) => [
    PRODUCTS[about].title,
    talks.flatMap(({ lines }) => lines.map(([name, text]) => `${name}: ${text}`)),
  ]),
)

/** The program with `--demo`, until all that it prints of it is there. */
async function startDemo(dataDir: string) {
  const args = [...PROGRAM, 'serve', '--demo', '--port', '0', '--data-dir', dataDir]
  const env = { PATH: process.env.PATH ?? '', PARLEY_LOG_FORMAT: 'json' }
  const child = Bun.spawn(args, { env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const { url } = await new LogLines(child.stderr).event('listening')
  const printed = await paragraphs(child.stdout, 2)
  const stop = async () => {
    child.kill('SIGTERM')
    return child.exited
  }
  return { url: String(url), wsUrl: String(url).replace(/^http/, 'ws'), printed, stop }
}

/** What is printed, when so many paragraphs have ended. The rest is read too: nobody is held up by a full pipe. */
function paragraphs(stream: ReadableStream<Uint8Array>, wanted: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const read = async () => {
    let text = ''
    const decoder = new TextDecoder()
    for await (const chunk of stream) {
      text += decoder.decode(chunk, { stream: true })
      if (text.split('\n\n').length > wanted) resolve(text)
    }
    resolve(text)
  }
  void read()
  return promise
}

type Server = { url: string; wsUrl: string }

async function enter(server: Server, email: string, password: string): Promise<Person> {
  const answer = await signIn(server.url, { email, password })
  expect(answer.status).toBe(201)
  return new Person(server, { ...((await answer.json()) as SessionGrant), email, password })
}

const offered = async (person: Person) => ((await (await person.get('/api/products')).json()) as ProductPage).items

const textsIn = async (person: Person, roomId: number) =>
  (await person.history(roomId)).map(({ sender, text }) => `${sender?.username}: ${text}`)

/** Who says what about which product, as this person sees it. */
async function conversations(person: Person) {
  const { items } = await person.inbox()
  return Promise.all(items.map(async ({ id, product }) => [product.title, await textsIn(person, id)] as const))
}

describe('the demo', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-demo-'))
  let demo: Awaited<ReturnType<typeof startDemo>>
  let people: Record<string, Person>
  let products: Product[]

  beforeAll(async () => {
    demo = await startDemo(dataDir)
    const printed = [...demo.printed.matchAll(/^ {2}(\w+) +(\S+@demo\.example) {2}password (\S+)$/gm)]
    const entered = printed.map(async ([, name = '', email = '', password = '']) => {
      return [name, await enter(demo, email, password)] as const
    })
    people = Object.fromEntries(await Promise.all(entered))
    products = await offered(personOf('Minji'))
  })
  afterAll(async () => {
    await demo.stop()
    rmSync(dataDir, { recursive: true })
  })

  const personOf = (name: string): Person => {
    const person = people[name]
    if (!person) throw new Error(`${name} is not in: ${demo.printed}`)
    return person
  }
  const inboxOf = async (name: string, query = '') => (await personOf(name).inbox(query)).items

  test('says what to open, then who is in it, with the passwords that let them in', () => {
    expect(demo.printed).toStartWith(`  Open          ${demo.url}/\n\n  The people of the demo:\n`)
    expect(Object.keys(people)).toEqual([...NAMES])
    expect(personOf('Minji').email).toBe('minji@demo.example')
    expect(personOf('Joon').email).toBe('joon@demo.example')
  })

  test('has products of everybody, in several currencies', () => {
    expect(products.length).toBeGreaterThanOrEqual(8)
    expect(new Set(products.map(({ ownerId }) => ownerId)).size).toBe(NAMES.length)
    expect(new Set(products.map(({ currency }) => currency)).size).toBeGreaterThan(1)
    expect(products.map(({ priceMinor }) => priceMinor)).not.toContain(null)
  })

  test('has a picture of each product, which browsers keep', async () => {
    const urls = products.map(({ imageUrl }) => imageUrl ?? '')
    expect(new Set(urls).size).toBe(products.length)
    for (const url of urls) {
      expect(url).toStartWith('/demo/')
      const picture = await fetch(demo.url + url)
      expect(picture.status).toBe(200)
      expect(picture.headers.get('content-type')).toBe('image/svg+xml')
      expect(picture.headers.get('x-content-type-options')).toBe('nosniff')
      expect(picture.headers.get('content-security-policy')).toStartWith(
        "default-src 'none'; style-src 'unsafe-inline'",
      )
      expect(picture.headers.get('cache-control')).toMatch(/^public, max-age=\d{6,}$/)
      expect((await picture.bytes()).length).toBeWithin(500, 3001)
      const headers = { 'if-none-match': picture.headers.get('etag') ?? '' }
      expect((await fetch(demo.url + url, { headers })).status).toBe(304)
    }
    expect((await fetch(`${demo.url}/demo/nothing.svg`)).status).toBe(404)
  })

  test.each(['Minji', 'Joon'])('shows %s on both sides of rooms, read ones and unread ones', async (name) => {
    for (const role of ['owner', 'customer']) {
      const rooms = await inboxOf(name, `?role=${role}`)
      expect(rooms.length).toBeGreaterThan(1)
      expect(new Set(rooms.map(({ unread }) => unread > 0)).size).toBe(2)
    }
  })

  test('goes back some days, and no inbox is out of order', async () => {
    for (const name of NAMES) {
      const rooms: RoomSummary[] = await inboxOf(name)
      const times = rooms.map(({ lastActivityAt }) => lastActivityAt)
      expect(times).toEqual(times.toSorted().reverse())
      for (const { id } of rooms) {
        const history = await personOf(name).history(id)
        const sent = history.map(({ createdAt }) => createdAt)
        expect(sent).toEqual(sent.toSorted())
        expect(Date.parse(sent.at(-1) ?? '')).toBeLessThan(Date.now())
        expect(Date.parse(sent.at(-1) ?? '') - Date.parse(sent[0] ?? '')).toBeGreaterThan(DAY_MS / 2)
      }
    }
  })

  test('has one conversation with all that people write', async () => {
    const [about, texts] = (await conversations(personOf('Joon'))).sort(([, a], [, b]) => b.length - a.length)[0] ?? []
    expect(about).toContain('Road bike')
    expect(texts?.length).toBeWithin(25, 41)
    const all = texts?.join('\n')
    for (const pattern of [
      /https:\/\//,
      /\p{Script=Hangul}{2}/u,
      /\p{Script=Arabic}{2}/u,
      /: \p{Emoji_Presentation}$/mu,
    ])
      expect(all).toMatch(pattern)
    expect(Math.max(...(texts ?? []).map((text) => text.length))).toBeGreaterThan(500)
  })

  test('is added once; without --demo, it and its pictures stay', async () => {
    const rooms = await inboxOf('Minji')
    expect(await demo.stop()).toBe(0)
    const again = await startDemo(dataDir)
    expect(again.printed).toContain('is there already')
    expect(again.printed).not.toContain('password ')
    expect(await again.stop()).toBe(0)

    await using plain = await startParley({ dataDir })
    const minji = personOf('Minji').at(plain)
    expect((await minji.inbox()).items).toEqual(rooms)
    expect(await offered(minji)).toEqual(products)
    expect((await fetch(plain.url + products[0]?.imageUrl)).status).toBe(200)
  })
})

test('a demo that was interrupted is finished by the next start, without a line twice', async () => {
  let storage: Storage | undefined
  await using server = await serveOn((opened) => {
    storage = opened
    return {}
  }, Date.now)
  if (!storage) throw new Error('no storage')
  const { accounts } = server.services
  const { messages } = storage
  let left = 20
  const append: typeof messages.append = (draft) =>
    left-- > 0 ? messages.append(draft) : Promise.reject(new Error('interrupted'))
  const failing = { ...storage, messages: { ...messages, append } }
  const failed: unknown = await addDemo({ accounts, storage: failing, now: Date.now }).catch((error) => error)
  expect(failed).toEqual(new Error('interrupted'))

  const finished = await addDemo({ accounts, storage, now: Date.now })
  expect(finished.map(({ username }) => username)).toEqual([...NAMES])
  expect(await addDemo({ accounts, storage, now: Date.now })).toEqual([])
  for (const { email, password } of finished) {
    const person = await enter(server, email, password)
    for (const [title, texts] of await conversations(person)) expect(texts).toEqual(SCRIPT.get(title) ?? [])
  }
})
