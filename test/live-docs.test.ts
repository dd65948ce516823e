import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Parser } from '@asyncapi/parser'
import { Ajv } from 'ajv'
import pkg from '../package.json' with { type: 'json' }
import { DISCONNECT, REQUESTS } from '../src/live/app/protocol.ts'
import { encodeLost, encodeSignal, ROOM_PUBLICATIONS, USER_PUBLICATIONS } from '../src/live/app/protocol-pushes.ts'
import { PROCEDURES, UNANSWERED } from '../src/live/app/protocol-rpc.ts'
import { CLOSE } from '../src/live/plain/protocol.ts'
import { App, websocketAt } from './support/app-client.ts'
import { backend } from './support/marketplace.ts'
import { type RunningParley, startParley } from './support/server.ts'
import { openSocket, type TestSocket } from './support/socket.ts'

interface Reference {
  $ref: string
}

interface Frame {
  name: string
  summary: string
  examples: { name?: string; payload: unknown }[]
}

interface Operation {
  action: 'send' | 'receive'
  summary: string
  channel: Reference
  messages: Reference[]
  reply?: { channel: Reference; messages: Reference[] }
}

interface Channel {
  address: string
  messages: Record<string, Reference>
  'x-errors'?: { number?: number; word: string }[]
  'x-close-codes'?: { code: number }[]
}

interface Document {
  asyncapi: string
  info: { title: string; version: string }
  servers: Record<string, { security: Reference[] }>
  channels: Record<string, Channel>
  operations: Record<string, Operation>
  components: {
    messages: Record<string, Frame>
    schemas: Record<string, unknown>
    securitySchemes: Record<string, object>
  }
}

let parley: RunningParley
let document: Document
/** What the document says of a frame; and the same where a field that it does not name is wrong. */
let loosely: Judge
let exactly: Judge

beforeAll(async () => {
  parley = await startParley()
  document = (await (await fetch(`${parley.url}/docs/asyncapi.json`)).json()) as Document
  loosely = new Judge(document)
  exactly = new Judge(closed(document))
})
afterAll(() => parley[Symbol.asyncDispose]())

/** Holds frames against a document with a validator that knows nothing of us. */
class Judge {
  readonly #ajv = new Ajv({ strict: true, formats: { 'date-time': isTime } })

  constructor({ components }: Document) {
    this.#ajv.addVocabulary(['components'])
    this.#ajv.addSchema({ $id: 'parley', components })
  }

  fits(frame: unknown, name: string): boolean {
    const check = this.#ajv.getSchema(`parley#/components/messages/${name}/payload`)
    if (!check) throw new Error(`there is no message ${name}`)
    return check(frame) === true
  }

  /** Which of these it is. */
  kindsOf(frame: unknown, among: string[]): string[] {
    return among.filter((name) => this.fits(frame, name))
  }
}

const isTime = (text: string) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text)

/** The document with each object closed that names its fields. */
function closed<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(closed) as T
  const parts = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, closed(inner)]))
  return { ...('properties' in value ? { additionalProperties: false } : {}), ...parts } as T
}

const nameIn = ({ $ref }: Reference) => $ref.slice($ref.lastIndexOf('/') + 1)

function operationOf(name: string): Operation {
  const operation = document.operations[name]
  if (!operation) throw new Error(`there is no operation ${name}`)
  return operation
}

/** The frames that are sent on a channel, or received there, as no reply to anything. */
const framesOf = (channel: string, action: Operation['action']): string[] =>
  Object.values(document.operations)
    .filter((each) => each.action === action && nameIn(each.channel) === channel)
    .flatMap(({ messages }) => messages.map(nameIn))

