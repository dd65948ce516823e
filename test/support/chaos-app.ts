import { type Door, type Publication, type Reply, websocketAt } from './app-client.ts'
import type { Random } from './chaos-random.ts'
import type { Entry } from './chaos-record.ts'
import type { ChaosRoom, Device } from './chaos-rooms.ts'
import type { Person } from './person.ts'

/** Longer than anything may take while the database is paused, and shorter than a run. */
const ANSWERED_WITHIN_MS = 8000

/** So many of the sends lose their connection before the answer can come. */
export const DROPPED = 0.1
/** So many of the messages are told to be read. */
const READ = 0.2

type Push = Omit<NonNullable<Reply['push']>, 'pub'> & {
  pub?: Publication & { data: { totalUnread?: number } }
  unsubscribe?: object
}

interface Options {
  name: string
  person: Person
  rooms: readonly ChaosRoom[]
  /** The nodes: where it was is no matter when it comes back. */
  doors: readonly Door[]
  random: Random
}

/** An app on the app socket, which recovers its rooms wherever it comes back. */
export class AppDevice implements Device {
  readonly name: string
  readonly person: Person
  readonly rooms: readonly ChaosRoom[]
  readonly complaints: string[] = []
  repeats = 0
  /** How far it has said that the person has read, in each room; as far as that was answered. */
  readonly marks = new Map<number, number>()
  /** What its badge says. */
  totalUnread = 0
  readonly #told = new Set<string>()
  readonly #options: Options
  readonly #places = new Map<number, { entries: Entry[]; epoch: string }>()
  #line: Line | undefined
  isOver = false

  constructor(options: Options) {
    this.name = options.name
    this.person = options.person
    this.rooms = options.rooms
    this.#options = options
    for (const room of options.rooms) this.#places.set(room.id, { entries: room.watch(this.name), epoch: '' })
  }

  async live(): Promise<void> {
    const { doors, random } = this.#options
    while (!this.isOver) {
      await this.#visit(random.pick(doors)).catch(() => {})
      await Bun.sleep(random.between(10, 100))
    }
  }

  async #visit(door: Door) {
    const line = await Line.open(door)
    this.#line = line
    if (this.isOver) line.cut()
    line.onPush = (push) => this.#hear(line, push)
    line.tell({ connect: { token: this.person.token } }, ({ connect, error }) => {
      if (!connect) return this.#leave(line, error)
      this.totalUnread = connect.data.totalUnread
      for (const { id } of this.rooms) this.#subscribe(line, id)
    })
    await line.closed
    this.#line = undefined
  }

  #subscribe(line: Line, roomId: number) {
    const place = this.#places.get(roomId)
    if (!place) return
    const offset = place.entries.length
    const wish = { channel: `room:${roomId}`, recover: true, offset, epoch: place.epoch }
    line.tell({ subscribe: wish }, ({ subscribe, error }) => {
      if (!subscribe) return this.#leave(line, error)
      if (subscribe.recovered !== true) this.#complain(`is refused room ${roomId} from ${offset}`, subscribe)
      place.epoch = subscribe.epoch
      for (const publication of subscribe.publications ?? []) this.#take(roomId, publication)
    })
  }

  #hear(line: Line, { channel = '', pub, unsubscribe }: Push) {
    const roomId = Number(channel.replace('room:', ''))
    if (pub?.data.totalUnread !== undefined) this.totalUnread = pub.data.totalUnread
    if (pub?.data.message) {
      this.#take(roomId, pub)
      if (this.#options.random.next() < READ) this.#read(line, roomId, pub.offset ?? 0)
    }
    if (unsubscribe) this.#subscribe(line, roomId)
  }

  #read(line: Line, roomId: number, seq: number) {
    line.tell({ rpc: { method: 'room.read', data: { roomId, seq } } }, ({ rpc }) => {
      if (rpc) this.marks.set(roomId, Math.max(seq, this.marks.get(roomId) ?? 0))
    })
  }

  #take(roomId: number, { offset, data: { message } }: Publication) {
    const entries = this.#places.get(roomId)?.entries
    if (!entries || !message) return
    if (offset !== entries.length + 1) this.#complain(`gets ${offset} of room ${roomId} after ${entries.length}`)
    entries.push({ seq: offset ?? 0, text: message.text, clientId: message.clientId ?? '' })
  }

  /** What goes by itself is tried again on another connection; anything else is no answer to be expected. */
  #leave(line: Line, error: Reply['error']) {
    if (error && error.code !== 100) this.#complain('is refused', error)
    line.cut()
  }

  #complain(what: string, details: object = {}) {
    this.complaints.push(`${this.name} ${what} ${JSON.stringify(details)}`)
  }

  async send({ id: roomId }: ChaosRoom, text: string, clientId: string): Promise<Entry | undefined> {
    const line = this.#line
    if (!line) return undefined
    if (this.#told.has(clientId)) this.repeats += 1
    this.#told.add(clientId)
    const { random } = this.#options
    if (random.next() < DROPPED) setTimeout(() => line.cut(), random.between(0, 15))
    const reply = await line.ask({ rpc: { method: 'message.send', data: { roomId, text, clientId } } })
    if (reply?.rpc) return entryOf(reply.rpc.data)
    if (reply?.error && reply.error.code !== 100) this.#complain(`may not send ${clientId}`, reply.error)
    return undefined
  }

  go(): void {
    this.isOver = true
    this.#line?.cut()
  }
}

/** What a send is answered with is a message. */
export const entryOf = (data: unknown): Entry => {
  const { seq, text, clientId } = data as Entry
  return { seq, text, clientId }
}

/** One connection. Whoever waits for an answer hears `undefined` when it has gone. */
class Line {
  readonly #socket: WebSocket
  readonly #asked = new Map<number, (reply: Reply) => void>()
  readonly closed: Promise<void>
  #lastId = 0
  onPush: (push: NonNullable<Reply['push']>) => void = () => {}

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.onmessage = ({ data }) => {
      for (const text of String(data).split('\n')) this.#take(JSON.parse(text))
    }
    this.closed = new Promise((resolve) => {
      socket.onclose = () => resolve()
    })
  }

  static async open(door: Door): Promise<Line> {
    const socket = new WebSocket(websocketAt(door))
    const line = new Line(socket)
    const timer = setTimeout(() => socket.terminate(), ANSWERED_WITHIN_MS)
    await new Promise((resolve, reject) => {
      socket.onopen = resolve
      socket.onerror = () => reject(new Error('no upgrade'))
      void line.closed.then(reject)
    }).finally(() => clearTimeout(timer))
    return line
  }

  #take(reply: Reply) {
    if (reply.push) return this.onPush(reply.push)
    // The server's ping.
    if (reply.id === undefined) return this.#socket.send('{}')
    this.#asked.get(reply.id)?.(reply)
    this.#asked.delete(reply.id)
  }

  /** `onReply` is called before what comes after the reply is handled; cut off where none comes. */
  tell(command: object, onReply: (reply: Reply) => void): void {
    const id = ++this.#lastId
    const timer = setTimeout(() => this.cut(), ANSWERED_WITHIN_MS)
    void this.closed.then(() => clearTimeout(timer))
    this.#asked.set(id, (reply) => {
      clearTimeout(timer)
      onReply(reply)
    })
    this.#socket.send(JSON.stringify({ id, ...command }))
  }

  ask(command: object): Promise<Reply | undefined> {
    if (this.#socket.readyState !== WebSocket.OPEN) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      void this.closed.then(() => resolve(undefined))
      this.tell(command, resolve)
    })
  }

  cut(): void {
    this.onPush = () => {}
    this.#socket.terminate()
  }
}
