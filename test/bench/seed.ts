import { writeFileSync } from 'node:fs'
import { hashToken, newToken } from '../../src/lib/tokens.ts'
import { openStorage } from '../../src/storage/open.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { goOnTalking } from './seed-stored.ts'
import type { Workbench } from './workbench.ts'

/** So many owners, so many customers, and so many rooms in which an owner and a customer sit. */
export const PAIRS = 100
/** As many owners, as many customers, and three times as many rooms: each sits with three of the others. */
export const CROWD_PAIRS = 2500
const ROOMS_OF_EACH = 3
const STORED_A_ROOM = 20
/** Sockets in the one room of two people, each of whom has half of them. */
export const DEVICES = [100, 500] as const
/** Further rooms of each pair. */
export const WIDE = 10
const IDLE_ROOMS_AN_OWNER = 10
const IDLE_PEOPLE = 2000
const SESSION_MS = 24 * 3600 * 1000
/** Writes that wait at a time: well below what the writer refuses. */
const CHUNK = 4000

/** A connection to be: somebody in a room. */
export interface Seat {
  roomId: number
  person: Person
}

export interface Person {
  id: string
  username: string
  email: string
  token: string
}

/** A data directory with people in it, whose tokens we know. The paths are files for `load.c --lines`. */
export interface Seeded {
  dataDir: string
  door: { roomId: number; token: string }
  /** Both people of each pair's own room. */
  pairs: string
  seats: Seat[]
}

export interface SeededMarket extends Seeded {
  /** The same, and in each line the person's 100 other rooms. */
  roaming: string
  /** 2,000 connections, two a room. */
  idle: string
}

export interface SeededCrowd extends Seeded {
  /** 2,000 people, one connection each, and in each line the person's two other rooms. */
  idle: string
}

/** A room of two people with so many devices, by their number: see `DEVICES`. */
export interface SeededRoom extends Seeded {
  devices: Map<number, string>
}

export interface SeededTalks extends Seeded {
  /** As `pairs`, and in each line the same person's one other room, or all ten of them. */
  narrow: string
  wide: string
}

/** The first one of `seats` is an owner of all of the rooms, and their first room has the messages. */
export interface SeededReader extends Seeded {
  rooms: number
  messages: number
}

export interface Seeds {
  pairs: Seeded
  market: SeededMarket
  crowd: SeededCrowd
}

export const seedAll = async (bench: Workbench): Promise<Seeds> => ({
  pairs: await seedPairs(bench),
  market: await seedMarket(bench),
  crowd: await seedCrowd(bench),
})

/** One pair; its owner and its customer have their devices in turn. */
export const seedRoom = (bench: Workbench): Promise<SeededRoom> =>
  withStorage(bench.place('room'), async (storage, dataDir) => {
    const pair = await pairsIn(storage, 1)
    const devices = DEVICES.map((count): [number, string] => [
      count,
      lines(bench, Array.from({ length: count / 2 }, () => pair).flat()),
    ])
    return { ...describe(bench, dataDir, pair), devices: new Map(devices) }
  })

/** The pairs with so many messages in each one's room, and with ten more rooms each in which nothing is said yet. */
export async function seedTalks(bench: Workbench, messages: number): Promise<SeededTalks> {
  const seeded = await withStorage(bench.place('talks'), async (storage, dataDir) => {
    const pairs = await pairsIn(storage)
    await talk(storage, pairs, 2)
    const more: Seat[][] = []
    for (let at = 0; at < WIDE; at++) more.push(await roomsIn(storage, couplesOf(pairs)))
    const others = (count: number) => (seat: Seat) =>
      more.slice(0, count).flatMap((seats) => seats[pairs.indexOf(seat)]?.roomId ?? [])
    return {
      ...describe(bench, dataDir, pairs),
      narrow: lines(bench, pairs, others(1)),
      wide: lines(bench, pairs, others(WIDE)),
    }
  })
  goOnTalking(seeded.dataDir, roomsOf(seeded.seats), messages)
  return seeded
}