describe('the document', () => {
  test('is AsyncAPI 3.0 of this version, and its own parser has nothing to say against it', async () => {
    expect(document).toMatchObject({ asyncapi: '3.0.0', info: { title: 'Parley sockets', version: pkg.version } })
    const { diagnostics } = await new Parser().parse(JSON.stringify(document))
    // It would have 3.1.0, which fewer tools read.
    expect(diagnostics.filter(({ code }) => code !== 'asyncapi-latest-version')).toEqual([])
  })

  test('is kept by browsers until it changes', async () => {
    const { headers } = await fetch(`${parley.url}/docs/asyncapi.json`)
    expect(headers.get('content-type')).toBe('application/json')
    expect(headers.get('cache-control')).toBe('no-cache')
    const known = { 'if-none-match': headers.get('etag') ?? '' }
    expect((await fetch(`${parley.url}/docs/asyncapi.json`, { headers: known })).status).toBe(304)
  })

  test('has both sockets, what is listened to over one, and every way to show who one is', () => {
    const addresses = Object.entries(document.channels).map(([name, { address }]) => [name, address])
    expect(Object.fromEntries(addresses)).toEqual({
      plain: '/ws/room/{roomId}/messages',
      app: '/connection/websocket',
      room: 'room:{roomId}',
      user: 'user:{userId}',
    })
    const schemes = ['bearer', 'subprotocol', 'ticket', 'cookie']
    expect(Object.keys(document.components.securitySchemes)).toEqual(schemes)
    for (const { security } of Object.values(document.servers)) expect(security.map(nameIn)).toEqual(schemes)
  })

  test('has every command, every procedure and every publication', () => {
    const commands = Object.keys(REQUESTS).filter((method) => method !== 'rpc' && method !== 'send')
    const calls = Object.keys(PROCEDURES).map((procedure) => `rpc.${procedure}`)
    const told = UNANSWERED.map((procedure) => `send.${procedure}`)
    const received = framesOf('app', 'receive')
    expect(received.sort()).toEqual([...commands, ...calls, ...told].sort())
    expect(framesOf('room', 'send')).toEqual(Object.keys(ROOM_PUBLICATIONS))
    expect(framesOf('user', 'send')).toEqual(Object.keys(USER_PUBLICATIONS))
    const pushed = [...Object.keys(ROOM_PUBLICATIONS), ...Object.keys(USER_PUBLICATIONS)].map((name) => `push.${name}`)
    expect(framesOf('app', 'send')).toEqual(expect.arrayContaining(pushed))
  })

  test('tells of a reply to every command, and of what takes its place when it is refused', () => {
    for (const name of framesOf('app', 'receive')) {
      const replies = operationOf(name).reply?.messages.map(nameIn) ?? []
      const isUnanswered = name.startsWith('send.')
      expect([name, replies.at(-1)]).toEqual([name, isUnanswered ? undefined : 'error'])
      if (!isUnanswered && name !== 'sub_refresh') expect(replies).toEqual([`${name}.reply`, 'error'])
    }
  })

  test('has for each frame a name, a summary and examples that are frames of this kind', () => {
    for (const [key, { name, summary, examples }] of Object.entries(document.components.messages)) {
      expect(name).toBe(key)
      expect([name, summary]).toEqual([name, expect.stringMatching(/^\S.+\.$/)])
      expect(examples).not.toBeEmpty()
      for (const { payload } of examples) {
        expect([name, payload, exactly.kindsOf(payload, [name])]).toEqual([name, payload, [name]])
      }
    }
  })

  test('has examples of commands that are only what they are meant to be', () => {
    const names = framesOf('app', 'receive')
    for (const name of names) {
      const payload = document.components.messages[name]?.examples[0]?.payload
      expect(loosely.kindsOf(payload, names)).toEqual([name])
    }
  })

  test('has the shapes of REST under the names that they have there', async () => {
    const rest = (await (await fetch(`${parley.url}/docs/json`)).json()) as Document
    const names = Object.keys(document.components.schemas)
    const shared = ['Message', 'Peer', 'Product', 'ReadMark', 'RoomPage', 'RoomSummary']
    expect(names).toEqual(expect.arrayContaining([...shared, 'MessageCreated', 'Receipt', 'Typing', 'Welcome']))
    expect(Object.keys(rest.components.schemas)).toEqual(expect.arrayContaining(shared))
    expect(JSON.stringify(document)).not.toContain('"fault"')
  })

  test('has every number with which a socket ends, and an example of every error', () => {
    const codes = (name: string) => document.channels[name]?.['x-close-codes']?.map(({ code }) => code)
    expect(codes('app')).toEqual(expect.arrayContaining(Object.values(DISCONNECT)))
    expect(codes('plain')).toEqual(expect.arrayContaining(Object.values(CLOSE)))
    for (const [channel, frame] of [
      ['app', 'error'],
      ['plain', 'plain.error'],
    ] as const) {
      const words = document.channels[channel]?.['x-errors']?.map(({ word }) => word) ?? []
      expect(document.components.messages[frame]?.examples.map(({ name }) => name)).toEqual(words)
    }
  })
})

interface Line {
  [field: string]: unknown
  id?: number
}

/** An app socket on which all that is said, and all that is heard, is held against the document. */
class Wire implements Disposable {
  readonly #socket: TestSocket
  readonly #unasked: Line[] = []
  #lastId = 0

  constructor(socket: TestSocket) {
    this.#socket = socket
  }

