import type { Door } from './app-client.ts'
import { AppDevice } from './chaos-app.ts'
import { PlainDevice } from './chaos-plain.ts'
import type { Random } from './chaos-random.ts'
import { type RoomRecord, violationsIn } from './chaos-record.ts'
import { RestDevice } from './chaos-rest.ts'
import { ChaosRoom, type Device, type Pauses, talk } from './chaos-rooms.ts'
import type { Cluster } from './cluster.ts'
import type { Person } from './person.ts'

/**
 * What may be late is there after so long: a node looks every ten seconds for entries of which it was not told, and every
 * minute for what was read.
 */
const SETTLED_WITHIN_MS = 90_000

/** Where the crowd lives: several nodes, or one. */
export interface Town extends Pick<Cluster, 'hostPerson'> {
  nodes: readonly Door[]
}

interface Size {
  people: number
  rooms: number
  /** Owners have a program besides, that sends over REST. */
  hasRest?: boolean
}

/** People who talk to each other on many devices, wherever there is a node; and what they know of it in the end. */
export class Crowd {
  readonly rooms: ChaosRoom[]
  readonly #devices: Device[]
  /** Those who say something. The others stay where they are until that dies, and only hear. */
  readonly #speakers: Device[]
  /** Who can read each room. */
  readonly #readers: Map<ChaosRoom, Person>
  #talks: Promise<unknown> = Promise.resolve()
  #lives: Promise<unknown> = Promise.resolve()

  private constructor(devices: Device[], readers: Map<ChaosRoom, Person>) {
    this.rooms = [...readers.keys()]
    this.#devices = devices
    const plain = devices.filter((device) => device instanceof PlainDevice)
    this.#speakers = devices.filter((device) => !(device instanceof PlainDevice) || plain.indexOf(device) % 2 === 0)
    this.#readers = readers
  }

  /** Owners have several rooms each, a customer one or more; everybody has an app, and a plain socket in one room. */
  static async gather(town: Town, { people, rooms: count, hasRest = false }: Size, random: Random): Promise<Crowd> {
    const name = `crowd-${random.between(0, 1e9)}`
    const everybody = await Promise.all(
      Array.from({ length: people }, (_, n) => town.hostPerson(`${name}-${n}`, random.between(0, 7))),
    )
    const owners = everybody.slice(0, Math.max(1, Math.floor(people / 4)))
    const customers = everybody.slice(owners.length)
    const rooms = new Map<ChaosRoom, [owner: Person, customer: Person]>()
    for (let n = 0; n < count; n++) {
      const pair = [owners[n % owners.length], customers[n % customers.length]] as [Person, Person]
      const { id } = await pair[1].openRoom((await pair[0].offer(`Bike ${n}`)).id)
      rooms.set(new ChaosRoom(id), pair)
    }
    const devices = everybody.flatMap((person): Device[] => {
      const own = [...rooms].filter(([, pair]) => pair.includes(person)).map(([room]) => room)
      const [room] = own
      if (!room) return []
      const options = { person, rooms: own, room, doors: town.nodes }
      return [
        new AppDevice({ ...options, name: `app-${person.id}`, random: random.branch() }),
        new PlainDevice({ ...options, name: `plain-${person.id}`, random: random.branch() }),
        ...(hasRest && owners.includes(person) ? [new RestDevice({ ...options, name: `rest-${person.id}` })] : []),
      ]
    })
    return new Crowd(devices, new Map([...rooms].map(([room, [owner]]) => [room, owner])))
  }

  /** Everybody connects, and talks until all rooms are silent. */
  begin(random: Random, pauses?: Pauses): void {
    this.#lives = Promise.all(this.#devices.map((device) => device.live()))
    this.#talks = Promise.all(this.#speakers.map((device) => talk(device, random.branch(), pauses)))
  }

  /** Messages that were acknowledged. */
  get said(): number {
    return this.rooms.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0)
  }

  /** Sends of what had been sent before. */
  get repeats(): number {
    return this.#devices.reduce((sum, { repeats }) => sum + repeats, 0)
  }

  /** Resolves when so many more messages were acknowledged. */
  async says(count: number): Promise<void> {
    const enough = this.said + count
    while (this.said < enough) await Bun.sleep(10)
  }

  /** Nobody says anything new; when all that was said has arrived, everybody goes. Answers what contradicts the guarantees. */
  async end(): Promise<string[]> {
    for (const room of this.rooms) room.isSilent = true
    const violations: string[] = []
    const giveUpAt = performance.now() + SETTLED_WITHIN_MS
    if (!(await isBefore(giveUpAt, this.#talks))) violations.push('somebody waits for an answer')
    for (const [room, reader] of this.#readers) {
      const record = room.record(await historyOf(reader, room))
      await isBefore(giveUpAt, seenByAll(record))
      violations.push(...violationsIn(record))
    }
    for (const device of this.#devices) {
      if (device instanceof AppDevice) violations.push(...(await inboxOf(device, giveUpAt)))
    }
    for (const device of this.#devices) device.go()
    await this.#lives
    return [...violations, ...this.#devices.flatMap(({ complaints }) => complaints)]
  }

  /** What contradicts the guarantees in what is stored now, when everybody has gone. */
  async reread(): Promise<string[]> {
    const violations: string[] = []
    for (const [room, reader] of this.#readers) {
      violations.push(...violationsIn(room.record(await historyOf(reader, room))))
    }
    return violations
  }
}

/** What is wrong with its badge and its marks, when it had its time: what it has read last may be on its way. */
async function inboxOf(device: AppDevice, giveUpAt: number): Promise<string[]> {
  while (true) {
    const marks = new Map(device.marks)
    const { items } = await device.person.inbox('?limit=100')
    const unread = items.reduce((sum, room) => sum + room.unread, 0)
    if (device.totalUnread === unread || performance.now() > giveUpAt) {
      const lost = items.filter(({ id, readSeq }) => readSeq < (marks.get(id) ?? 0))
      return [
        ...lost.map(({ id }) => `${device.name} has read room ${id} up to ${marks.get(id)}, and that is not kept`),
        ...(device.totalUnread === unread
          ? []
          : [`${device.name} has ${device.totalUnread} unread instead of ${unread}`]),
      ]
    }
    await Bun.sleep(20)
  }
}

async function historyOf(reader: Person, { id }: ChaosRoom) {
  const history = await reader.history(id)
  return history.map(({ seq, text, clientId }) => ({ seq, text, clientId: clientId ?? '' }))
}

async function seenByAll({ seen, history }: RoomRecord) {
  const isBehind = () => [...seen.values()].some(({ length }) => length < history.length)
  while (isBehind()) await Bun.sleep(20)
}

async function isBefore(giveUpAt: number, done: Promise<unknown>): Promise<boolean> {
  const late = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => late.resolve(false), Math.max(0, giveUpAt - performance.now()))
  return Promise.race([done.then(() => true), late.promise]).finally(() => clearTimeout(timer))
}
