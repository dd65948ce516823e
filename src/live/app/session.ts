import type { Identity } from '../../auth/model.ts'
import { ChatError } from '../../lib/errors.ts'
import { Line, type Speaker, UNREAD_WINDOW_BYTES } from '../line/line.ts'
import { connect, refresh } from './arrival.ts'
import { Channels } from './channels.ts'
import type { AppConnection, AppDeps, Upgrade } from './connection.ts'
import { call, tell } from './procedures.ts'
import {
  type AppEnding,
  badFrame,
  type Command,
  DISCONNECT,
  DISCONNECT_REASON,
  encodeError,
  encodeReply,
  parseCommand,
  readRequest,
  wordOf,
} from './protocol.ts'

const CONNECT_WITHIN_MS = 10_000
/** Whoever came with a token has so long after its end to bring another one. */
const REFRESH_WITHIN_MS = 25_000
const MAX_STRIKES = 50
/** Refusals that lie so far apart are no flood. */
const STRUCK_WITHIN_MS = 60_000
/** So many rows read cost about as much as a command. */
const ROWS_A_COMMAND = 10

/** One app socket: a person, their inbox, and any of their rooms. It speaks the Centrifuge client protocol. */
export class AppSession implements AppConnection, Speaker {
  readonly client = crypto.randomUUID()
  readonly line: Line
  readonly deps: AppDeps
  readonly upgrade: Upgrade
  identity: Identity | undefined
  isByToken = false
  readonly channels: Channels
  isConnected = false
  // Who is here by this connection.
  #arrivedAs: string | undefined
  readonly #openedAt: number
  #strikes = 0
  #struckAt = 0

  constructor(deps: AppDeps, upgrade: Upgrade) {
    this.deps = deps
    this.upgrade = upgrade
    this.#openedAt = deps.uptime()
    this.line = new Line(this, deps.pingEveryMs, this.#openedAt)
    this.channels = new Channels(this)
  }

  get network(): string {
    return this.upgrade.network
  }

  get me(): Identity {
    if (!this.identity) throw badFrame()
    return this.identity
  }

  begin(): void {
    this.deps.connections.add(this)
    this.line.frames.start()
  }

  overrun(): void {
    this.end('tooMuch')
  }

  /** A frame is any number of commands, one a line; each is done before the next is begun. */
  async handle(raw: string | Buffer): Promise<void> {
    if (typeof raw !== 'string') return this.end('badRequest')
    const lines = raw.split('\n')
    if (lines.length > 1 && lines.at(-1) === '') lines.pop()
    for (const line of lines) {
      const turn = this.#turn()
      if (turn) await turn
      if (!this.line.isOpen) return
      try {
        await this.#read(line)
      } catch (error) {
        // What cannot be read has no id to answer to.
        if (error instanceof ChatError && error.reason === 'bad_frame') return this.end('badRequest')
        this.refuse(0, error)
      }
    }
  }

  /** Others have their turn; and whoever does not read the answers to what was asked waits with what is next. */
  #turn(): Promise<void> | undefined {
    if (this.line.unsentBytes > UNREAD_WINDOW_BYTES) return this.line.unsentUpTo(UNREAD_WINDOW_BYTES)
    return this.deps.turns.next()
  }

  /** @throws ChatError `bad_frame` for what the protocol does not allow */
  async #read(line: string): Promise<void> {
    if (line.trim() === '') return this.deps.commands.take(this.#payer)
    const command = parseCommand(line)
    if (!this.isConnected && command.method !== 'connect') throw badFrame()
    if (command.id === 0 && command.method !== 'send' && command.method !== 'pong') throw badFrame()
    try {
      // Also a pong: one is expected now and then, and not a thousand.
      this.deps.commands.take(this.#payer)
      const result = await this.#do(command)
      if (result === undefined || command.method === 'unknown' || command.method === 'pong') return
      this.line.reply(encodeReply(command.id, command.method, result))
    } catch (error) {
      this.refuse(command.id, error)
    }
  }

  /** Whose commands are counted. An id may look like an address. */
  get #payer(): string {
    return this.identity ? `person ${this.identity.user.id}` : this.network
  }

