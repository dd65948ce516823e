import { writeFileSync } from 'node:fs'
import { hashToken, newToken } from '../../src/lib/tokens.ts'
import { openStorage } from '../../src/storage/open.ts'
import type { Storage } from '../../src/storage/storage.ts'
import type { Workbench } from './workbench.ts'

/** So many owners, so many customers, and so many rooms in which an owner and a customer sit. */
export const PAIRS = 100
/** As many owners, as many customers, and three times as many rooms: each sits with three of the others. */
export const CROWD_PAIRS = 2500
const ROOMS_OF_EACH = 3
const STORED_A_ROOM = 20
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
async function talk({ messages }: Storage, seats: Seat[]): Promise<void> {
  for (let round = 0; round < STORED_A_ROOM; round++) {
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
