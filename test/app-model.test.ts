import { expect, setDefaultTimeout, test } from 'bun:test'
import fc from 'fast-check'
import type { Message } from '../src/messages/model.ts'
import { type Publication, RawApp, type Reply, settled } from './support/app-client.ts'
import type { Person } from './support/person.ts'
import { type RunningParley, startParley } from './support/server.ts'

setDefaultTimeout(60_000)

/** From one reply to `subscribe` until that ended: everything that came of the room, in the order in which it came. */
interface Period {
  roomId: number
  /** After this place. */
  after: number
  entries: Publication[]
}

/** One device, which remembers what it saw. */
class Device {
  readonly #server: RunningParley
  readonly person: Person
  readonly periods: Period[] = []
  /** What did not belong to any period, or was no answer to be expected. */
  readonly strays: unknown[] = []
  #app: RawApp | undefined
  #open = new Map<number, Period>()
  /** Where it was in each room. */
  readonly #places = new Map<number, { offset: number; epoch: string }>()

  constructor(server: RunningParley, person: Person) {
    this.#server = server
    this.person = person
  }

  get openPeriods(): Period[] {
    return [...this.#open.values()]
  }

  async connect(): Promise<void> {
    this.#app = await RawApp.open(this.#server, this.person)
    this.#app.onPush = ({ channel = '', pub }) => this.#hear(channel, pub)
  }

  #hear(channel: string, pub: Publication | undefined) {
    if (!channel.startsWith('room:') || pub?.data.type !== 'message.created') return
    const roomId = Number(channel.slice('room:'.length))
    const period = this.#open.get(roomId)
    if (period) this.#take(period, pub)
    else this.strays.push({ channel, pub })
  }

  #take(period: Period, publication: Publication) {
    period.entries.push(publication)
    const place = this.#places.get(period.roomId)
    if (place) place.offset = publication.offset ?? Number.NaN
  }

  subscribe(roomId: number, recovers: boolean): void {
    const place = recovers ? this.#places.get(roomId) : undefined
    const wish = place ? { recover: true, ...place } : {}
    const asked = place?.offset
    this.#app?.tell({ subscribe: { channel: `room:${roomId}`, ...wish } }, ({ subscribe, error }) => {
      if (!subscribe || subscribe.recovered === false) return this.strays.push({ subscribe, error })
      this.#begin(roomId, subscribe, asked)
    })
  }

  #begin(roomId: number, reply: NonNullable<Reply['subscribe']>, asked: number | undefined) {
    const { offset, epoch, publications = [] } = reply
    if (asked !== undefined && asked !== offset) this.strays.push({ asked, reply })
    const period: Period = { roomId, after: offset, entries: [] }
    this.periods.push(period)
    this.#open.set(roomId, period)
    this.#places.set(roomId, { offset, epoch })
    for (const publication of publications) this.#take(period, publication)
  }

  unsubscribe(roomId: number): void {
    this.#app?.tell({ unsubscribe: { channel: `room:${roomId}` } }, ({ error }) => {
      if (error) this.strays.push(error)
      this.#open.delete(roomId)
    })
  }

  /** `onStored` is told of the acknowledgement, where it comes. */
  send(roomId: number, text: string, onStored: (message: Message) => void): void {
    this.#app?.tell({ rpc: { method: 'message.send', data: { roomId, text } } }, ({ rpc, error }) => {
      if (rpc) onStored(rpc.data as Message)
      else this.strays.push(error)
    })
  }

  /** Resolves when everything that it told was done: commands are done in their order. */
  async settle(): Promise<void> {
    await this.#app?.ask({ ping: {} })
  }

  async whoIsIn(roomId: number): Promise<string[]> {
    const reply = await this.#app?.ask({ presence: { channel: `room:${roomId}` } })
    return Object.values(reply?.presence?.presence ?? {}).map(({ user }) => user)
  }

  cut(): void {
    this.#app?.cut()
    this.#app = undefined
    this.#open.clear()
  }
}

/** What has to be known to choose what may happen next. */
interface Model {
  devices: { isConnected: boolean; rooms: Set<number> }[]
}

interface Real {
  devices: Device[]
  roomIds: number[]
  stored: Message[]
  texts: number
}

/** Which of the rooms are those of each device's person: two devices of Minji's, one of Joon's, one of Sora's. */
const ROOMS_OF = [
  [0, 1],
  [0, 1],
  [0, 2],
  [1, 2],
]

type Happening = fc.AsyncCommand<Model, Real>

/** Something that a device does. Nothing here waits for an answer, so that what is done overlaps. */
function does(
  name: string,
  at: number,
  {
    may,
    run,
  }: {
    may: (device: Model['devices'][number]) => boolean
    run: (device: Device, model: Model['devices'][number], real: Real) => void | Promise<void>
  },
): Happening {
  const of = ({ devices }: Model) => devices[at] ?? { isConnected: false, rooms: new Set<number>() }
  return {
    check: (model) => may(of(model)),
    run: async (model, real) => {
      const device = real.devices[at]
      if (device) await run(device, of(model), real)
    },
    toString: () => `${name} at ${at}`,
  }
}

const connects = (at: number) =>
  does('connects', at, {
    may: ({ isConnected }) => !isConnected,
    run(device, model) {
      model.isConnected = true
      return device.connect()
    },
  })

