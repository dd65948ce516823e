import { AppSocket } from './app-socket.ts'
import type { Random } from './chaos-random.ts'
import { emulate, openStream } from './http-stream.ts'
import { backend, hostPerson, seconds } from './marketplace.ts'
import { Person } from './person.ts'
import { RawSocket } from './raw-socket.ts'
import { signIn, signUp } from './server.ts'
import type { CountedServer } from './soak-server.ts'

export interface Pair {
  owner: Person
  customer: Person
  /** Those that they talk in now; older ones are left alone. */
  rooms: number[]
  productId: string
}

const ROOMS_OF_A_PAIR = 4
/** Of a soak: whoever is there from its beginning has a token for all of it. */
const LONGEST_SECONDS = 7 * 24 * 3600
/** The part of visits that is about something new. */
const NEW = 0.25
/** As fast as one may go on sending. */
const SENT_EVERY_MS = 200
const NEVER = '00000000-0000-7000-8000-000000000000'

/** What people do all day. Whatever they open, they close: when all have gone, the server is as it was before. */
export class Visitors {
  readonly #server: CountedServer
  readonly #random: Random
  readonly #key: Person
  readonly #pairs: Pair[]
  /** The longest that somebody does nothing, milliseconds. */
  readonly #pauseMs: number
  /** What has been done: requests, frames and commands. */
  operations = 0
  rooms = 0
  strangers = 0

  private constructor(server: CountedServer, key: Person, pairs: Pair[], random: Random, pauseMs: number) {
    this.#server = server
    this.#key = key
    this.#pairs = pairs
    this.#random = random
    this.#pauseMs = pauseMs
  }

  /** Owners have accounts, customers come from the marketplace. */
  static async gather(server: CountedServer, count: number, random: Random, pauseMs: number): Promise<Visitors> {
    const key = backend(server)
    const pairs: Pair[] = []
    for (let n = 0; n < count; n++) {
      const owner = new Person(server, await signUp(server.url, `Owner ${n}`))
      await key.put(`/api/users/customer-${n}`, { username: `Customer ${n}` })
      const customer = await hostPerson(server, `customer-${n}`, `Customer ${n}`, { exp: seconds(LONGEST_SECONDS) })
      pairs.push({ owner, customer, rooms: [], productId: (await owner.offer(`Bike ${n}`)).id })
    }
    return new Visitors(server, key, pairs, random, pauseMs)
  }

