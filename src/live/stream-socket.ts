import { encodeDisconnect } from './app/protocol-pushes.ts'
import type { LiveSession, LiveSocket } from './line/line.ts'

/** As with a WebSocket, a client that leaves more than this unread is cut off. */
const MAX_UNREAD_BYTES = 1 << 20
/** Whoever is told to go has so long to read it. */
const READ_END_WITHIN_MS = 5000

/** The streams of this process, by session and by topic: what Bun does for its own sockets. */
export class Streams {
  readonly #sessions = new Map<string, LiveSession>()
  readonly #topics = new Map<string, Set<StreamSocket>>()

  publish(topic: string, frame: string): void {
    if (this.#topics.size === 0) return
    for (const socket of this.#topics.get(topic) ?? []) socket.send(frame)
  }

  subscribe(topic: string, socket: StreamSocket): void {
    this.#topics.set(topic, (this.#topics.get(topic) ?? new Set()).add(socket))
  }

  unsubscribe(topic: string, socket: StreamSocket): void {
    const sockets = this.#topics.get(topic)
    if (sockets?.delete(socket) && sockets.size === 0) this.#topics.delete(topic)
  }

  /** A session that what is sent to the emulation endpoint is for. */
  find(session: string): LiveSession | undefined {
    return this.#sessions.get(session)
  }

  add(session: string, live: LiveSession): void {
    this.#sessions.set(session, live)
  }

  remove(session: string): void {
    this.#sessions.delete(session)
  }
}

interface Deps {
  streams: Streams
  /** Of the session that is spoken. */
  session: string
  live: LiveSession
  /** The number that the client was told, or 1006 where it went away. */
  onClosed: (code: number) => void
}

/** One half of a socket that is emulated over HTTP: what the server sends, a line each, in the body of an answer. */
export class StreamSocket implements LiveSocket {
  readonly #deps: Deps
  readonly #topics = new Set<string>()
  readonly #encoder = new TextEncoder()
  #unread: string[] = []
  #unreadBytes = 0
  #isEnding = false
  #onMore: (() => void) | undefined
  #cutOff: (error: Error) => void = () => {}
  #cutTimer: ReturnType<typeof setTimeout> | undefined
  /** The body of the answer. Bun asks for a chunk when the client has taken the one before. */
  readonly body: ReadableStream<Uint8Array>

  constructor(deps: Deps) {
    this.#deps = deps
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#cutOff = (error) => controller.error(error)
        },
        pull: (controller) => this.#pull(controller),
        cancel: () => this.#gone(1006),
      },
      { highWaterMark: 0 },
    )
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>) {
    if (this.#unread.length === 0 && !this.#isEnding) {
      await new Promise<void>((resolve) => {
        this.#onMore = resolve
      })
    }
    const lines = this.#unread
    this.#unread = []
    this.#unreadBytes = 0
    if (lines.length > 0) controller.enqueue(this.#encoder.encode(`${lines.join('\n')}\n`))
    if (!this.#isEnding) return this.#deps.live.onTaken()
    clearTimeout(this.#cutTimer)
    controller.close()
  }

  send(frame: string): void {
    if (this.#isEnding) return
    this.#unread.push(frame)
    this.#unreadBytes += Buffer.byteLength(frame) + 1
    if (this.#unreadBytes > MAX_UNREAD_BYTES) this.#cut()
    else this.#more()
  }

  /** What was sent is written when the client has taken what came before: all of it at once. */
  cork(send: () => void): void {
    send()
  }

  #more() {
    this.#onMore?.()
    this.#onMore = undefined
  }

  #cut() {
    this.#gone(1006)
    this.#unread = []
    this.#cutOff(new Error('too slow'))
  }

  close(code: number, reason: string): void {
    if (this.#isEnding) return
    this.#unread.push(encodeDisconnect(code, reason))
    this.#cutTimer = setTimeout(() => this.#cutOff(new Error('too slow')), READ_END_WITHIN_MS)
    this.#gone(code)
  }

  #gone(code: number) {
    const { streams, session, live, onClosed } = this.#deps
    if (streams.find(session) !== live) return
    this.#isEnding = true
    this.#more()
    streams.remove(session)
    for (const topic of this.#topics) streams.unsubscribe(topic, this)
    onClosed(code)
    // Not in the midst of what is being told to others.
    queueMicrotask(() => live.onClose())
  }

  subscribe(topic: string): void {
    this.#topics.add(topic)
    this.#deps.streams.subscribe(topic, this)
  }

  unsubscribe(topic: string): void {
    this.#topics.delete(topic)
    this.#deps.streams.unsubscribe(topic, this)
  }

  /** The protocol has pings of its own. */
  ping(): void {}

  getBufferedAmount(): number {
    return this.#unreadBytes
  }
}
