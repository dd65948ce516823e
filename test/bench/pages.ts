import type { Answer } from './connection.ts'
import { type Asked, type Asking, type Counts, requestText } from './requests.ts'
import type { Server } from './servers.ts'

/** As many as a page has where nobody asks for more or fewer. */
const PAGE = 30

export interface PageLoad {
  server: Server
  token: string
  /** Where the next page is, and whether what came is what should have come. */
  next(): Page
}

interface Page {
  path: string
  isRight(items: { seq?: number }[]): boolean
}

/** Whole pages, each of which is looked at. */
export class Pages implements Asking {
  readonly server: Server
  readonly #load: PageLoad
  #sent = 0
  #answered = 0
  #refused = 0
  #wrong = 0

  constructor(load: PageLoad) {
    this.server = load.server
    this.#load = load
  }

  next(): Asked {
    const { path, isRight } = this.#load.next()
    this.#sent += 1
    const request = requestText({ method: 'GET', path, token: this.#load.token, port: this.server.port })
    return { request, take: (answer) => this.#take(answer, isRight) }
  }

  #take({ status, body }: Answer, isRight: Page['isRight']): void {
    this.#answered += 1
    if (status === 200) {
      const { items } = JSON.parse(body)
      if (items.length !== PAGE || !isRight(items)) this.#wrong += 1
      return
    }
    this.#refused += 1
    if (this.#refused === 1) console.error(`the server answered ${status}: ${body}`)
  }

  counts(): Counts {
    return {
      sent: this.#sent,
      accepted_all: this.#answered - this.#refused,
      lost: 0,
      unacked: this.#sent - this.#answered,
      dup_ooo: 0,
      srv_err: this.#refused,
      badframe: this.#wrong,
    }
  }
}

export const firstOfInbox = (): Page => ({ path: '/api/rooms', isRight: () => true })

/** Somewhere in a room of so many messages. */
export function somewhereIn(roomId: number, messages: number): Page {
  const before = PAGE + 1 + Math.floor(Math.random() * (messages - PAGE))
  const path = `/api/rooms/${roomId}/messages?before=${before}`
  return { path, isRight: (items) => items.at(-1)?.seq === before - 1 }
}
