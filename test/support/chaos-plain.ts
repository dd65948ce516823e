import type { Door } from './app-client.ts'
import { DROPPED } from './chaos-app.ts'
import type { Random } from './chaos-random.ts'
import type { Entry } from './chaos-record.ts'
import type { ChaosRoom, Device } from './chaos-rooms.ts'
import type { Person } from './person.ts'
import type { Frame } from './socket.ts'

const ANSWERED_WITHIN_MS = 8000
/** What goes by itself. */
const PASSING = ['internal', 'unavailable']

interface Options {
  name: string
  person: Person
  room: ChaosRoom
  doors: readonly Door[]
  random: Random
}

/** A device on the plain socket of one room, which comes back with `?after=`. */
export class PlainDevice implements Device {
  readonly name: string
  readonly rooms: readonly ChaosRoom[]
  readonly complaints: string[] = []
  repeats = 0
  readonly #options: Options
  readonly #entries: Entry[]
  /** Who waits for the frame of a message of theirs, by its client id. */
  readonly #asked = new Map<string, (entry: Entry | undefined) => void>()
  /** What was sent more than once: its frame may come once more, to this device alone (LV22). */
  readonly #retried = new Set<string>()
  readonly #told = new Set<string>()
  #socket: WebSocket | undefined
  isOver = false

  constructor(options: Options) {
    this.name = options.name
    this.rooms = [options.room]
    this.#options = options
    this.#entries = options.room.watch(this.name)
  }

  async live(): Promise<void> {
    const { doors, random } = this.#options
    while (!this.isOver) {
      await this.#visit(random.pick(doors))
      await Bun.sleep(random.between(10, 100))
    }
  }

  /** Until the socket has gone. */
  async #visit({ wsUrl }: Door) {
    const { room, person } = this.#options
    const url = `${wsUrl}/ws/room/${room.id}/messages?after=${this.#entries.length}`
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${person.token}` } })
    const timer = setTimeout(() => socket.terminate(), ANSWERED_WITHIN_MS)
    socket.onopen = () => {
      clearTimeout(timer)
      this.#socket = socket
    }
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(String(data)))
    await new Promise((resolve) => {
      socket.onclose = resolve
    })
    clearTimeout(timer)
    this.#socket = undefined
    for (const resolve of this.#asked.values()) resolve(undefined)
    this.#asked.clear()
  }

  #hear({ seq, message = '', client_id: clientId = '', code }: Frame) {
    if (seq === undefined) return this.#hearError(code ?? '', clientId)
    const entry = { seq, text: message, clientId }
    if (seq === this.#entries.length + 1) this.#entries.push(entry)
    else if (seq > this.#entries.length || !this.#retried.has(clientId)) {
      this.complaints.push(`${this.name} gets ${seq} after ${this.#entries.length}`)
    }
    this.#answer(clientId, entry)
  }

  #hearError(code: string, clientId: string) {
    if (!PASSING.includes(code)) this.complaints.push(`${this.name} is refused: ${code}`)
    this.#answer(clientId, undefined)
  }

  #answer(clientId: string, entry: Entry | undefined) {
    this.#asked.get(clientId)?.(entry)
    this.#asked.delete(clientId)
  }

  async send(_: ChaosRoom, text: string, clientId: string): Promise<Entry | undefined> {
    const socket = this.#socket
    if (!socket || socket.readyState !== WebSocket.OPEN) return this.#find(clientId)
    if (this.#told.has(clientId)) this.repeats += 1
    if (this.#told.has(clientId)) this.#retried.add(clientId)
    this.#told.add(clientId)
    const { random } = this.#options
    const isDropped = random.next() < DROPPED
    const timer = setTimeout(() => socket.terminate(), isDropped ? random.between(0, 15) : ANSWERED_WITHIN_MS)
    const answered = new Promise<Entry | undefined>((resolve) => this.#asked.set(clientId, resolve))
    socket.send(JSON.stringify({ message: text, client_id: clientId }))
    return answered.finally(() => isDropped || clearTimeout(timer))
  }

  /** It may have come with the replay meanwhile. */
  #find(clientId: string): Entry | undefined {
    return this.#entries.find((entry) => entry.clientId === clientId)
  }

  go(): void {
    this.isOver = true
    this.#socket?.terminate()
  }
}
