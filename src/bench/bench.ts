import { Crowd, type Room, type Signer } from './crowd.ts'
import { type Read, read } from './reads.ts'
import { type Talk, Talkers } from './talk.ts'
import { Target } from './target.ts'

/** In the order in which they run: memory tells most while the server has not been busy. */
export const SCENARIOS = ['idle', 'rooms', 'open', 'mixed', 'fanout'] as const
export type ScenarioName = (typeof SCENARIOS)[number]

export interface Options {
  url: string
  only: readonly ScenarioName[]
  /** Of each scenario that talks, without its warm-up. */
  seconds: number
  rooms: number
  /** Messages a second of `open`; without it, half of what `rooms` reached. */
  rate: number | undefined
  /** That are idle. */
  sockets: number
  /** In the one room of `fanout`. */
  listeners: number
  size: number
  metricsToken: string | undefined
  signer: Signer | undefined
  /** A server key that may erase. */
  key: string | undefined
}

export interface Idle {
  name: 'idle'
  sockets: number
  openedPerSecond: number
  /** By so much its memory grew; `undefined` where it does not tell, or where what it had free already was enough. */
  bytesPerSocket: number | undefined
}

export interface Spoken extends Talk {
  name: Exclude<ScenarioName, 'idle'>
  /** Messages a second that were due; `undefined` in a closed loop. */
  rate: number | undefined
  reads: Read[]
}

export interface Report {
  url: string
  version: string
  /** What `/readyz` says. */
  state: string
  limits: boolean
  rooms: number
  people: number
  seconds: number
  size: number
  idle: Idle | undefined
  spoken: Spoken[]
}

export interface Surroundings {
  signal: AbortSignal
  progress: (line: string) => void
  /** What stays to be read. */
  note: (line: string) => void
}

const WARM_UP = { part: 0.2, mostSeconds: 5 }
/** A person may send five a second, and an address have 512 sockets. */
const WITHIN_LIMITS = { ratePerPerson: 4, sockets: 480 }
const SPEAKERS = { rooms: 2, fanout: 4 }
/** One read for so many messages. */
const MESSAGES_FOR_A_READ = 10
const FIRST_IDLE_PART = 0.25
const SETTLE_MS = 1000

/** @throws TargetError where the server cannot do, or does not allow, what this takes */
export async function bench(options: Options, surroundings: Surroundings): Promise<Report> {
  const { url, metricsToken, key, signer, only } = options
  const target = new Target({ url, metricsToken, ...surroundings })
  const server = await target.identify()
  if (key !== undefined) await target.requireEraser(key)
  const crowd = new Crowd({ target, signer, ...surroundings })
  try {
    await crowd.gather(options.rooms)
    const limits = await target.hasLimits(crowd.people[0]?.token ?? '')
    await crowd.openRooms(limits ? Math.min(options.rooms, WITHIN_LIMITS.sockets / SPEAKERS.rooms) : options.rooms)
    const run = new Run({ target, crowd, limits, ...surroundings, ...options })
    const idle = only.includes('idle') ? await run.idle() : undefined
    const spoken = [...(await run.inAllRooms()), ...(only.includes('fanout') ? [await run.fanOut()] : [])]
    const { seconds, size } = options
    const figures = { limits, rooms: crowd.rooms.length, people: crowd.people.length, seconds, size, idle, spoken }
    return { url: target.url, ...server, ...figures }
  } finally {
    surroundings.note(await crowd.leave(key))
  }
}

interface Setting extends Options, Surroundings {
  target: Target
  crowd: Crowd
  limits: boolean
}

/** One crowd and what it does. */
class Run {
  readonly #setting: Setting

  constructor(setting: Setting) {
    this.#setting = setting
  }

