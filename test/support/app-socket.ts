import { expect } from 'bun:test'
import type { createServices } from '../../src/app.ts'
import type { Identity } from '../../src/auth/model.ts'
import { createLog } from '../../src/lib/log.ts'
import { type Rate, RateLimit } from '../../src/lib/rate-limit.ts'
import type { Welcome } from '../../src/live/app/protocol-pushes.ts'
import { AppSession } from '../../src/live/app/session.ts'
import type { LiveSocket } from '../../src/live/line/line.ts'
import { Turns } from '../../src/live/line/turns.ts'
import type { Message } from '../../src/messages/model.ts'
import type { RunningParley } from './server.ts'

/** Where an app connects. */
type Door = Pick<RunningParley, 'url' | 'wsUrl'>

export interface Publication {
  data: { type: string; message?: Message; [field: string]: unknown }
  offset?: number
}

/** Where one is in a room, after a subscribe. */
export interface Place {
  epoch: string
  offset: number
  recovered?: boolean
  publications?: Publication[]
  [field: string]: unknown
}

/** What the server answers to a command. */
export interface Reply {
  id: number
  error?: { code: number; message: string; temporary?: boolean }
  connect?: { client: string; data: Welcome; ttl?: number; [field: string]: unknown }
  refresh?: { ttl: number; [field: string]: unknown }
  subscribe?: Place
  history?: { epoch: string; offset: number; publications: Publication[] }
  presence?: { presence: Record<string, { client: string; user: string }> }
  presence_stats?: { num_clients: number; num_users: number }
  rpc?: { data: unknown }
  [method: string]: unknown
}

/** What the server tells by itself. */
export interface Push {
  channel: string
  pub?: Publication
  join?: { info: { user: string; client: string } }
  leave?: { info: { user: string; client: string } }
  unsubscribe?: { code: number; reason: string }
}

interface Dial {
  headers?: Record<string, string>
  protocols?: string[]
  query?: string
}

interface Waiter<T> {
  resolve: (value: T) => void
  reject: (error: Error) => void
}

const addressOf = ({ wsUrl }: Pick<Door, 'wsUrl'>, query = ''): string => `${wsUrl}/connection/websocket${query}`

/** A client that speaks the app's protocol by hand: lines of JSON on Bun's WebSocket. `using` closes it. */
export class AppSocket implements Disposable {
  readonly #socket: WebSocket
  readonly #replies = new Map<number, Reply>()
  readonly #asked = new Map<number, Waiter<Reply>>()
  readonly #pushes: Push[] = []
  readonly #waiting: Waiter<Push>[] = []
  #lastId = 0
  #ending: string | undefined
  /** Every line so far, as it came. */
  readonly lines: string[] = []
  readonly closed: Promise<{ code: number; reason: string }>
  /** Whether it answers the pings of the server. */
  answersPings = true
  pings = 0

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.onmessage = ({ data }) => {
      for (const line of String(data).split('\n')) this.#take(line)
    }
    this.closed = new Promise((resolve) => {
      socket.onclose = ({ code, reason }) => {
        this.#ending = `closed with ${code} ${reason}`
        for (const { reject } of [...this.#waiting.splice(0), ...this.#asked.values()]) reject(new Error(this.#ending))
        resolve({ code, reason })
      }
    })
    // A reply that nobody waits for any more is no failure of its own.
    this.closed.catch(() => {})
  }

  /** Resolves when the upgrade succeeded, rejects when it failed. */
  static async dial(door: Pick<Door, 'wsUrl'>, { headers = {}, protocols = [], query = '' }: Dial = {}) {
    const socket = new WebSocket(addressOf(door, query), { headers, protocols })
    const wrapped = new AppSocket(socket)
    await new Promise((resolve, reject) => {
      socket.onopen = resolve
      socket.onerror = () => reject(new Error(`no upgrade at ${door.wsUrl}`))
    })
    return wrapped
  }

  /** Of somebody who is in. */
  static async open(door: Pick<Door, 'wsUrl'>, { token }: { token: string }, dial: Dial = {}): Promise<AppSocket> {
    const socket = await AppSocket.dial(door, dial)
    const reply = await socket.connect(token)
    if (!reply.connect) throw new Error(`not let in: ${reply.error?.message}`)
    return socket
  }

  get protocol(): string {
    return this.#socket.protocol
  }

  #take(line: string) {
    this.lines.push(line)
    const said = JSON.parse(line) as Partial<Reply> & { push?: Push }
    if (line === '{}') {
      this.pings += 1
      if (this.answersPings) this.send('{}')
    } else if (said.push) {
      const next = this.#waiting.shift()
      if (next) next.resolve(said.push)
      else this.#pushes.push(said.push)
    } else {
      const reply = { ...said, id: said.id ?? 0 }
      this.#replies.set(reply.id, reply)
      this.#asked.get(reply.id)?.resolve(reply)
      this.#asked.delete(reply.id)
    }
  }

