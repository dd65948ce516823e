import type { Identities } from '../auth/identities.ts'
import type { Identity } from '../auth/model.ts'
import { ChatError } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { Bucket, type Rate } from '../lib/rate-limit.ts'
import type { Locale } from '../lib/texts.ts'
import type { Messages } from '../messages/service.ts'
import type { Rooms } from '../rooms/service.ts'
import { CLOSE, CLOSE_REASON, type CloseCode, type Connection, type Connections, closeCodeOf } from './connections.ts'
import { FrameQueue } from './frame-queue.ts'
import { Heartbeat } from './heartbeat.ts'
import type { Hub } from './hub.ts'
import {
  clientIdOf,
  encodeError,
  encodePlain,
  type PlainSend,
  parseFrame,
  readSend,
  socketCodeOf,
} from './protocol-plain.ts'
import type { Member, Wire } from './sequencer.ts'
import type { LiveSession, LiveSocket } from './socket.ts'
import { plainTopic } from './topics.ts'

export interface LiveDeps {
  identities: Identities
  rooms: Rooms
  messages: Messages
  hub: Hub
  connections: Connections
  log: Log
  /** Milliseconds since 1970, for what has a date; and since the start, for what takes time: a clock may be set. */
  now: () => number
  uptime: () => number
  /** Frames of one connection; `undefined` lifts the limit. */
  frames: Rate | undefined
  pingEveryMs: number
  /** How a replay ended that a client asked for. */
  onReplay: (result: ReplayResult) => void
  /** A frame was answered with an error of this code. */
  onRefused: (code: string) => void
}

export type ReplayResult = 'complete' | 'too_long' | 'cut'

/** What a request for a room's socket asks for. */
export interface Visit {
  /** NaN where the path names no room. */
  roomId: number
  /** `?after=`: the last seq that the client has. */
  after: number | undefined
  locale: Locale
  network: string
}

const MAX_STRIKES = 50
/** A replay goes on while less than this is unsent. */
const REPLAY_WINDOW_BYTES = 64 << 10

const PLAIN: Wire = { topic: plainTopic, encode: encodePlain }

/** One plain room socket: a person in a room. Bun's WebSocket handler hands it the events of its socket. */
export class RoomSession implements Connection, LiveSession, Member {
  readonly wire = PLAIN
  readonly network: string
  identity: Identity
  readonly #deps: LiveDeps
  readonly #visit: Visit
  #socket: LiveSocket | undefined
  readonly #frames = new FrameQueue((raw) => this.#handle(raw))
  #bucket: Bucket | undefined
  #strikes = 0
  readonly #heartbeat: Heartbeat
  #isClosing = false
  #replay: ReplayResult = 'complete'
  // Whoever waits for the client to read: the replay, or the end.
  #onDrain: (() => void)[] | undefined
  #leave: (() => void) | undefined

  constructor(deps: LiveDeps, identity: Identity, visit: Visit) {
    this.#deps = deps
    this.identity = identity
    this.#visit = visit
    this.network = visit.network
    this.#heartbeat = new Heartbeat(deps.pingEveryMs, deps.uptime())
  }

  onOpen(socket: LiveSocket): void {
    this.#socket = socket
    void this.#enter()
  }

