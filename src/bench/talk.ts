import { setTimeout as pause } from 'node:timers/promises'
import type { Room } from './crowd.ts'
import { type Cost, type Latency, Meter } from './meter.ts'
import { Seat } from './seat.ts'
import { Tally } from './tally.ts'
import { type Target, TargetError } from './target.ts'
import { inTurns, pace } from './turns.ts'

export interface Plan {
  /** Messages a second of all together; without it, each says its next one when it has its last one back. */
  rate?: number
  /** Of the sockets of a room, so many speak. */
  speakers: number
  warmUpSeconds: number
  seconds: number
  /** Characters of a message. */
  size: number
  onSecond: (second: number, messages: number) => void
}

export interface Talk extends Cost {
  sockets: number
  messagesPerSecond: number
  deliveriesPerSecond: number
  /** From the sending until another socket has the message; in an open loop, from the moment at which it was due. */
  toOthers: Latency | undefined
  /** Until the sender has it back, which is the acknowledgement. */
  toSender: Latency | undefined
  /** All that was sent, also before and after what was measured. The next three are of all of these. */
  sent: number
  /** What was neither refused nor came to an open socket of its room. */
  lost: number
  doubled: number
  disordered: number
  /** Messages by the error's code. */
  refused: Record<string, number>
  /** Sockets by the code with which the server closed them. */
  closed: Record<string, number>
}

interface Frame {
  seq?: number
  client_id?: string
  code?: string
}

interface Place {
  target: Target
  signal: AbortSignal
}

const OPENED_AT_ONCE = 16
/** A server may be held up by its disk for some time, and has lost nothing by that. */
const QUIET_MS = 5000
const LOOK_EVERY_MS = 50
const AGAIN_AFTER_REFUSAL_MS = 1000
/** Its code for a socket on which more waits than may. */
const TOO_MUCH = '4409'

/** Sockets in rooms, and what is said there. `await using` closes them. */
export class Talkers implements AsyncDisposable {
  readonly #place: Place
  readonly #seats: Seat[] = []
  #rooms = new Map<Room, Seat[]>()
  #plan: Plan | undefined
  #tally = new Tally()
  #text = ''

  private constructor(place: Place) {
    this.#place = place
  }

  /** Opens so many sockets, over the rooms in turn, of the two people of each in turn. */
  static async in(place: Place, rooms: readonly Room[], sockets: number): Promise<Talkers> {
    const talkers = new Talkers(place)
    try {
      await talkers.open(rooms, sockets)
      return talkers
    } catch (error) {
      await talkers[Symbol.asyncDispose]()
      throw error
    }
  }

