import { Centrifuge, errorCodes, type Subscription } from 'centrifuge'
import type { Seat } from './seed.ts'

const SEND_EVERY_MS = 2000
const RETRY_AFTER_MS = 200
const TEXT = 'Is it still there, and would you part with it for a little less?'

/** What is being said in a room, by the one of its two people who speaks. */
export interface Talk {
  /** How many messages it is; each ends with an acknowledgement, however often it has to be sent. */
  sent: number
  acknowledged: number
  /** The last one's, of those that were acknowledged. */
  seq: number
  /** Acknowledged, but as something else. */
  wrong: number
}

/** A person with the client library as it is, in one room. */
export class Device {
  readonly talk: Talk
  /** Since when it has been in the room without a break. */
  thereSince: number | undefined
  lost = 0
  doubled = 0
  /** How often the server could not give what had been missed. */
  unrecovered = 0
  #seq = 0
  readonly #clientIds = new Set<string>()
  readonly #roomId: number
  readonly #client: Centrifuge
  readonly #subscription: Subscription

  constructor(port: number, { roomId, person }: Seat, talk: Talk) {
    this.talk = talk
    this.#roomId = roomId
    const url = `ws://127.0.0.1:${port}/connection/websocket`
    this.#client = new Centrifuge(url, { websocket: WebSocket, token: person.token })
    this.#subscription = this.#client.newSubscription(`room:${roomId}`)
    this.#subscription.on('subscribed', ({ wasRecovering, recovered }) => {
      this.thereSince = performance.now()
      if (wasRecovering && !recovered) this.unrecovered += 1
    })
    this.#subscription.on('subscribing', () => {
      this.thereSince = undefined
    })
    this.#subscription.on('publication', ({ data }) => {
      if (data.type === 'message.created') this.#receive(data.message)
    })
  }

  /** Resolves in the room. */
  async arrive(withinMs: number): Promise<void> {
    this.#subscription.subscribe()
    this.#client.connect()
    await this.#subscription.ready(withinMs)
  }

  leave(): void {
    this.#client.disconnect()
  }

  /** Whether it has all that was acknowledged in its room. */
  get isUpToDate(): boolean {
    return this.#seq >= this.talk.seq
  }

  /** What has still not come, when nothing is on its way any more. */
  get missing(): number {
    return Math.max(0, this.talk.sent - this.#seq)
  }

  /** A room's messages are 1, 2, 3, and each has a clientId of its own. */
  #receive({ seq, clientId }: { seq: number; clientId: string }) {
    if (seq <= this.#seq || this.#clientIds.has(clientId)) this.doubled += 1
    this.#clientIds.add(clientId)
    if (seq <= this.#seq) return
    this.lost += seq - this.#seq - 1
    this.#seq = seq
  }

  /** One message after the other; the last one is acknowledged when this resolves. */
  async speak(isOver: () => boolean): Promise<void> {
    await Bun.sleep(Math.random() * SEND_EVERY_MS)
    while (!isOver()) {
      this.talk.sent += 1
      await this.#send(crypto.randomUUID())
      await Bun.sleep(SEND_EVERY_MS)
    }
  }

  async #send(clientId: string) {
    const draft = { roomId: this.#roomId, text: TEXT, clientId }
    for (;;) {
      try {
        const { data } = await this.#client.rpc('message.send', draft)
        if (data.clientId !== clientId) this.talk.wrong += 1
        this.talk.acknowledged += 1
        this.talk.seq = Math.max(this.talk.seq, data.seq)
        return
      } catch (error) {
        if (!isPassing(error)) return console.error('a message was refused:', error)
      }
      await Bun.sleep(RETRY_AFTER_MS)
    }
  }
}

const { timeout, transportClosed, transportWriteError, connectionClosed } = errorCodes
const CONNECTION_LOST: unknown[] = [timeout, transportClosed, transportWriteError, connectionClosed]

/** Whether the same may go well the next time. */
function isPassing(error: unknown): boolean {
  // The client rejects with plain objects.
  const { code, temporary } = error as { code?: number; temporary?: boolean }
  return temporary === true || CONNECTION_LOST.includes(code)
}