  /** Registers, joins, then takes frames. */
  async #enter(): Promise<void> {
    const { connections, identities, rooms, hub } = this.#deps
    const { roomId, after } = this.#visit
    connections.add(this)
    try {
      // Whoever signed out or took another name between the upgrade and the line above was not found here: look again.
      const identity = await identities.check(this.identity)
      if (!identity) return this.#refuse(new ChatError('unauthenticated'))
      this.identity = identity
      await rooms.requireMember(this.identity.user.id, roomId)
      const leave = await hub.join(roomId, this, after)
      if (after !== undefined) this.#deps.onReplay(this.isOpen ? this.#replay : 'cut')
      if (this.isOpen) this.#leave = leave
      else leave()
    } catch (error) {
      return this.#refuse(error)
    }
    this.#frames.start()
  }

  onMessage(raw: string | Buffer): void {
    this.#heartbeat.answered()
    if (this.isOpen && !this.#frames.push(raw)) this.end(CLOSE.tooMuch)
  }

  async #handle(raw: string | Buffer): Promise<void> {
    // A frame that cannot be read counts too.
    const isTooMuch = this.#isTooMuch()
    let clientId: string | undefined
    try {
      const frame = parseFrame(raw)
      clientId = clientIdOf(frame)
      if (!isTooMuch) await this.#send(readSend(frame))
    } catch (error) {
      if (!isTooMuch) this.#refuseFrame(error, clientId)
    }
    if (isTooMuch) this.#refuseFrame(new ChatError('rate_limited'), clientId)
  }

  #isTooMuch(): boolean {
    const { frames, uptime } = this.#deps
    if (!frames) return false
    this.#bucket ??= new Bucket(frames, uptime())
    return !this.#bucket.take(frames, uptime())
  }

  async #send({ text, clientId, senderEmail, roomId = this.#visit.roomId }: PlainSend) {
    const { user } = this.identity
    if (senderEmail !== undefined && senderEmail.toLowerCase() !== user.email?.toLowerCase()) {
      throw new ChatError('forbidden', { reason: 'sender_mismatch' })
    }
    const draft = clientId === undefined ? { text } : { text, clientId }
    const { message, created } = await this.#deps.messages.send(this.identity, roomId, draft)
    this.#strikes = 0
    // In this room the frame that everyone gets is the acknowledgement.
    if (created && roomId === this.#visit.roomId) return
    const frame = encodePlain(message)
    if (frame !== undefined) this.send(frame)
  }

  #refuseFrame(error: unknown, clientId: string | undefined) {
    const told = this.#tell(error, clientId)
    this.#deps.onRefused(socketCodeOf(told))
    if (told.code !== 'rate_limited') return
    this.#strikes += 1
    if (this.#strikes >= MAX_STRIKES) this.end(CLOSE.tooMuch)
  }

  /** The client's fault is told in full; ours only as `internal`, and the cause goes to the log. */
  #tell(error: unknown, clientId?: string): ChatError {
    const told = error instanceof ChatError ? error : new ChatError('internal', { cause: error })
    if (told.code === 'internal') this.#deps.log.error('frame_failed', { userId: this.identity.user.id, error })
    this.send(encodeError(told, this.#visit.locale, clientId))
    return told
  }

  #refuse(error: unknown) {
    this.end(closeCodeOf(this.#tell(error)))
  }

  get isOpen(): boolean {
    return !this.#isClosing
  }

  send(frame: string): void {
    if (this.isOpen) this.#socket?.send(frame)
  }

  subscribe(topic: string): void {
    this.#socket?.subscribe(topic)
  }

  replayTooLong(): void {
    this.#replay = 'too_long'
    this.send(encodeError(new ChatError('invalid', { reason: 'replay_too_long' }), this.#visit.locale))
  }

  drained(): Promise<void> {
    return this.#unsentUpTo(REPLAY_WINDOW_BYTES)
  }

  async #unsentUpTo(bytes: number): Promise<void> {
    while (this.isOpen && (this.#socket?.getBufferedAmount() ?? 0) > bytes) {
      await new Promise<void>((resolve) => {
        this.#onDrain ??= []
        this.#onDrain.push(resolve)
      })
    }
  }

  onDrain(): void {
    // Whoever takes what it was sent is there: a pong may be far behind that on a slow line.
    this.#heartbeat.answered()
    const waiting = this.#onDrain ?? []
    this.#onDrain = undefined
    for (const resolve of waiting) resolve()
  }

  onPong(): void {
    this.#heartbeat.answered()
  }

  tick(): void {
    const { now, uptime } = this.#deps
    const due = this.#heartbeat.due(uptime())
    if (now() >= this.identity.expiresAt) this.end(CLOSE.unauthenticated)
    else if (due === 'end') this.end(CLOSE.tooSlow)
    else if (due === 'ping') this.#socket?.ping()
  }

  end(code: CloseCode): void {
    if (this.#isClosing) return
    this.#isClosing = true
    this.#frames.clear()
    this.#socket?.close(code, CLOSE_REASON[code])
    this.onDrain()
  }

  /** What it has taken is answered, and the client has read the answers, before it is told to come back. */
  async retire(): Promise<void> {
    await this.#frames.finish()
    await this.#unsentUpTo(0)
    this.end(CLOSE.restart)
  }

  /** The socket has gone, whoever closed it. */
  onClose(): void {
    this.#isClosing = true
    this.#frames.clear()
    this.#deps.connections.remove(this)
    this.onDrain()
    this.#leave?.()
    this.#leave = undefined
  }
}
