import { signal } from '@preact/signals'
import type { Message } from '../../messages/model.ts'
import { allKept, keep } from './kept.ts'

/** A message that the server has not acknowledged yet. */
export interface Unsent {
  clientId: string
  roomId: number
  text: string
  /** Milliseconds since 1970. */
  at: number
  /** Why the server will not take it: it stays until its author sends it again, or throws it away. */
  refusal?: string
}

interface Deps {
  /** Rejects with `isFinal` where another try would end the same way. */
  send: (message: Unsent) => Promise<Message>
  onSent: (message: Message) => void
}

export interface SendFailure {
  isFinal: boolean
  message: string
}

/** The first wait before another try; it doubles up to the last. */
const RETRY_MS = { first: 1000, last: 15_000 }

/**
 * Messages on their way. Each is kept before it is sent, so it survives a reload; in a room they go one after the other, so
 * they arrive in the order in which they were written; and its `clientId` makes another try the same message.
 */
export class Outbox {
  readonly unsent = signal<readonly Unsent[]>([])
  readonly #deps: Deps
  readonly #busy = new Set<number>()
  /** Ends the wait of a room for its next try. */
  readonly #pauses = new Set<() => void>()
  /** What is kept is this person's. Each message under a name of its own: several pages of the browser have one outbox. */
  #prefix: string | undefined
  #isClosed = false

  constructor(deps: Deps) {
    this.#deps = deps
  }

  open(userId: string): void {
    if (this.#prefix !== undefined) return
    this.#prefix = `outbox:${userId}:`
    const kept = allKept(this.#prefix).map(([, text]) => JSON.parse(text) as Unsent)
    this.unsent.value = kept.sort((a, b) => a.at - b.at)
    this.flush()
  }

  /** What is unsent stays for the next time. */
  close(): void {
    this.#isClosed = true
    for (const wake of this.#pauses) wake()
  }

  add(roomId: number, text: string): void {
    this.#put({ clientId: crypto.randomUUID(), roomId, text, at: Date.now() })
    this.flush()
  }

  again(clientId: string): void {
    const refused = this.unsent.value.find((each) => each.clientId === clientId)
    if (!refused) return
    const { refusal: _, ...message } = refused
    this.#put(message)
    this.flush()
  }

  drop(clientId: string): void {
    this.unsent.value = this.unsent.value.filter((each) => each.clientId !== clientId)
    keep(`${this.#prefix}${clientId}`, undefined)
  }

  /** To be called when there is a line again. */
  flush(): void {
    for (const wake of this.#pauses) wake()
    for (const roomId of new Set(this.unsent.value.map((each) => each.roomId))) void this.#sendAll(roomId)
  }

  async #sendAll(roomId: number) {
    if (this.#busy.has(roomId)) return
    this.#busy.add(roomId)
    let waitMs = RETRY_MS.first
    for (let next = this.#next(roomId); next && !this.#isClosed; next = this.#next(roomId)) {
      if (await this.#send(next)) {
        waitMs = RETRY_MS.first
        continue
      }
      await this.#pause(waitMs)
      waitMs = Math.min(waitMs * 2, RETRY_MS.last)
    }
    this.#busy.delete(roomId)
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        this.#pauses.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, ms)
      this.#pauses.add(wake)
    })
  }

  #next(roomId: number): Unsent | undefined {
    return this.unsent.value.find((each) => each.roomId === roomId && each.refusal === undefined)
  }

  /** Whether it is settled, one way or the other. */
  async #send(message: Unsent): Promise<boolean> {
    try {
      const sent = await this.#deps.send(message)
      this.#deps.onSent(sent)
      this.drop(message.clientId)
      return true
    } catch (error) {
      const { isFinal, message: refusal } = error as SendFailure
      if (isFinal) this.#put({ ...message, refusal })
      return isFinal
    }
  }

  /** A new one, or one that is other than before. */
  #put(message: Unsent) {
    const { clientId } = message
    const isKnown = this.unsent.value.some((each) => each.clientId === clientId)
    this.unsent.value = isKnown
      ? this.unsent.value.map((each) => (each.clientId === clientId ? message : each))
      : [...this.unsent.value, message]
    keep(`${this.#prefix}${clientId}`, JSON.stringify(message))
  }
}
