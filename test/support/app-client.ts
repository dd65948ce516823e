import type { Static } from '@sinclair/typebox'
import {
  Centrifuge,
  type ConnectedContext,
  type Options,
  type PublicationContext,
  type SubscribedContext,
  type Subscription,
  type SubscriptionOptions,
  type TransportEndpoint,
} from 'centrifuge'
import type { ROOM_PUBLICATIONS, USER_PUBLICATIONS, Welcome } from '../../src/live/app/protocol-pushes.ts'
import type { DataOf, Procedure, ResultOf } from '../../src/live/app/protocol-rpc.ts'
import type { Message } from '../../src/messages/model.ts'
import type { RunningParley } from './server.ts'

type Typing = Static<(typeof ROOM_PUBLICATIONS)['typing']>
type Receipt = Static<(typeof ROOM_PUBLICATIONS)['receipt']>
type RoomChanged = Static<(typeof USER_PUBLICATIONS)['room.changed']>

/** Where an app connects: a server, or what stands in front of it. */
export type Door = Pick<RunningParley, 'url' | 'wsUrl'>

/** What has happened, in the order in which it did; a test waits until it is enough. */
export class Seen<T> {
  readonly items: T[] = []
  readonly #waiting = new Set<{ isEnough: (items: readonly T[]) => boolean; resolve: () => void }>()

  add(item: T): void {
    this.items.push(item)
    for (const waiter of this.#waiting) {
      if (!waiter.isEnough(this.items)) continue
      this.#waiting.delete(waiter)
      waiter.resolve()
    }
  }

  get last(): T | undefined {
    return this.items.at(-1)
  }

  async until(isEnough: (items: readonly T[]) => boolean): Promise<T[]> {
    if (!isEnough(this.items)) {
      await new Promise<void>((resolve) => this.#waiting.add({ isEnough, resolve }))
    }
    return this.items
  }

  reached(count: number): Promise<T[]> {
    return this.until(({ length }) => length >= count)
  }
}

export const websocketAt = (door: Door): string => `${door.wsUrl}/connection/websocket`

/** The npm client, as anybody would use it. It comes back fast, so that a test need not wait for it. */
const DEFAULTS: Partial<Options> = { websocket: WebSocket, minReconnectDelay: 10, maxReconnectDelay: 100 }

/** The npm client of one device. `using` disconnects it. */
export class App implements Disposable {
  readonly client: Centrifuge
  /** Each time that it was let in. */
  readonly arrivals = new Seen<ConnectedContext & { data: Welcome }>()
  /** Why it lost a connection, to come back by itself. */
  readonly losses = new Seen<{ code: number; reason: string }>()
  /** Why it stays away. */
  readonly endings = new Seen<{ code: number; reason: string }>()
  /** Errors that it went on from. */
  readonly troubles = new Seen<{ code: number; message: string }>()
  /** The channels that the server put it on. */
  readonly given = new Seen<string>()
  /** What came on the person's own channel. */
  readonly inbox = new Seen<RoomChanged>()

  constructor(endpoint: string | TransportEndpoint[], options: Partial<Options>) {
    this.client = new Centrifuge(endpoint, { ...DEFAULTS, ...options })
    this.client.on('connected', (context) => this.arrivals.add(context as ConnectedContext & { data: Welcome }))
    this.client.on('connecting', ({ code, reason }) => code !== 0 && this.losses.add({ code, reason }))
    this.client.on('disconnected', ({ code, reason }) => this.endings.add({ code, reason }))
    this.client.on('error', ({ error }) => this.troubles.add(error))
    this.client.on('subscribed', ({ channel }) => this.given.add(channel))
    this.client.on('publication', ({ data }) => this.inbox.add(data))
  }

  /** Resolves when it is let in. */
  static async open(door: Door, { token }: { token: string }, options: Partial<Options> = {}): Promise<App> {
    const app = new App(websocketAt(door), { getToken: async () => token, ...options })
    await app.connect()
    return app
  }

  async connect(): Promise<ConnectedContext & { data: Welcome }> {
    const count = this.arrivals.items.length + 1
    this.client.connect()
    const [arrival] = (await this.arrivals.reached(count)).slice(-1)
    if (!arrival) throw new Error('not let in')
    return arrival
  }

  /** The id of its connection. */
  get id(): string {
    return this.arrivals.last?.client ?? ''
  }

  /** @throws the error of the reply */
  async call<P extends Procedure>(procedure: P, data: DataOf<P>): Promise<ResultOf<P>> {
    return (await this.client.rpc(procedure, data)).data
  }

  send(roomId: number, text: string, clientId?: string) {
    return this.call('message.send', { roomId, text, ...(clientId === undefined ? {} : { clientId }) })
  }

  /** Resolves when it listens in the room. */
  async room(roomId: number, options: SubscriptionOptions = {}): Promise<AppRoom> {
    const room = new AppRoom(this, roomId, options)
    room.subscription.subscribe()
    await room.subscription.ready()
    return room
  }