  static async open(server: RunningParley): Promise<Wire> {
    return new Wire(await openSocket(websocketAt(server)))
  }

  /** The kind of the reply, which must be one of those of the operation; and the reply. */
  async ask(operation: string, body: object): Promise<[kind: string, reply: Line]> {
    const command = { id: ++this.#lastId, ...body }
    expect([command, loosely.kindsOf(command, framesOf('app', 'receive'))]).toEqual([command, [operation]])
    this.#socket.send(command)
    while (true) {
      const line = await this.#next()
      if (line.id !== command.id) this.#note(line)
      else return [kindOf(line, operationOf(operation).reply?.messages.map(nameIn) ?? []), line]
    }
  }

  call(method: string, data: object) {
    return this.ask(`rpc.${method}`, { rpc: { method, data } })
  }

  tell(method: string, data: object): void {
    const command = { send: { data: { method, data } } }
    expect(loosely.kindsOf(command, framesOf('app', 'receive'))).toEqual([`send.${method}`])
    this.#socket.send(command)
  }

  /** The first of this kind that came without having been asked for. */
  async hear(kind: string): Promise<Line> {
    while (true) {
      const heard = this.#unasked.find((line) => exactly.fits(line, kind))
      if (heard) return heard
      this.#note(await this.#next())
    }
  }

  #note(line: Line) {
    kindOf(line, framesOf('app', 'send'))
    this.#unasked.push(line)
  }

