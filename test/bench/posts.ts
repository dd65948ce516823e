import type { Answer } from './connection.ts'
import { type Asked, type Asking, type Counts, requestText } from './requests.ts'
import type { Person, Seat } from './seed.ts'
import type { Server } from './servers.ts'

const LENGTH = 100

/** Who speaks and where, in turn: the next message is the next one's. */
interface PostLoad {
  server: Server
  seats: Seat[]
  tokenOf: (person: Person) => string
}

/** `POST /api/rooms/{id}/messages`: what was sent, and what became of it. */
export class Posts implements Asking {
  readonly server: Server
  readonly #seats: Seat[]
  readonly #tokenOf: PostLoad['tokenOf']
  readonly #seqs = new Map<number, number[]>()
  #sent = 0
  #answered = 0
  #refused = 0
  #wrong = 0

  constructor({ server, seats, tokenOf }: PostLoad) {
    this.server = server
    this.#seats = seats
    this.#tokenOf = tokenOf
    for (const { roomId } of seats) this.#seqs.set(roomId, [])
  }

  next(): Asked {
    const seat = this.#seats[this.#sent % this.#seats.length]
    if (!seat) throw new Error('nobody is there to speak')
    this.#sent += 1
    const text = `message ${this.#sent} `.padEnd(LENGTH, 'hello marketplace ')
    const path = `/api/rooms/${seat.roomId}/messages`
    const body = JSON.stringify({ text })
    const request = requestText({
      ...{ method: 'POST', path, body },
      token: this.#tokenOf(seat.person),
      port: this.server.port,
    })
    return { request, take: (answer) => this.#take(seat, text, answer) }
  }

  #take(seat: Seat, text: string, { status, body }: Answer): void {
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
  counts(): Counts {
    const rooms = [...this.#seqs.values()].map((seqs) => ({ all: seqs.length, distinct: new Set(seqs).size, seqs }))
    const lost = rooms.map(({ distinct, seqs }) => seqs.reduce((a, b) => Math.max(a, b), 0) - distinct)
    const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0)
    return {
      sent: this.#sent,
      accepted_all: this.#answered - this.#refused,
      lost: sum(lost),
      unacked: this.#sent - this.#answered,
      dup_ooo: sum(rooms.map(({ all, distinct }) => all - distinct)),
      srv_err: this.#refused,
      badframe: this.#wrong,
    }
  }
}