  /** Every pair meets again and again until `isOver`; resolves when all have gone. */
  async meet(isOver: () => boolean): Promise<void> {
    const meetings = this.#pairs.map(async (pair) => {
      while (!isOver()) await this.#visit(pair)
    })
    await Promise.all([...meetings, this.#passer(isOver)])
  }

  async #visit(pair: Pair) {
    if (pair.rooms.length === 0 || this.#random.next() < NEW) await this.#openRoom(pair)
    const roomId = this.#random.pick(pair.rooms)
    const visit = this.#random.pick([
      this.#talk,
      this.#talk,
      this.#comeBack,
      this.#overHttp,
      this.#signInAndOut,
      this.#hang,
      this.#giveUp,
      this.#trade,
    ])
    await visit.call(this, pair, roomId)
  }

  /** Something was done; a moment later comes the next thing. */
  async #pause() {
    this.operations += 1
    await Bun.sleep(this.#random.between(0, this.#pauseMs))
  }

  /** Somebody has said something. */
  async #said() {
    await this.#pause()
    await Bun.sleep(SENT_EVERY_MS)
  }

  async #openRoom(pair: Pair) {
    const { id: productId } = await pair.owner.offer('Road bike')
    await this.#pause()
    const response = await this.#key.post('/api/rooms', { productId, customerId: pair.customer.id })
    if (response.status !== 201) throw new Error(`no room: ${response.status} ${await response.text()}`)
    pair.rooms = [((await response.json()) as { id: number }).id, ...pair.rooms].slice(0, ROOMS_OF_A_PAIR)
    this.rooms += 1
    await this.#pause()
  }

  /** The customer on a plain socket, the owner in an app. */
  async #talk({ owner, customer }: Pair, roomId: number) {
    using app = await AppSocket.open(this.#server, owner)
    await this.#pause()
    await app.subscribe(roomId, { join_leave: true })
    await this.#pause()
    using plain = await customer.connect(roomId)
    await this.#pause()
    for (let n = 0; n < 3; n++) {
      plain.send({ message: `Is it still there? ${n}` })
      const { seq = 0 } = await plain.next()
      await this.#pause()
      app.send({ send: { data: { method: 'room.typing', data: { roomId } } } })
      app.send({ send: { data: { method: 'room.delivered', data: { roomId, seq } } } })
      await this.#ask(app, 'room.read', { roomId, seq })
      await app.say(roomId, `It is. ${n}`)
      await plain.next()
      await this.#said()
    }
    plain.send('{"message":')
    await plain.next()
    await this.#ask(app, 'rooms.list', { limit: 10 })
    await this.#ask(app, 'presence.status', { userIds: [customer.id] })
    await app.ask('history', { channel: `room:${roomId}`, limit: 20, reverse: true })
    await app.ask('presence', { channel: `room:${roomId}` })
    await app.ask('unsubscribe', { channel: `room:${roomId}` })
    await this.#pause()
    await this.#read(customer, roomId)
    app.close()
    plain.close()
    await Promise.all([app.closed, plain.closed])
  }

  async #ask(app: AppSocket, method: string, data: object) {
    const { error } = await app.rpc(method, data)
    if (error) throw new Error(`${method}: ${error.message}`)
    await this.#pause()
  }

  async #read(person: Person, roomId: number) {
    const paths = [`/api/rooms/${roomId}/messages?limit=20`, '/api/rooms?limit=10', `/api/rooms/${roomId}`, '/api/me']
    for (const path of paths) {
      await this.#expect(200, person.get(path))
      await this.#pause()
    }
  }

  async #expect(status: number, answer: Promise<Response>): Promise<Response> {
    const response = await answer
    if (response.status === status) return response
    throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`)
  }

  /** The line breaks, and what was missed comes in the reply; on the plain socket too. */
  async #comeBack({ owner, customer }: Pair, roomId: number) {
    const first = await AppSocket.open(this.#server, owner)
    const { subscribe: place } = await first.subscribe(roomId)
    await this.#pause()
    first.close()
    for (let n = 0; n < 3; n++) {
      await customer.send(roomId, `Meanwhile ${n}`, Bun.randomUUIDv7())
      await this.#said()
    }
    using again = await AppSocket.open(this.#server, owner)
    const { offset = 0, epoch = '' } = place ?? {}
    const { subscribe } = await again.subscribe(roomId, { recover: true, offset, epoch })
    if (subscribe?.recovered !== true) throw new Error(`not recovered from ${offset}`)
    await this.#pause()
    using plain = await owner.connect(roomId, `?after=${offset}`)
    await plain.take(3)
    await this.#pause()
    plain.close()
    again.close()
    await Promise.all([first.closed, again.closed, plain.closed])
  }

  /** The app's protocol where no WebSocket goes through. */
  async #overHttp({ customer }: Pair, roomId: number) {
    using stream = await openStream(this.#server, customer)
    await this.#pause()
    const { session, node } = stream
    const say = (command: object) => emulate(this.#server, { session, node, data: JSON.stringify(command) })
    await say({ id: 2, subscribe: { channel: `room:${roomId}` } })
    await this.#pause()
    await say({ id: 3, rpc: { method: 'message.send', data: { roomId, text: 'From behind a proxy' } } })
    await this.#said()
    while ((await stream.next())?.id !== 3);
  }

  async #signInAndOut({ owner }: Pair, roomId: number) {
    const answer = await this.#expect(201, signIn(this.#server.url, owner))
    const { token } = (await answer.json()) as { token: string }
    const device = new Person(this.#server, { ...owner, user: { ...owner, createdAt: '' }, token, expiresAt: '' })
    await this.#pause()
    const { ticket } = (await (await this.#expect(201, device.post('/api/tickets', {}))).json()) as { ticket: string }
    using socket = await AppSocket.dial(this.#server, { query: `?ticket=${ticket}` })
    await socket.connect()
    await socket.subscribe(roomId)
    await this.#pause()
    // Which ends its socket too.
    await this.#expect(204, device.call('DELETE', '/api/sessions/current'))
    await socket.closed
    await this.#expect(401, device.get('/api/me'))
    await this.#pause()
  }

  /** Stops reading in the midst of a busy room, and is gone without a word. */
  async #hang({ owner, customer }: Pair, roomId: number) {
    using slow = await RawSocket.open(`${this.#server.wsUrl}/ws/room/${roomId}/messages`, owner.token)
    slow.stopReading()
    for (let n = 0; n < 5; n++) {
      await customer.send(roomId, 'x'.repeat(1000))
      await this.#said()
    }
  }

  /** Asks, and does not wait for the answer. */
  async #giveUp({ owner, customer }: Pair, roomId: number) {
    for (const [person, method, path] of [
      [owner, 'GET', `/api/rooms/${roomId}/messages?limit=100`],
      [customer, 'POST', `/api/rooms/${roomId}/messages`],
      [owner, 'GET', '/api/rooms'],
    ] as const) {
      const answer = fetch(`${this.#server.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${person.token}`, 'content-type': 'application/json' },
        ...(method === 'POST' ? { body: '{"text":"Forget it"}' } : {}),
        signal: AbortSignal.timeout(this.#random.between(1, 4)),
      })
      await answer.then((response) => response.text()).catch(() => {})
      await this.#said()
    }
    const halfway = await Bun.connect({
      hostname: '127.0.0.1',
      port: Number(new URL(this.#server.url).port),
      socket: { data() {} },
    })
    halfway.write('POST /api/rooms HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"product')
    await this.#pause()
    halfway.terminate()
  }

  async #trade({ owner, customer, productId }: Pair, roomId: number) {
    await this.#expect(200, owner.call('PATCH', `/api/products/${productId}`, { title: `Bike ${this.operations}` }))
    await this.#pause()
    await this.#expect(200, customer.get(`/api/products?ownerId=${owner.id}&limit=10`))
    await this.#pause()
    await this.#expect(200, customer.put(`/api/rooms/${roomId}/read-mark`, { seq: 0 }))
    await this.#pause()
    await this.#expect(404, customer.get(`/api/products/${NEVER}`))
    await this.#pause()
    await this.#expect(422, owner.post('/api/products', { title: '' }))
    await this.#pause()
    for (const hidden of this.#random.next() < 0.1 ? [true, false] : []) {
      await this.#expect(200, owner.put('/api/me/presence', { hidden }))
      await this.#pause()
    }
  }

  /** New people, one after the other, who are erased when they have had their say. */
  async #passer(isOver: () => boolean) {
    const [pair] = this.#pairs
    while (!isOver() && pair) {
      const id = `stranger-${++this.strangers}`
      await this.#expect(201, this.#key.put(`/api/users/${id}`, { username: 'Stranger' }))
      const stranger = await hostPerson(this.#server, id, 'Stranger')
      const { id: roomId } = await stranger.openRoom(pair.productId)
      this.rooms += 1
      await this.#pause()
      using plain = await stranger.connect(roomId)
      await stranger.send(roomId, 'Just looking')
      await plain.next()
      await this.#pause()
      await this.#expect(200, this.#key.get(`/api/users/${id}/export`)).then((response) => response.text())
      await this.#expect(204, this.#key.call('DELETE', `/api/users/${id}?messages=delete`))
      await plain.closed
      await this.#pause()
    }
  }
}