  /** What a connection takes that says nothing. The first ones are not counted: code and caches come with them. */
  async idle(): Promise<Idle> {
    const { target, crowd, progress } = this.#setting
    const count = this.#allowed(this.#setting.sockets)
    const first = Math.ceil(count * FIRST_IDLE_PART)
    progress(`idle: opening ${count} sockets`)
    await using talkers = await Talkers.in(this.#setting, crowd.rooms, first)
    const before = await this.#residentBytes(target)
    const from = performance.now()
    await talkers.open(crowd.rooms, count - first)
    const openedPerSecond = ((count - first) * 1000) / (performance.now() - from)
    const grown = (await this.#residentBytes(target)) - before
    const bytesPerSocket = grown > 0 ? grown / (count - first) : undefined
    return { name: 'idle', sockets: count, openedPerSecond, bytesPerSocket }
  }

  async #residentBytes(target: Target): Promise<number> {
    await Bun.sleep(SETTLE_MS)
    return (await target.usage())?.residentBytes ?? Number.NaN
  }

  /** The same sockets for all that happens in every room. */
  async inAllRooms(): Promise<Spoken[]> {
    const { crowd, only, limits, rate: given } = this.#setting
    const spoken: Spoken[] = []
    const [rooms, open, mixed] = (['rooms', 'open', 'mixed'] as const).map((name) => only.includes(name))
    if (!rooms && !open && !mixed) return spoken
    await using talkers = await Talkers.in(this.#setting, crowd.rooms, crowd.rooms.length * SPEAKERS.rooms)
    // Without a rate it is what `rooms` reaches that tells one.
    if (!limits && (rooms || given === undefined)) spoken.push(await this.#talk(talkers, 'rooms', undefined))
    const [first] = spoken
    const possible = first ? first.messagesPerSecond / 2 : this.#allowedRate(crowd.rooms)
    const rate = Math.max(1, Math.floor(given ?? possible))
    if (open) spoken.push(await this.#talk(talkers, 'open', rate))
    if (!mixed) return spoken
    const half = Math.max(1, Math.floor(rate / 2))
    return [...spoken, await this.#mix(talkers, half)]
  }

  async #mix(talkers: Talkers, rate: number): Promise<Spoken> {
    const { target, crowd, signal } = this.#setting
    const over = new AbortController()
    const ends = { signal: AbortSignal.any([signal, over.signal]) }
    const reading = read(target, crowd.rooms, { ...this.#times(), ...ends, rate: rate / MESSAGES_FOR_A_READ })
    try {
      const [talk, reads] = await Promise.all([this.#talk(talkers, 'mixed', rate), reading])
      return { ...talk, reads }
    } finally {
      over.abort()
    }
  }

  /** One room with many devices. */
  async fanOut(): Promise<Spoken> {
    const { crowd, limits, listeners } = this.#setting
    const [room] = crowd.rooms
    await using talkers = await Talkers.in(this.#setting, room ? [room] : [], this.#allowed(listeners))
    // Awaited here: the sockets are closed when this returns.
    return await this.#talk(talkers, 'fanout', limits ? this.#allowedRate(room ? [room] : []) : undefined)
  }

  async #talk(talkers: Talkers, name: Spoken['name'], rate: number | undefined): Promise<Spoken> {
    const { size, seconds, progress } = this.#setting
    const onSecond = (second: number, messages: number) =>
      progress(`${name}: ${second} of ${seconds} s, ${messages} messages a second`)
    progress(`${name}: warming up`)
    const speakers = name === 'fanout' ? SPEAKERS.fanout : SPEAKERS.rooms
    const plan = { size, speakers, ...this.#times(), onSecond, ...(rate === undefined ? {} : { rate }) }
    return { name, rate, ...(await talkers.talk(plan)), reads: [] }
  }

  #times() {
    const { seconds } = this.#setting
    return { seconds, warmUpSeconds: Math.min(seconds * WARM_UP.part, WARM_UP.mostSeconds) }
  }

  #allowed(sockets: number): number {
    return this.#setting.limits ? Math.min(sockets, WITHIN_LIMITS.sockets) : sockets
  }

  /** So that whoever is in the most of these rooms stays within it: all of their sockets send as often. */
  #allowedRate(rooms: readonly Room[]): number {
    const seats = rooms.flatMap(({ people }) => people)
    const ofPerson = [...Map.groupBy(seats, ({ id }) => id).values()].map(({ length }) => length)
    return (WITHIN_LIMITS.ratePerPerson * seats.length) / Math.max(...ofPerson)
  }
}