  async #next(): Promise<Line> {
    return { ...(await this.#socket.next()) }
  }

  send(frame: object): void {
    this.#socket.send(frame)
  }

  [Symbol.dispose](): void {
    this.#socket.close()
  }
}

/** A frame is of one kind, and has no field that the document does not name. */
function kindOf(frame: unknown, among: string[]): string {
  const kinds = exactly.kindsOf(frame, among)
  expect([frame, kinds]).toEqual([frame, [expect.any(String)]])
  return kinds[0] ?? ''
}

describe('what a running server says on an app socket fits the document', () => {
  /** Both people of a room with two messages, let in. */
  async function connected() {
    const { owner, customer, roomId } = await parley.pair()
    for (const text of ['Is it free on Saturday?', 'Or on Sunday?']) await customer.send(roomId, text)
    const [minji, joon] = [await Wire.open(parley), await Wire.open(parley)]
    expect(await minji.ask('connect', { connect: { token: owner.token } })).toMatchObject(['connect.reply', {}])
    expect(await joon.ask('connect', { connect: { token: customer.token } })).toMatchObject(['connect.reply', {}])
    return { owner, customer, roomId, channel: `room:${roomId}`, minji, joon }
  }

  test('where rooms are listened to', async () => {
    const { customer, channel, minji, joon, owner } = await connected()
    const [, { subscribe }] = await minji.ask('subscribe', { subscribe: { channel, join_leave: true } })
    const { epoch } = subscribe as { epoch: string }
    const recover = { channel, recover: true, offset: 0, epoch }
    const [kind, recovered] = await joon.ask('subscribe', { subscribe: recover })
    expect(kind).toBe('subscribe.reply')
    expect(recovered.subscribe).toMatchObject({ recovered: true, publications: [{ offset: 1 }, { offset: 2 }] })
    expect(await minji.hear('push.join')).toMatchObject({ push: { join: { info: { user: customer.id } } } })

    const history = { channel, limit: 1, since: { offset: 0, epoch }, reverse: false }
    const asked: [string, object][] = [
      ['history', { history }],
      ['presence', { presence: { channel } }],
      ['presence_stats', { presence_stats: { channel } }],
      ['ping', { ping: {} }],
      ['refresh', { refresh: { token: owner.token } }],
      ['unsubscribe', { unsubscribe: { channel } }],
    ]
    for (const [name, body] of asked) {
      expect([name, await minji.ask(name, body)]).toMatchObject([name, [`${name}.reply`, {}]])
    }
  })

  test('where messages, marks and signals go to and fro', async () => {
    const { owner, customer, roomId, channel, minji, joon } = await connected()
    await minji.ask('subscribe', { subscribe: { channel } })
    await joon.ask('subscribe', { subscribe: { channel } })

    const draft = { roomId, text: 'Saturday it is.', clientId: 'c-1' }
    expect(await joon.call('message.send', draft)).toMatchObject(['rpc.message.send.reply', {}])
    expect(await joon.ask('publish', { publish: { channel, data: { text: 'At ten?' } } })).toMatchObject([
      'publish.reply',
      {},
    ])
    await minji.hear('push.message.created')
    expect(await minji.hear('push.room.changed')).toMatchObject({ push: { channel: `user:${owner.id}` } })
    joon.tell('room.typing', { roomId })
    await minji.hear('push.typing')
    for (const [procedure, data] of [
      ['room.delivered', { roomId, seq: 2 }],
      ['room.read', { roomId, seq: 3 }],
      ['room.typing', { roomId }],
      ['rooms.list', { limit: 5, role: 'owner' }],
      ['presence.status', { userIds: [customer.id] }],
    ] as const) {
      expect([procedure, await minji.call(procedure, data)]).toMatchObject([procedure, [`rpc.${procedure}.reply`, {}]])
    }
    expect(await joon.hear('push.receipt')).toMatchObject({ push: { pub: { data: { userId: owner.id } } } })
    minji.tell('room.read', { roomId, seq: 4 })
    minji.tell('room.delivered', { roomId, seq: 4 })
  })

  test('where a command is refused', async () => {
    const { channel, roomId, minji } = await connected()
    await minji.ask('subscribe', { subscribe: { channel } })
    using stranger = await Wire.open(parley)
    const refused = [
      await stranger.ask('connect', { connect: {} }),
      await stranger.ask('connect', { connect: { token: 'pls_wrong' } }),
      await minji.ask('subscribe', { subscribe: { channel: 'room:999999' } }),
      await minji.ask('subscribe', { subscribe: { channel } }),
      await minji.call('message.send', { roomId, text: ' ' }),
      await minji.call('message.send', { roomId, text: 'a'.repeat(4001) }),
      await minji.ask('history', { history: { channel, since: { offset: 1, epoch: 'another' } } }),
      await minji.ask('sub_refresh', { sub_refresh: { channel } }),
    ]
    const told = refused.map(([kind, { error }]) => {
      const { code, message } = error as { code: number; message: string }
      return [kind, code, message.split(':')[0]]
    })
    expect(told).toEqual([
      ['error', 101, 'unauthenticated'],
      ['error', 109, 'token_expired'],
      ['error', 102, 'room_not_found'],
      ['error', 105, 'already_subscribed'],
      ['error', 107, 'message_required'],
      ['error', 107, 'message_too_long'],
      ['error', 112, 'unrecoverable_position'],
      ['error', 108, 'not_available'],
    ])
    const errors = document.channels.app?.['x-errors']?.map(({ number, word }) => `${number} ${word}`)
    for (const [, number, word] of told) expect(errors).toContain(`${number} ${word}`)
  })

  test('where it asks whether one is still there', async () => {
    await using impatient = await startParley({ env: { PARLEY_PING_INTERVAL: '1' } })
    const minji = await impatient.person('Minji')
    using wire = await Wire.open(impatient)
    await wire.ask('connect', { connect: { token: minji.token } })
    expect(await wire.hear('heartbeat')).toEqual({})
    expect(loosely.fits({}, 'heartbeat.reply')).toBe(true)
  })

  test('over HTTP', async () => {
    const minji = await parley.person('Minji')
    const post = (path: string, body: object) =>
      fetch(parley.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    const stream = await post('/connection/http_stream', { id: 1, connect: { token: minji.token } })
    const lines = linesOf(stream)
    const arrival = (await lines.next()).value
    expect(kindOf(arrival, ['connect.reply', 'error'])).toBe('connect.reply')
    const { session, node } = { ...(arrival?.connect as object) } as Record<string, string>
    expect((await post('/emulation', { session, node, data: 'no command' })).status).toBe(204)
    expect(kindOf((await lines.next()).value, framesOf('app', 'send'))).toBe('push.disconnect')
    expect((await lines.next()).done).toBe(true)
  })

  test('where it takes long to come to it', () => {
    const left = encodeSignal({ type: 'room.left', roomId: 12, userId: 'minji', client: 'a' })
    expect(kindOf(JSON.parse(left), framesOf('app', 'send'))).toBe('push.leave')
    expect(kindOf(JSON.parse(encodeLost(12)), framesOf('app', 'send'))).toBe('push.unsubscribe')
  })
})

async function* linesOf({ body }: Response): AsyncGenerator<Line, undefined> {
  let rest = ''
  for await (const text of (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield JSON.parse(line)
  }
}

test('what the npm client says and is told fits the document', async () => {
  const said: Line[] = []
  const told: Line[] = []
  const linesIn = (text: string) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
  class Overheard extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols)
      this.addEventListener('message', ({ data }) => told.push(...linesIn(data)))
    }

    override send(text: string) {
      said.push(...linesIn(text))
      super.send(text)
    }
  }
  const { owner, customer, roomId } = await parley.pair()
  using minji = await App.open(parley, owner, { websocket: Overheard })
  using joon = await App.open(parley, customer, { websocket: Overheard })
  const hers = await minji.room(roomId)
  await joon.room(roomId, { since: { offset: 0, epoch: '' } })
  await joon.send(roomId, 'Is it free on Saturday?')
  await hers.texts(1)
  await minji.client.send({ method: 'room.read', data: { roomId, seq: 1 } })
  await minji.call('rooms.list', {})
  await hers.subscription.history({ limit: 10 })
  await hers.subscription.presence()
  await hers.subscription.presenceStats()

  for (const line of said)
    expect([line, loosely.kindsOf(line, framesOf('app', 'receive'))]).toEqual([line, [expect.any(String)]])
  const all = Object.keys(document.channels.app?.messages ?? {})
  for (const line of told) expect([line, exactly.kindsOf(line, all)]).not.toEqual([line, []])
  expect(told.length).toBeGreaterThan(10)
})