  charge(rows: number): void {
    this.deps.commands.charge(this.#payer, rows / ROWS_A_COMMAND)
  }

  /** JSON of the result; `undefined` where the reply has been sent, or there is none. */
  async #do(command: Command): Promise<string | undefined> {
    const { id, method, request } = command
    switch (method) {
      case 'connect':
        return connect(this, id, readRequest(method, request))
      case 'refresh':
        return refresh(this, readRequest(method, request))
      case 'subscribe':
        return this.channels.subscribe(id, readRequest(method, request))
      case 'unsubscribe':
        return this.channels.unsubscribe(readRequest(method, request))
      case 'publish':
        return this.channels.publish(readRequest(method, request))
      case 'history':
        return this.channels.history(readRequest(method, request))
      case 'presence':
        return this.channels.presence(readRequest(method, request))
      case 'presence_stats':
        return this.channels.presenceStats(readRequest(method, request))
      case 'rpc':
        return call(this, readRequest(method, request))
      case 'send':
        return tell(this, readRequest(method, request))
      case 'ping':
        return '{}'
      case 'pong':
        return undefined
      case 'unknown':
        throw new ChatError('bad_request', { reason: 'method_not_found' })
      case 'sub_refresh':
        throw new ChatError('bad_request', { reason: 'not_available' })
      default:
        throw method satisfies never
    }
  }

  forgive(): void {
    this.#strikes = 0
  }

  /** The client's fault is told in full; ours only as `internal`, and the cause goes to the log. */
  refuse(id: number, error: unknown): void {
    const { log, onRefused } = this.deps
    const told = error instanceof ChatError ? error : new ChatError('internal', { cause: error })
    if (told.code === 'internal') log.error('command_failed', { userId: this.identity?.user.id ?? '', error })
    onRefused(wordOf(told))
    if (id > 0) this.line.send(encodeError(id, told, this.upgrade.locale))
    if (told.code === 'rate_limited') this.#strike()
  }

  #strike() {
    const now = this.deps.uptime()
    this.#strikes = now - this.#struckAt > STRUCK_WITHIN_MS ? 1 : this.#strikes + 1
    this.#struckAt = now
    if (this.#strikes >= MAX_STRIKES) this.end('tooMuch')
  }

  async arrive(identity: Identity): Promise<void> {
    const { inboxes, presence } = this.deps
    // A try before this one may have come so far.
    this.#depart()
    this.#arrivedAs = identity.user.id
    const watching = inboxes.watch(this.#arrivedAs)
    await presence.came(this.#arrivedAs)
    await watching
  }

  #depart() {
    const { inboxes, presence } = this.deps
    if (this.#arrivedAs === undefined) return
    inboxes.unwatch(this.#arrivedAs)
    presence.went(this.#arrivedAs)
    this.#arrivedAs = undefined
  }

  tick(): void {
    const { now, uptime } = this.deps
    const { identity, isByToken } = this
    if (!identity || !this.isConnected) {
      if (uptime() - this.#openedAt >= CONNECT_WITHIN_MS) this.end('stale')
      return
    }
    const due = this.line.due(uptime())
    if (now() >= identity.expiresAt + (isByToken ? REFRESH_WITHIN_MS : 0)) this.end('unauthenticated')
    else if (due === 'end') this.end('noPong')
    else if (due === 'ping') this.line.send('{}')
  }

  end(why: AppEnding): void {
    this.line.close(DISCONNECT[why], DISCONNECT_REASON[why])
  }

  async retire(): Promise<void> {
    await this.line.finish()
    this.end('restart')
  }

  gone(): void {
    this.deps.connections.remove(this)
    this.channels.clear()
    this.#depart()
  }
}
