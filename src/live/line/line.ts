import { type FrameHandler, FrameQueue } from './frame-queue.ts'
import { Heartbeat } from './heartbeat.ts'

/** Whoever has more than this unread waits with what they ask: with the greatest answer it stays below where Bun closes the socket. */
export const UNREAD_WINDOW_BYTES = 256 << 10

/** A socket as a session uses it: Bun's own without its data, or an HTTP stream that behaves like one. */
export interface LiveSocket {
  send(frame: string): unknown
  /** What is sent in it goes out in one write. */
  cork(send: () => void): unknown
  subscribe(topic: string): unknown
  unsubscribe(topic: string): unknown
  close(code: number, reason: string): void
  ping(): unknown
  /** Bytes that the client has not read yet. */
  getBufferedAmount(): number
}

/** What is told of a socket. It is made before the upgrade, and is the socket's data in Bun. */
export interface LiveSession {
  onOpen(socket: LiveSocket): void
  onMessage(raw: string | Buffer): void
  onDrain(): void
  /** What was sent has been taken, though nobody may have read it: more may follow. */
  onTaken(): void
  onPong(): void
  onClose(): void
}

/** What is spoken on a line. */
export interface Speaker extends FrameHandler {
  /** The client is there. */
  begin(): void
  /** More frames wait than may. */
  overrun(): void
  /** The socket has gone, whoever closed it. */
  gone(): void
}

/** What a client is reached by, whatever is spoken: frames in order, what is still unread, and whether anybody is there. */
export class Line implements LiveSession {
  readonly frames: FrameQueue
  readonly #speaker: Speaker
  readonly #heartbeat: Heartbeat
  #socket: LiveSocket | undefined
  #isClosing = false
  // Whoever waits for the client to read: a replay, or the end.
  #onDrain: (() => void)[] | undefined

  /** Times in milliseconds of a clock that never jumps. */
  constructor(speaker: Speaker, pingEveryMs: number, now: number) {
    this.#speaker = speaker
    this.frames = new FrameQueue(speaker)
    this.#heartbeat = new Heartbeat(pingEveryMs, now)
  }

  get isOpen(): boolean {
    return !this.#isClosing
  }

  onOpen(socket: LiveSocket): void {
    this.#socket = socket
    this.#speaker.begin()
  }

  onMessage(raw: string | Buffer): void {
    this.#heartbeat.answered()
    if (this.isOpen && !this.frames.push(raw)) this.#speaker.overrun()
  }

  onDrain(): void {
    // Whoever takes what it was sent is there: a pong may be far behind that on a slow line.
    this.#heartbeat.answered()
    this.#wake()
  }

  onTaken(): void {
    this.#wake()
  }

  onPong(): void {
    this.#heartbeat.answered()
  }

  onClose(): void {
    this.#isClosing = true
    this.frames.clear()
    this.#wake()
    this.#speaker.gone()
  }

  send(frame: string): void {
    if (this.isOpen) this.#socket?.send(frame)
  }

  /** The same, in one write with what was published to it a moment ago: that is half of what a reply costs. */
  reply(frame: string): void {
    const socket = this.#socket
    if (this.isOpen && socket) socket.cork(() => socket.send(frame))
  }

  subscribe(topic: string): void {
    if (this.isOpen) this.#socket?.subscribe(topic)
  }

  unsubscribe(topic: string): void {
    if (this.isOpen) this.#socket?.unsubscribe(topic)
  }

  ping(): void {
    this.#socket?.ping()
  }

  /** What is to be done at this moment. A ping that is due counts as sent. */
  due(now: number): 'nothing' | 'ping' | 'end' {
    return this.#heartbeat.due(now)
  }

  get unsentBytes(): number {
    return this.#socket?.getBufferedAmount() ?? 0
  }

  /** Resolves when no more than this is unsent; at once when the socket has gone. */
  async unsentUpTo(bytes: number): Promise<void> {
    while (this.isOpen && this.unsentBytes > bytes) {
      await new Promise<void>((resolve) => {
        this.#onDrain ??= []
        this.#onDrain.push(resolve)
      })
    }
  }

  #wake() {
    const waiting = this.#onDrain ?? []
    this.#onDrain = undefined
    for (const resolve of waiting) resolve()
  }

  /** Takes no more; resolves when what it has taken is answered, and the client has read the answers. */
  async finish(): Promise<void> {
    await this.frames.finish()
    await this.unsentUpTo(0)
  }

  close(code: number, reason: string): void {
    if (this.#isClosing) return
    this.#isClosing = true
    this.frames.clear()
    this.#socket?.close(code, reason)
    this.#wake()
  }
}
