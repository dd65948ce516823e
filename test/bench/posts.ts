import { type Answer, Connection } from './connection.ts'
import type { LoadResult } from './load.ts'
import { type Cost, costOf, memoryOf } from './proc.ts'
import type { Person, Seat } from './seed.ts'
import type { Server } from './servers.ts'

const CONNECTIONS = 64
const LENGTH = 100
const SLICE_MS = 500
const LAST_ANSWERS_MS = 5000

/** Who speaks and where, in turn: the next message is the next one's, on whichever connection is free. */
export interface PostLoad {
  server: Server
  seats: Seat[]
  tokenOf: (person: Person) => string
}

/**
 * `POST /api/rooms/{id}/messages` on kept connections, each of which sends its next when its last was answered. The servers
 * take turns of half a second, so that a noisy second troubles all alike; those whose turn it isn't have nothing to do.
 */
export async function loadPosts(loads: PostLoad[], warmup: number, seconds: number): Promise<LoadResult[]> {
  const crews = loads.map((load) => new Crew(load))
  await Promise.all(crews.map((crew) => crew.open()))
  const takeTurns = async (ms: number) => {
    for (let slice = 0; slice < ms / SLICE_MS; slice++) for (const crew of crews) await crew.send()
  }
  await takeTurns(warmup * 1000)
  const measured = crews.map((crew) => crew.measure())
  await takeTurns(seconds * 1000)
  const results = measured.map((result) => result())
  for (const crew of crews) crew.close()
  return results
}

/** All that speak to one server. */
class Crew {
  readonly #load: PostLoad
  readonly #tally: Tally
  readonly #connections = Array.from({ length: CONNECTIONS }, () => new Connection())
  #sentForMs = 0

  constructor(load: PostLoad) {
    this.#load = load
    this.#tally = new Tally(load.seats)
  }

  async open(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.open(this.#load.server.port)))
  }

  close(): void {
    for (const connection of this.#connections) connection.close()
  }

  /** For a slice, and until the last answer of it is there. */
  async send(): Promise<void> {
    const startedAt = performance.now()
    const isOver = () => performance.now() - startedAt >= SLICE_MS
    const senders = this.#connections.map((connection) => this.#sendOn(connection, isOver))
    await Promise.race([Promise.all(senders), Bun.sleep(SLICE_MS + LAST_ANSWERS_MS)])
    this.#sentForMs += performance.now() - startedAt
  }

  async #sendOn(connection: Connection, isOver: () => boolean): Promise<void> {
    const { server, tokenOf } = this.#load
    try {
      while (!isOver()) {
        const post = this.#tally.next()
        const request = requestOf(post, tokenOf(post.seat.person), server.port)
        this.#tally.add(post, await connection.exchange(request))
      }
    } catch {
      this.#tally.closed += 1
    }
  }

  /** From now to the call of what it returns. */
  measure(): () => LoadResult {
    const { pid } = this.#load.server
    this.#tally.latencies = []
    this.#sentForMs = 0
    const cost = costOf(pid)
    return () => ({
      ...figuresOf(this.#tally.latencies, this.#sentForMs / 1000, cost()),
      ...this.#tally.counts(),
      rss_kb: memoryOf(pid).rss,
    })
  }
}

function requestOf({ seat, text }: Post, token: string, port: number): string {
  const body = JSON.stringify({ text })
  const headers = [
    `POST /api/rooms/${seat.roomId}/messages HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
  ]
  return `${headers.join('\r\n')}\r\n\r\n${body}`
}

function figuresOf(latencies: number[], seconds: number, { cpuSeconds, steal, diskWait }: Cost) {
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (part: number) => sorted[Math.floor(part * sorted.length)] ?? Number.NaN
  return {
    msgs_s: sorted.length / seconds,
    srv_us_per_msg: Number(((1e6 * cpuSeconds) / sorted.length).toFixed(1)),
    own: { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: sorted.at(-1) ?? Number.NaN },
    steal,
    core0_iowait: diskWait,
  }
}

interface Post {
  seat: Seat
  text: string
  sentAt: number
}

/** What was sent, and what became of it. */
class Tally {
  /** In milliseconds. */
  latencies: number[] = []
  closed = 0
  readonly #seats: Seat[]
  readonly #seqs = new Map<number, number[]>()
  #sent = 0
  #answered = 0
  #refused = 0
  #wrong = 0

  constructor(seats: Seat[]) {
    this.#seats = seats
    for (const { roomId } of seats) this.#seqs.set(roomId, [])
  }

  next(): Post {
    const seat = this.#seats[this.#sent % this.#seats.length]
    if (!seat) throw new Error('nobody is there to speak')
    this.#sent += 1
    const text = `message ${this.#sent} `.padEnd(LENGTH, 'hello marketplace ')
    return { seat, text, sentAt: performance.now() }
  }

  add({ seat, text, sentAt }: Post, { status, body }: Answer): void {
    this.latencies.push(performance.now() - sentAt)
    this.#answered += 1
    if (status !== 201) {
      this.#refused += 1
      if (this.#refused === 1) console.error(`the server answered ${status}: ${body}`)
      return
    }
    const message = JSON.parse(body)
    if (message.text !== text || message.sender?.id !== seat.person.id) this.#wrong += 1
    this.#seqs.get(message.roomId)?.push(message.seq)
  }

  /** A room's messages are 1, 2, 3: a number that nobody was answered is a message lost. */
  counts() {
    const rooms = [...this.#seqs.values()].map((seqs) => ({ all: seqs.length, distinct: new Set(seqs).size, seqs }))
    const lost = rooms.map(({ distinct, seqs }) => seqs.reduce((a, b) => Math.max(a, b), 0) - distinct)
    const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0)
    return {
      sent: this.#sent,
      accepted_all: this.#answered - this.#refused,
      lost: sum(lost),
      unacked: this.#sent - this.#answered,
      dup_ooo: sum(rooms.map(({ all, distinct }) => all - distinct)),
      errs: 0,
      srv_err: this.#refused,
      badframe: this.#wrong,
      closed: this.closed,
      hs_fail: 0,
    }
  }
}