  async open(rooms: readonly Room[], sockets: number): Promise<void> {
    const before = this.#seats.length
    await inTurns(sockets, OPENED_AT_ONCE, async (at) => {
      this.#place.signal.throwIfAborted()
      const room = rooms[at % rooms.length] as Room
      const person = room.people[Math.floor(at / rooms.length) % 2] ?? room.people[0]
      const seat = new Seat(await this.#place.target.openRoom(room.id, person.token), room, before + at)
      seat.onFrame(this.#hear)
      this.#seats[before + at] = seat
    })
    this.#rooms = Map.groupBy(this.#seats, ({ room }) => room)
  }

  async talk(plan: Plan): Promise<Talk> {
    this.#plan = plan
    this.#text = 'Is it still free on Saturday? '.repeat(200).slice(0, plan.size).replace(/ $/, '.')
    const tally = new Tally()
    this.#tally = tally
    for (const seat of this.#seats) seat.begin()
    const speakers = [...this.#rooms.values()].flatMap((seats) => seats.slice(0, plan.speakers))
    const stop = plan.rate === undefined ? this.#beginAll(speakers) : this.#keepSaying(speakers, plan.rate)
    try {
      await this.#pause(1000 * plan.warmUpSeconds)
      const { seconds, cost } = await this.#measure(plan)
      tally.isOver = true
      stop()
      await this.#drain()
      return this.#result(seconds, cost)
    } finally {
      tally.isOver = true
      stop()
    }
  }

  #beginAll(speakers: readonly Seat[]): () => void {
    for (const seat of speakers) this.#say(seat, performance.now())
    return () => {}
  }

  #keepSaying(speakers: readonly Seat[], rate: number): () => void {
    return pace(rate, (nth, due) => {
      const seat = speakers[nth % speakers.length]
      if (seat?.isOpen) this.#say(seat, due)
    })
  }

  async #measure({ seconds, onSecond }: Plan): Promise<{ seconds: number; cost: Cost }> {
    const meter = await Meter.start(this.#place.target)
    const tally = this.#tally
    tally.from = performance.now()
    tally.until = tally.from + 1000 * seconds
    for (let second = 1; second <= seconds; second++) {
      const before = tally.messages
      await this.#pause(Math.max(0, tally.from + 1000 * second - performance.now()))
      onSecond(second, tally.messages - before)
    }
    return { seconds, cost: await meter.stop() }
  }

  /** @throws TargetError as soon as nobody is left who could hear anything */
  async #pause(ms: number) {
    const { signal } = this.#place
    const until = performance.now() + ms
    while (performance.now() < until) {
      await pause(Math.min(LOOK_EVERY_MS, until - performance.now()), undefined, { signal })
      if (this.#seats.some(({ isOpen }) => isOpen)) continue
      const codes = Object.keys(this.#closed())
      const why = codes.includes(TOO_MUCH) ? 'more came than it could take. Try a lower --rate' : 'see its log'
      throw new TargetError(`the server has closed all ${this.#seats.length} sockets (${codes.join(', ')}): ${why}`)
    }
  }

  #say(seat: Seat, due: number) {
    const client_id = `${this.#tally.id}.${seat.number}.${Math.round(1000 * due)}.${seat.said}`
    seat.say(JSON.stringify({ message: this.#text, client_id }))
  }

  readonly #hear = (seat: Seat, data: string) => {
    const now = performance.now()
    const { seq, client_id = '', code }: Frame = JSON.parse(data)
    const tally = this.#tally
    const [talk, speaker, micros = 0] = client_id.split('.').map(Number)
    // What comes too late for its own talk was counted as lost there.
    if (talk !== tally.id) return
    if (seq === undefined) return this.#refuse(seat, code)
    const isOwn = speaker === seat.number
    tally.hear(isOwn, micros / 1000, now)
    seat.hear(seq)
    if (!isOwn) return
    seat.acknowledged += 1
    this.#goOn(seat)
  }

  #refuse(seat: Seat, code = 'unknown') {
    this.#tally.refuse(code, performance.now())
    seat.refused += 1
    setTimeout(() => this.#goOn(seat), AGAIN_AFTER_REFUSAL_MS)
  }

  #goOn(seat: Seat) {
    if (this.#plan?.rate === undefined && !this.#tally.isOver && seat.isOpen) this.#say(seat, performance.now())
  }

  /** Until all has come, or nothing comes any more. */
  async #drain() {
    this.#tally.lastHeardAt = performance.now()
    while (this.#lost() > 0 && performance.now() - this.#tally.lastHeardAt < QUIET_MS) await this.#pause(LOOK_EVERY_MS)
  }

  /** Of what was said on a socket that was closed only that counts of which the server has said that it has it. */
  #lost(): number {
    let lost = 0
    for (const seats of this.#rooms.values()) {
      const due = sum(seats, (seat) => (seat.isOpen ? seat.said - seat.refused : seat.acknowledged))
      lost += sum(seats, ({ isOpen, heard }) => (isOpen ? Math.max(0, due - heard) : 0))
    }
    return lost
  }

  #closed(): Record<string, number> {
    const closed = this.#seats.filter(({ isOpen }) => !isOpen)
    const byCode = Map.groupBy(closed, ({ closedWith }) => String(closedWith))
    return Object.fromEntries([...byCode].map(([code, seats]) => [code, seats.length]))
  }

  #result(seconds: number, cost: Cost): Talk {
    const { messages, deliveries, toOthers, toSender, refused } = this.#tally
    return {
      sockets: this.#seats.length,
      messagesPerSecond: messages / seconds,
      deliveriesPerSecond: deliveries / seconds,
      toOthers: toOthers.summary(),
      toSender: toSender.summary(),
      sent: sum(this.#seats, ({ said }) => said),
      lost: this.#lost(),
      doubled: sum(this.#seats, ({ doubled }) => doubled),
      disordered: sum(this.#seats, ({ disordered }) => disordered),
      refused,
      closed: this.#closed(),
      ...cost,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#seats.map((seat) => seat.leave()))
  }
}

const sum = <T>(items: readonly T[], value: (item: T) => number) =>
  items.reduce((total, item) => total + value(item), 0)
