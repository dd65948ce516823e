import { entryOf } from './chaos-app.ts'
import type { Entry } from './chaos-record.ts'
import type { ChaosRoom, Device } from './chaos-rooms.ts'
import type { Person } from './person.ts'

/** What goes by itself. */
const PASSING = 503

interface Options {
  name: string
  person: Person
  rooms: readonly ChaosRoom[]
}

/** A program that sends over REST, and hears nothing. */
export class RestDevice implements Device {
  readonly name: string
  readonly rooms: readonly ChaosRoom[]
  readonly complaints: string[] = []
  repeats = 0
  isOver = false
  readonly #person: Person
  readonly #told = new Set<string>()

  constructor({ name, person, rooms }: Options) {
    this.name = name
    this.rooms = rooms
    this.#person = person
  }

  async live(): Promise<void> {}

  async send({ id: roomId }: ChaosRoom, text: string, clientId: string): Promise<Entry | undefined> {
    if (this.#told.has(clientId)) this.repeats += 1
    this.#told.add(clientId)
    try {
      const response = await this.#person.post(`/api/rooms/${roomId}/messages`, { text, clientId })
      if (response.ok) return entryOf(await response.json())
      if (response.status !== PASSING) this.complaints.push(`${this.name} is refused: ${await response.text()}`)
    } catch {
      // The server has gone, and may have stored it.
    }
    return undefined
  }

  go(): void {
    this.isOver = true
  }
}