  [Symbol.dispose](): void {
    this.client.disconnect()
  }
}

/** A room on a device. */
export class AppRoom {
  readonly subscription: Subscription
  /** The entries, with their offsets. */
  readonly entries = new Seen<PublicationContext>()
  readonly typing = new Seen<Typing>()
  readonly receipts = new Seen<Receipt>()
  /** Who came and went. */
  readonly joins = new Seen<string>()
  readonly leaves = new Seen<string>()
  /** Each time that it began to listen, and why it does no longer. */
  readonly places = new Seen<SubscribedContext>()
  readonly endings = new Seen<{ code: number; reason: string }>()

  constructor(app: App, roomId: number, options: SubscriptionOptions) {
    const wishes = { recoverable: true, positioned: true, joinLeave: true, ...options }
    this.subscription = app.client.newSubscription(`room:${roomId}`, wishes)
    this.subscription.on('publication', (publication) => this.#take(publication))
    this.subscription.on('join', ({ info }) => this.joins.add(info.user))
    this.subscription.on('leave', ({ info }) => this.leaves.add(info.user))
    this.subscription.on('subscribed', (place) => this.places.add(place))
    this.subscription.on('unsubscribed', ({ code, reason }) => this.endings.add({ code, reason }))
  }

  #take(publication: PublicationContext) {
    if (publication.data.type === 'typing') this.typing.add(publication.data)
    else if (publication.data.type === 'receipt') this.receipts.add(publication.data)
    else this.entries.add(publication)
  }

  /** Resolves when so many entries were received in all. */
  async texts(count: number): Promise<string[]> {
    return (await this.entries.reached(count)).map(({ data }) => data.message.text)
  }
}

/** A number of the server's. */
export async function metric(server: Door, name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}

/** Resolves when a number of the server's is as it is wanted. */
export async function settled(server: Door, name: string, isRight: (value: number) => boolean): Promise<number> {
  while (true) {
    const value = await metric(server, name)
    if (isRight(value)) return value
  }
}

/** An entry, as the protocol carries it. */
export interface Publication {
  offset?: number
  data: { type: string; message?: Message }
}

/** A reply or a push, as it came. */
export interface Reply {
  id?: number
  error?: { code: number; message: string }
  connect?: { client: string; data: Welcome; session?: string; node?: string; ttl?: number }
  subscribe?: {
    offset: number
    epoch: string
    was_recovering?: boolean
    recovered?: boolean
    publications?: Publication[]
  }
  presence?: { presence: Record<string, { user: string; client: string }> }
  rpc?: { data: unknown }
  push?: { channel?: string; pub?: Publication; join?: object; leave?: object; disconnect?: { code: number } }
}

/**
 * The protocol itself over Bun's WebSocket: newline-delimited JSON, and nothing that is mended behind the test's back.
 * What comes is handled in the order in which it came: a reply by whoever asked, a push by `onPush`.
 */
export class RawApp implements Disposable {
  readonly #socket: WebSocket
  readonly #asked = new Map<number, (reply: Reply) => void>()
  #lastId = 0
  onPush: (push: NonNullable<Reply['push']>) => void = () => {}
  readonly closed: Promise<{ code: number; reason: string }>

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.onmessage = ({ data }) => {
      for (const line of String(data).split('\n')) this.#take(JSON.parse(line))
    }
    this.closed = new Promise((resolve) => {
      socket.onclose = ({ code, reason }) => resolve({ code, reason })
    })
  }

  /** Resolves when it is let in. */
  static async open(door: Door, { token }: { token: string }): Promise<RawApp> {
    const socket = new WebSocket(websocketAt(door))
    const app = new RawApp(socket)
    await new Promise((resolve, reject) => {
      socket.onopen = resolve
      socket.onerror = () => reject(new Error('no upgrade'))
    })
    const { error } = await app.ask({ connect: { token } })
    if (error) throw new Error(error.message)
    return app
  }

  #take(reply: Reply) {
    if (reply.push) return this.onPush(reply.push)
    const id = reply.id ?? 0
    // The server's ping.
    if (id === 0) return this.#socket.send('{}')
    this.#asked.get(id)?.(reply)
    this.#asked.delete(id)
  }

  /** `onReply` is called before what comes after the reply is handled. */
  tell(command: object, onReply: (reply: Reply) => void = () => {}): void {
    const id = ++this.#lastId
    this.#asked.set(id, onReply)
    this.#socket.send(JSON.stringify({ id, ...command }))
  }

  /** Never resolves when the connection is lost before. */
  ask(command: object): Promise<Reply> {
    return new Promise((resolve) => this.tell(command, resolve))
  }

  /** Drops the connection. */
  cut(): void {
    this.onPush = () => {}
    this.#asked.clear()
    this.#socket.terminate()
  }

  [Symbol.dispose](): void {
    this.#socket.close()
  }
}
