import type { Identities } from '../../auth/identities.ts'
import type { Identity } from '../../auth/model.ts'
import { ChatError } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import { Bucket, type Rate } from '../../lib/rate-limit.ts'
import type { Locale } from '../../lib/texts.ts'
import type { Message } from '../../messages/model.ts'
import type { Messages } from '../../messages/service.ts'
import type { Presence } from '../../presence/service.ts'
import type { Rooms } from '../../rooms/service.ts'
import type { Connection, Connections } from '../connections.ts'
import type { Hub } from '../hub.ts'
import { Line, type LiveSession, type Speaker } from '../line/line.ts'
import type { Member, Wire } from '../member.ts'
import { plainTopic } from '../topics.ts'
import {
  CLOSE,
  CLOSE_REASON,
  clientIdOf,
  encodeError,
  encodePlain,
  endingOf,
  type PlainEnding,
  type PlainSend,
  parseFrame,
  readSend,
  socketCodeOf,
} from './protocol.ts'

export interface PlainDeps {
  identities: Identities
  rooms: Rooms
  messages: Messages
  presence: Presence
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

/** Who speaks it gets no signals. */
const PLAIN: Wire = { topic: plainTopic, encode: encodePlain, encodeSignal: () => undefined }

/** One plain room socket: a person in a room. Bun's WebSocket handler hands it the events of its socket. */
export class RoomSession implements Connection, Speaker, Member {
  readonly wire = PLAIN
  readonly client = ''
  readonly network: string
  identity: Identity
  readonly line: Line
  readonly #deps: PlainDeps
  readonly #visit: Visit
  #bucket: Bucket | undefined
  #strikes = 0
  #replay: ReplayResult = 'complete'
  #hasJoined = false

  constructor(deps: PlainDeps, identity: Identity, visit: Visit) {
    this.#deps = deps
    this.identity = identity
    this.#visit = visit
    this.network = visit.network
    this.line = new Line(this, deps.pingEveryMs, deps.uptime())
  }

  get userId(): string {
    return this.identity.user.id
  }

  begin(): void {
    void this.#enter()
  }

  /** Registers, joins, then takes frames. */
  async #enter(): Promise<void> {
    const { connections, identities, presence, rooms, hub } = this.#deps
    const { roomId, after } = this.#visit
    connections.add(this)
    void presence.came(this.userId)
    try {
      // Whoever signed out or took another name between the upgrade and the line above was not found here: look again.
      const identity = await identities.check(this.identity)
      if (!identity) return this.#refuse(new ChatError('unauthenticated'))
      this.identity = identity
      await rooms.requireMember(this.userId, roomId)
      await hub.join(roomId, this, after)
      if (after !== undefined) this.#deps.onReplay(this.isOpen ? this.#replay : 'cut')
    } catch (error) {
      return this.#refuse(error)
    }
    this.line.frames.start()
  }

  overrun(): void {
    this.end('tooMuch')
  }

  async handle(raw: string | Buffer): Promise<void> {
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
    if (senderEmail !== undefined && senderEmail.toLowerCase() !== this.identity.user.email?.toLowerCase()) {
      throw new ChatError('forbidden', { reason: 'sender_mismatch' })
    }
    const draft = clientId === undefined ? { text } : { text, clientId }
    const { message, created } = await this.#deps.messages.send(this.identity, roomId, draft)
    this.#strikes = 0
    // In this room the frame that everyone gets is the acknowledgement.
    if (created && roomId === this.#visit.roomId) return
    await this.#deps.hub.catchUp(roomId, message.seq)
    const frame = encodePlain(message)
    if (frame !== undefined) this.send(frame)
  }

  #refuseFrame(error: unknown, clientId: string | undefined) {
    const told = this.#tell(error, clientId)
    this.#deps.onRefused(socketCodeOf(told))
    if (told.code !== 'rate_limited') return
    this.#strikes += 1
    if (this.#strikes >= MAX_STRIKES) this.end('tooMuch')
  }

  /** The client's fault is told in full; ours only as `internal`, and the cause goes to the log. */
  #tell(error: unknown, clientId?: string): ChatError {
    const told = error instanceof ChatError ? error : new ChatError('internal', { cause: error })
    if (told.code === 'internal') this.#deps.log.error('frame_failed', { userId: this.userId, error })
    this.send(encodeError(told, this.#visit.locale, clientId))
    return told
  }

  #refuse(error: unknown) {
    this.end(endingOf(this.#tell(error)))
  }

  get isOpen(): boolean {
    return this.line.isOpen
  }

  send(frame: string): void {
    this.line.send(frame)
  }

  give(message: Message): boolean {
    const frame = encodePlain(message)
    if (frame !== undefined) this.send(frame)
    return true
  }

  admit(topic: string): void {
    this.#hasJoined = true
    this.line.subscribe(topic)
  }

  signal(): void {}

  lost(): void {
    this.#hasJoined = false
    this.end('restart')
  }

  replayTooLong(): void {
    this.#replay = 'too_long'
    this.send(encodeError(new ChatError('invalid', { reason: 'replay_too_long' }), this.#visit.locale))
  }

  drained(): Promise<void> {
    return this.line.unsentUpTo(REPLAY_WINDOW_BYTES)
  }

  tick(): void {
    const { now, uptime } = this.#deps
    const due = this.line.due(uptime())
    if (now() >= this.identity.expiresAt) this.end('unauthenticated')
    else if (due === 'end') this.end('tooSlow')
    else if (due === 'ping') this.line.ping()
  }

  end(why: PlainEnding): void {
    this.line.close(CLOSE[why], CLOSE_REASON[why])
  }

  async retire(): Promise<void> {
    await this.line.finish()
    this.end('restart')
  }

  gone(): void {
    const { connections, hub, presence } = this.#deps
    connections.remove(this)
    presence.went(this.userId)
    if (this.#hasJoined) hub.leave(this.#visit.roomId, this)
  }
}

/** Whoever is not let in. A browser cannot read a failed upgrade, so it is told on the socket, which then is closed. */
export const turnedAway = (why: ChatError, locale: Locale): LiveSession => ({
  onOpen(socket) {
    socket.send(encodeError(why, locale))
    const ending = endingOf(why)
    socket.close(CLOSE[ending], CLOSE_REASON[ending])
  },
  onMessage() {},
  onDrain() {},
  onTaken() {},
  onPong() {},
  onClose() {},
})