/** A shop with so many rooms, in each of which a customer has said something, and in the first one so much. */
export async function seedReader(bench: Workbench, rooms: number, messages: number): Promise<SeededReader> {
  const seeded = await withStorage(bench.place('reader'), async (storage, dataDir) => {
    const shop = await signUp(storage, 'shop')
    const names = Array.from({ length: rooms }, (_, at) => `customer${at}`)
    const customers = await inChunks(names, (name) => signUp(storage, name))
    const seats = await roomsIn(
      storage,
      customers.map((customer): [Person, Person] => [shop, customer]),
    )
    await talk(storage, seats, 2)
    return describe(bench, dataDir, seats)
  })
  goOnTalking(seeded.dataDir, [seeded.door.roomId], messages)
  return { ...seeded, rooms, messages }
}

/** So many owners and customers, a room for each pair of them, nothing said yet. */
export const seedPairs = (bench: Workbench, pairs = PAIRS): Promise<Seeded> =>
  withStorage(bench.place('pairs'), async (storage, dataDir) => describe(bench, dataDir, await pairsIn(storage, pairs)))

/** The same, and one more product of each owner about which every customer talked: 10,000 rooms. */
const seedMarket = (bench: Workbench): Promise<SeededMarket> =>
  withStorage(bench.place('market'), async (storage, dataDir) => {
    const pairs = await pairsIn(storage)
    const market = await roomsIn(storage, everyPair(pairs))
    await talk(storage, market)
    const ofPerson = Map.groupBy(market, ({ person }) => person)
    const others = ({ person }: Seat) => (ofPerson.get(person) ?? []).map(({ roomId }) => roomId)
    const idle = market.filter((_, at) => Math.floor(at / 2) % PAIRS < IDLE_ROOMS_AN_OWNER)
    return {
      ...describe(bench, dataDir, pairs),
      roaming: lines(bench, pairs, others),
      idle: lines(bench, idle),
    }
  })

/** 2,500 owners, 2,500 customers, three rooms each, nothing said yet; the pairs are those of the first room. */
const seedCrowd = (bench: Workbench): Promise<SeededCrowd> =>
  withStorage(bench.place('crowd'), async (storage, dataDir) => {
    const seats = await roomsIn(storage, ringOf(await peopleIn(storage, CROWD_PAIRS)))
    const pairs = seats.slice(0, 2 * CROWD_PAIRS)
    const ofPerson = Map.groupBy(seats, ({ person }) => person)
    const others = ({ person }: Seat) => (ofPerson.get(person) ?? []).slice(1).map(({ roomId }) => roomId)
    return { ...describe(bench, dataDir, pairs), idle: lines(bench, pairs.slice(0, IDLE_PEOPLE), others) }
  })

function describe(bench: Workbench, dataDir: string, pairs: Seat[]): Seeded {
  const [{ roomId, person } = { roomId: 0, person: { token: '' } }] = pairs
  return { dataDir, door: { roomId, token: person.token }, pairs: lines(bench, pairs), seats: pairs }
}

function lines(bench: Workbench, seats: Seat[], others: (seat: Seat) => number[] = () => []): string {
  const path = bench.place('lines')
  const text = seats.map((seat) => [seat.roomId, seat.person.token, seat.person.email, ...others(seat)].join(' '))
  writeFileSync(path, `${text.join('\n')}\n`)
  return path
}

/** The project's own storage; its flushes are left out, since nothing here has to survive a power cut. */
async function withStorage<T>(dataDir: string, fill: (storage: Storage, dataDir: string) => Promise<T>): Promise<T> {
  const workerUrl = new URL('../../src/storage/sqlite/writer/worker.ts', import.meta.url).href
  const { storage } = await openStorage({ dataDir, durability: 'relaxed', workerUrl, now: Date.now })
  try {
    return await fill(storage, dataDir)
  } finally {
    await storage.close()
  }
}