const isCut = (at: number) =>
  does('is cut', at, {
    may: ({ isConnected }) => isConnected,
    run(device, model) {
      model.isConnected = false
      model.rooms.clear()
      device.cut()
    },
  })

const subscribes = (at: number, room: number, recovers: boolean) =>
  does(`${recovers ? 'recovers' : 'subscribes to'} room ${room}`, at, {
    may: ({ isConnected, rooms }) => isConnected && !rooms.has(room),
    run(device, model, { roomIds }) {
      model.rooms.add(room)
      device.subscribe(roomIds[room] ?? 0, recovers)
    },
  })

const unsubscribes = (at: number, room: number) =>
  does(`unsubscribes from room ${room}`, at, {
    may: ({ isConnected, rooms }) => isConnected && rooms.has(room),
    run(device, model, { roomIds }) {
      model.rooms.delete(room)
      device.unsubscribe(roomIds[room] ?? 0)
    },
  })

const sends = (at: number, room: number, count: number) =>
  does(`sends ${count} to room ${room}`, at, {
    may: ({ isConnected }) => isConnected,
    run(device, _, real) {
      for (let n = 0; n < count; n++) {
        device.send(real.roomIds[room] ?? 0, `${++real.texts}`, (message) => real.stored.push(message))
      }
    },
  })

const settles = (at: number) =>
  does('settles', at, { may: ({ isConnected }) => isConnected, run: (device) => device.settle() })

const device = fc.nat(ROOMS_OF.length - 1)
const place = device.chain((at) => fc.record({ at: fc.constant(at), room: fc.constantFrom(...(ROOMS_OF[at] ?? [])) }))
const someSends = fc.tuple(place, fc.integer({ min: 1, max: 5 })).map(([{ at, room }, count]) => sends(at, room, count))

const happenings = fc.commands(
  [
    device.map(connects),
    device.map(connects),
    device.map(isCut),
    place.map(({ at, room }) => subscribes(at, room, true)),
    place.map(({ at, room }) => subscribes(at, room, true)),
    place.map(({ at, room }) => subscribes(at, room, false)),
    place.map(({ at, room }) => unsubscribes(at, room)),
    someSends,
    someSends,
    someSends,
    device.map(settles),
  ],
  { maxCommands: 120, size: 'max' },
)

test('[LV60] [LV62] [LV63] whatever devices do, each sees of a room what its history has: no gap, no repeat, in order', async () => {
  await using server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  const people = await Promise.all(['Minji', 'Joon', 'Sora'].map((name) => server.person(name)))
  await fc.assert(
    fc.asyncProperty(happenings, async (commands) => {
      const real = await setUp(server, people)
      const model = { devices: ROOMS_OF.map(() => ({ isConnected: false, rooms: new Set<number>() })) }
      try {
        await fc.asyncModelRun(() => ({ model, real }), commands)
        await expectTruth(real)
      } finally {
        for (const each of real.devices) each.cut()
      }
      await expectNothingLeft(server, real)
    }),
    { numRuns: 100, seed: 2026, interruptAfterTimeLimit: 40_000, markInterruptAsFailure: true },
  )
})

/** New rooms, and the devices of their people. */
async function setUp(server: RunningParley, people: Person[]): Promise<Real> {
  const [minji, joon, sora] = people as [Person, Person, Person]
  const [bike, helmet] = await Promise.all([minji.offer('Road bike'), joon.offer('Helmet')])
  const rooms = await Promise.all([joon.openRoom(bike.id), sora.openRoom(bike.id), sora.openRoom(helmet.id)])
  const devices = [minji, minji, joon, sora].map((person) => new Device(server, person))
  return { devices, roomIds: rooms.map(({ id }) => id), stored: [], texts: 0 }
}

async function expectTruth({ devices, roomIds, stored }: Real) {
  for (const [room, roomId] of roomIds.entries()) {
    const members = devices.filter((_, at) => ROOMS_OF[at]?.includes(room))
    const [{ person }] = members as [Device]
    for (const each of members) await each.settle()
    const { seq: last } = await person.send(roomId, 'the last one')
    const history = await person.history(roomId)

    expect(history.map(({ seq }) => seq)).toEqual(history.map((_, at) => at + 1))
    for (const message of stored) if (message.roomId === roomId) expect(history[message.seq - 1]).toEqual(message)
    for (const each of members) {
      const open = each.openPeriods.find((period) => period.roomId === roomId)
      while (open && (open.entries.at(-1)?.offset ?? 0) < last) await each.settle()
      for (const { after, entries } of each.periods.filter((period) => period.roomId === roomId)) {
        const seen = history.slice(after, after + entries.length)
        expect(entries).toEqual(
          seen.map((message) => ({ data: { type: 'message.created', message }, offset: message.seq })),
        )
      }
    }
  }
  expect(devices.flatMap(({ strays }) => strays)).toEqual([])
}

/** Everybody has gone: nothing of them is left. */
async function expectNothingLeft(server: RunningParley, { devices, roomIds }: Real) {
  await settled(server, 'parley_connections', (count) => count === 0)
  await settled(server, 'parley_live_rooms', (count) => count === 0)
  for (const [room, roomId] of roomIds.entries()) {
    const someone = devices.find((_, at) => ROOMS_OF[at]?.includes(room))
    await someone?.connect()
    expect(await someone?.whoIsIn(roomId)).toEqual([])
    someone?.cut()
  }
}