/** People whose app stays open all the time, and goes from room to room. */
export class Residents implements Disposable {
  readonly #apps: AppSocket[]
  readonly #rooms: number[]
  readonly count: number

  private constructor(apps: AppSocket[], rooms: number[]) {
    this.#apps = apps
    this.#rooms = rooms
    this.count = apps.length
  }

  static async settle(server: CountedServer): Promise<Residents> {
    const exp = seconds(LONGEST_SECONDS)
    const owner = await hostPerson(server, 'shopkeeper', 'Shopkeeper', { exp })
    const customer = await hostPerson(server, 'regular', 'Regular', { exp })
    const { id: productId } = await owner.offer('Bikes')
    const { id: roomId } = await customer.openRoom(productId)
    const apps = [await AppSocket.open(server, owner), await AppSocket.open(server, customer)]
    return new Residents(apps, [roomId])
  }

  async live(isOver: () => boolean): Promise<void> {
    const [roomId = 0] = this.#rooms
    while (!isOver()) {
      for (const app of this.#apps) await app.subscribe(roomId, { join_leave: true })
      for (const app of this.#apps) await app.say(roomId, 'Good morning')
      for (const app of this.#apps) await app.ask('unsubscribe', { channel: `room:${roomId}` })
      for (const app of this.#apps) await app.rest()
      await Bun.sleep(500)
    }
  }

  [Symbol.dispose](): void {
    for (const app of this.#apps) app.close()
  }
}