const pairsIn = async (storage: Storage, pairs = PAIRS): Promise<Seat[]> =>
  roomsIn(storage, await peopleIn(storage, pairs))

function peopleIn(storage: Storage, pairs: number): Promise<[Person, Person][]> {
  const numbers = Array.from({ length: pairs }, (_, at) => at)
  return inChunks(numbers, async (at) => [await signUp(storage, `owner${at}`), await signUp(storage, `customer${at}`)])
}

/** Of the pairs as they are, and then of each owner with the customers of the next pairs: they stand in a ring. */
const ringOf = (pairs: [Person, Person][]): [Person, Person][] =>
  Array.from({ length: ROOMS_OF_EACH }, (_, step) =>
    pairs.map(([owner, customer], at): [Person, Person] => [owner, pairs[(at + step) % pairs.length]?.[1] ?? customer]),
  ).flat()

const roomsOf = (seats: Seat[]): number[] => [...new Set(seats.map(({ roomId }) => roomId))]

const couplesOf = (seats: Seat[]): [Person, Person][] =>
  seats.flatMap(({ person }, at): [Person, Person][] => {
    const customer = seats[at + 1]?.person
    return at % 2 === 0 && customer ? [[person, customer]] : []
  })

function everyPair(seats: Seat[]): [Person, Person][] {
  const owners = seats.filter((_, at) => at % 2 === 0)
  const customers = seats.filter((_, at) => at % 2 === 1)
  return owners.flatMap((owner) => customers.map((customer): [Person, Person] => [owner.person, customer.person]))
}

/** No password is hashed: that is slow on purpose, and nobody signs in here. */
async function signUp({ accounts }: Storage, username: string): Promise<Person> {
  const person = { id: Bun.randomUUIDv7(), username, email: `${username}@example.com`, token: newToken('pls') }
  const { token, ...account } = person
  const createdAt = Date.now()
  const session = { tokenHash: hashToken(token), userId: person.id, createdAt, expiresAt: createdAt + SESSION_MS }
  await accounts.create({ ...account, createdAt, passwordHash: 'none' }, session)
  return person
}

/** A product for each owner, and about it a room for each pair: its two seats, owner first. */
async function roomsIn({ products, rooms }: Storage, pairs: [Person, Person][]): Promise<Seat[]> {
  const offers = new Map<Person, string>()
  for (const [owner] of pairs) if (!offers.has(owner)) offers.set(owner, Bun.randomUUIDv7())
  const at = Date.now()
  await inChunks([...offers], ([owner, id]) => products.create({ id, ownerId: owner.id, ...PRODUCT, at }))
  const seats = await inChunks(pairs, async ([owner, customer]): Promise<Seat[]> => {
    const sides = { ownerId: owner.id, customerId: customer.id, productId: offers.get(owner) ?? '' }
    const roomId = (await rooms.open({ ...sides, at }))?.roomId ?? 0
    return [
      { roomId, person: owner },
      { roomId, person: customer },
    ]
  })
  return seats.flat()
}

const PRODUCT = { title: 'Road bike', priceMinor: 15_000, currency: 'EUR', imageUrl: null, url: null }

/** Round after round, so that a room's messages lie as far apart as in life. */
async function talk({ messages }: Storage, seats: Seat[], rounds = STORED_A_ROOM): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const speakers = seats.filter((_, at) => at % 2 === round % 2)
    await inChunks(speakers, ({ roomId, person: { id, username } }) =>
      messages.append({ roomId, sender: { id, username }, text: TEXT, clientId: crypto.randomUUID(), at: Date.now() }),
    )
  }
}

const TEXT = 'Is it still there, and would you part with it for a little less? '.padEnd(
  100,
  'I could come on Saturday. ',
)

async function inChunks<T, R>(items: T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = []
  for (let from = 0; from < items.length; from += CHUNK) {
    done.push(...(await Promise.all(items.slice(from, from + CHUNK).map(work))))
  }
  return done
}