  /** An object is sent as JSON, objects as a line each in one frame, anything else as it is. */
  send(frame: object | object[] | string | Uint8Array): void {
    const isRaw = typeof frame === 'string' || frame instanceof Uint8Array
    this.#socket.send(
      isRaw
        ? frame
        : [frame]
            .flat()
            .map((each) => JSON.stringify(each))
            .join('\n'),
    )
  }

  /** The reply to a command that was sent with this id; fails when the socket is closed instead. */
  reply(id: number): Promise<Reply> {
    const reply = this.#replies.get(id)
    if (reply) return Promise.resolve(reply)
    if (this.#ending) return Promise.reject(new Error(this.#ending))
    return new Promise((resolve, reject) => this.#asked.set(id, { resolve, reject }))
  }

  ask(method: string, request: unknown = {}): Promise<Reply> {
    const id = ++this.#lastId
    this.send({ id, [method]: request })
    return this.reply(id)
  }

  connect(token?: string): Promise<Reply> {
    return this.ask('connect', token === undefined ? {} : { token })
  }

  subscribe(roomId: number, more: object = {}): Promise<Reply> {
    return this.ask('subscribe', { channel: `room:${roomId}`, ...more })
  }

  rpc(method: string, data: unknown): Promise<Reply> {
    return this.ask('rpc', { method, data })
  }

  /** The stored message. */
  async say(roomId: number, text: string, clientId?: string): Promise<Message> {
    const { rpc, error } = await this.rpc('message.send', { roomId, text, ...(clientId ? { clientId } : {}) })
    if (!rpc) throw new Error(`not sent: ${error?.message}`)
    return rpc.data as Message
  }

  /** The next push that was not taken yet; fails when the socket is closed instead. */
  next(): Promise<Push> {
    const push = this.#pushes.shift()
    if (push) return Promise.resolve(push)
    if (this.#ending) return Promise.reject(new Error(this.#ending))
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  /** The next push of this kind on a channel; the others before it are passed over. */
  async nextOf(type: string): Promise<Push> {
    while (true) {
      const push = await this.next()
      if (typeOf(push) === type) return push
    }
  }

  /** What was pushed and not taken yet, once everything that the server had to say before has come. */
  async rest(): Promise<Push[]> {
    await this.ask('ping')
    return this.#pushes.splice(0)
  }

  /** The seqs of so many entries; signals and the inbox are passed over. */
  async entries(count: number): Promise<number[]> {
    const seqs: number[] = []
    while (seqs.length < count) seqs.push((await this.nextOf('message.created')).pub?.offset ?? -1)
    return seqs
  }

  close(): void {
    this.#socket.close()
  }

  [Symbol.dispose](): void {
    this.#socket.close()
  }
}

/** `message.created`, `typing`, …, or `join`, `leave`, `unsubscribe`. */
export const typeOf = ({ pub, ...push }: Push): string =>
  pub?.data.type ?? Object.keys(push).find((key) => key !== 'channel') ?? ''

/** An error reply: its number, and the word with which its message begins. */
export const refused = (id: number, code: number, word: string, isTemporary = false) => ({
  id,
  error: {
    code,
    message: expect.stringMatching(new RegExp(`^${word}: \\S`)),
    ...(isTemporary ? { temporary: true } : {}),
  },
})

/** A socket whose client is in our hands: what it was sent, and how much of that it has not read. */
export class HeldSocket implements LiveSocket {
  readonly sent: string[] = []
  readonly topics = new Set<string>()
  closedWith: { code: number; reason: string } | undefined
  unsent = 0

  send(frame: string): void {
    this.sent.push(frame)
  }

  cork(send: () => void): void {
    send()
  }

  subscribe(topic: string): void {
    this.topics.add(topic)
  }

  unsubscribe(topic: string): void {
    this.topics.delete(topic)
  }

  close(code: number, reason: string): void {
    this.closedWith = { code, reason }
  }

  ping(): void {}

  getBufferedAmount(): number {
    return this.unsent
  }

  /** Resolves when a line was sent that has this in it. */
  async told(part: string): Promise<string> {
    while (true) {
      const line = this.sent.find((each) => each.includes(part))
      if (line !== undefined) return line
      await settle()
    }
  }
}

/** Lets everything run that waits for nothing but its turn. */
export const settle = () => new Promise((resolve) => setTimeout(resolve))

/** Resolves when something is so. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await settle()
}

export const seqs = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => from + at)

type Services = ReturnType<typeof createServices>

interface Held {
  services: Services
  /** Its own credential, if the upgrade had one. */
  found?: Identity
  uptime?: () => number
  now?: () => number
  commands?: Rate
}

/** A real connection of a real server, of which the socket and the clock are in our hands. */
export function holdSession({ services, found, uptime = () => performance.now(), now = Date.now, commands }: Held) {
  const socket = new HeldSocket()
  const deps = {
    ...services,
    ...{ log: createLog({ level: 'error', format: 'json' }), version: '0.0.0', epoch: 'held' },
    ...{ now, uptime, pingEveryMs: 25_000, turns: new Turns() },
    commands: new RateLimit({ rate: commands ?? { burst: 1, perSecond: 1 }, now: uptime, on: commands !== undefined }),
    onReplay() {},
    onRefused() {},
  } as const
  const upgrade = { found, network: '192.0.2.1', origin: undefined, locale: 'en' } as const
  const session = new AppSession(deps, upgrade)
  session.line.onOpen(socket)
  return {
    session,
    socket,
    say: (...commands: object[]) => session.line.onMessage(commands.map((each) => JSON.stringify(each)).join('\n')),
  }
}
