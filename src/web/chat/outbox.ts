import { signal } from '@preact/signals'
import type { Message } from '../../messages/model.ts'
import { keep, readKept } from './kept.ts'

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
  #name: string | undefined

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** From now on what is unsent is this person's. */
  open(userId: string): void {
    if (this.#name !== undefined) return
    this.#name = `outbox:${userId}`
    const kept: Unsent[] = JSON.parse(readKept(this.#name) ?? '[]')
    this.#change([...kept, ...this.unsent.value])
    this.flush()
  }

  add(roomId: number, text: string): void {
    const message = { clientId: crypto.randomUUID(), roomId, text, at: Date.now() }
    this.#change([...this.unsent.value, message])
    this.flush()
  }

  again(clientId: string): void {
    this.#change(
      this.unsent.value.map(({ refusal, ...each }) =>
        each.clientId === clientId || refusal === undefined ? each : { ...each, refusal },
      ),
    )
    this.flush()
  }

  drop(clientId: string): void {
    this.#change(this.unsent.value.filter((each) => each.clientId !== clientId))
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
    for (let next = this.#next(roomId); next; next = this.#next(roomId)) {
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
      if (isFinal)
        this.#change(
          this.unsent.value.map((each) => (each.clientId === message.clientId ? { ...each, refusal } : each)),
        )
      return isFinal
    }
  }

  #change(unsent: readonly Unsent[]) {
    this.unsent.value = unsent
    if (this.#name !== undefined) keep(this.#name, unsent.length > 0 ? JSON.stringify(unsent) : undefined)
  }
}