describe('what a running server says on a plain socket fits the document', () => {
  const HEARD = ['plain.message', 'plain.error']

  test('where people and the marketplace write', async () => {
    const { owner, customer, roomId } = await parley.pair()
    using socket = await owner.connect(roomId)
    const sent = [
      { message: 'Is it free on Saturday?' },
      { message: 'Or on Sunday?', client_id: 'c-1', sender_email: customer.email, room_id: roomId },
      { message: 'At ten?', room_id: String(roomId) },
    ]
    using his = await customer.connect(roomId)
    for (const frame of sent) {
      expect(exactly.kindsOf(frame, ['plain.send'])).toEqual(['plain.send'])
      his.send(frame)
    }
    await backend(parley).post(`/api/rooms/${roomId}/messages`, { text: 'Paid.' })
    for (const frame of await socket.take(4)) expect(kindOf(frame, HEARD)).toBe('plain.message')
  })

  test('where a frame is refused, or the socket', async () => {
    const { owner, roomId } = await parley.pair()
    using socket = await owner.connect(roomId)
    const bad = [
      'no JSON',
      {},
      { message: ' ' },
      { message: 'a'.repeat(4001), client_id: 'c-1' },
      { message: '\u0000' },
    ]
    for (const frame of [
      ...bad,
      { message: 'hi', sender_email: 'x@example.com' },
      { message: 'hi', room_id: 999999 },
    ]) {
      socket.send(frame)
    }
    const refused = [...(await socket.take(7)), await (await owner.connect(999999)).next()]
    const codes = refused.map((frame) => (kindOf(frame, HEARD) === 'plain.error' ? frame.code : ''))
    expect(codes).toEqual([
      ...['bad_frame', 'message_required', 'message_required', 'message_too_long', 'invalid'],
      ...['sender_mismatch', 'room_not_found', 'room_not_found'],
    ])
    const known = document.channels.plain?.['x-errors']?.map(({ word }) => word)
    expect(known).toEqual(expect.arrayContaining(codes))
  })
})

describe('the page', () => {
  let page: string
  beforeAll(async () => {
    page = await (await fetch(`${parley.url}/docs/live`)).text()
  })

  test('is HTML with a strict CSP, without a script, and takes everything from this server', async () => {
    const { headers } = await fetch(`${parley.url}/docs/live`)
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(headers.get('content-security-policy')).toStartWith("default-src 'self'; ")
    expect(page).not.toMatch(/<script|<style|style=|\son[a-z]+=/)
    const taken = [...page.matchAll(/<link [^>]*href="([^"]*)"/g)].map(([, link = '']) => link)
    expect(taken).toHaveLength(2)
    for (const link of taken) {
      expect(link).toMatch(/^\/docs\/assets\/[a-z0-9.-]+\?v=[a-z0-9]+$/)
      expect((await fetch(parley.url + link)).headers.get('cache-control')).toContain('immutable')
    }
  })

  test('has a place for everything, and each of its links leads to one', () => {
    const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id = '']) => id)
    expect(new Set(ids).size).toBe(ids.length)
    const links = [...page.matchAll(/href="#([^"]*)"/g)].map(([, id = '']) => id)
    expect(links.filter((id) => !ids.includes(id))).toEqual([])
    for (const name of [...framesOf('app', 'receive'), ...framesOf('app', 'send')]) expect(ids).toContain(name)
    for (const code of [...Object.values(DISCONNECT), ...Object.values(CLOSE)]) {
      expect(page).toContain(`<td><code>${code}</code></td>`)
    }
  })
})
