import type { Message } from '../../src/messages/model.ts'
import type { Product } from '../../src/products/model.ts'
import type { Room, RoomPage } from '../../src/rooms/model.ts'
import type { RunningParley, SignedUp } from './server.ts'
import { openSocket, type TestSocket } from './socket.ts'

type Server = Pick<RunningParley, 'url' | 'wsUrl'>

/** Somebody with a token, who speaks REST and sockets. */
export class Person {
  readonly id: string
  readonly username: string
  readonly email: string
  readonly password: string
  readonly token: string
  readonly #server: Server

  constructor(server: Server, { user, email, password, token }: SignedUp) {
    this.#server = server
    this.id = user.id
    this.username = user.username
    this.email = email
    this.password = password
    this.token = token
  }

  /** The same person at another server: after a restart it listens elsewhere. */
  at(server: Server): Person {
    const user = { id: this.id, username: this.username, createdAt: '' }
    return new Person(server, { ...this, user, expiresAt: '' })
  }

  call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.#server.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  }

  get(path: string) {
    return this.call('GET', path)
  }

  post(path: string, body?: unknown, headers?: Record<string, string>) {
    return this.call('POST', path, body, headers)
  }

  put(path: string, body: unknown) {
    return this.call('PUT', path, body)
  }

  async offer(title: string, more: object = {}): Promise<Product> {
    return this.#expect(201, await this.post('/api/products', { title, ...more }))
  }

  async openRoom(productId: string): Promise<Room> {
    return this.#expect(201, await this.post('/api/rooms', { productId }))
  }

  async send(roomId: number, text: string, clientId?: string): Promise<Message> {
    const body = { text, ...(clientId ? { clientId } : {}) }
    return this.#expect(201, await this.post(`/api/rooms/${roomId}/messages`, body))
  }

  async inbox(query = ''): Promise<RoomPage> {
    return this.#expect(200, await this.get(`/api/rooms${query}`))
  }

  /** All of a room, page by page. */
  async history(roomId: number): Promise<Message[]> {
    const all: Message[] = []
    while (true) {
      const path = `/api/rooms/${roomId}/messages?after=${all.at(-1)?.seq ?? 0}&limit=100`
      const page = await this.#expect<{ items: Message[]; hasMore: boolean }>(200, await this.get(path))
      all.push(...page.items)
      if (!page.hasMore) return all
    }
  }

  /** A socket in the room, by bearer token. */
  connect(roomId: number | string, query = '', headers: Record<string, string> = {}): Promise<TestSocket> {
    const url = `${this.#server.wsUrl}/ws/room/${roomId}/messages${query}`
    return openSocket(url, { headers: { authorization: `Bearer ${this.token}`, ...headers } })
  }

  async #expect<T>(status: number, response: Response): Promise<T> {
    if (response.status !== status)
      throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`)
    return (await response.json()) as T
  }
}
