import type { Identity } from '../../auth/model.ts'
import { ChatError } from '../../lib/errors.ts'
import { Bucket } from '../../lib/rate-limit.ts'
import { Line, type Speaker } from '../line/line.ts'
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
/** With the greatest answer it stays below where Bun closes the socket. */
const UNREAD_BYTES = 256 << 10

/** One app socket: a person, their inbox, and any of their rooms. It speaks the Centrifuge client protocol. */
export class AppSession implements AppConnection, Speaker {
  readonly client = crypto.randomUUID()
  readonly line: Line
  readonly deps: AppDeps
  readonly upgrade: Upgrade
  identity: Identity | undefined
  isByToken = false
  readonly channels: Channels
  #hasArrived = false
  readonly #openedAt: number
  #bucket: Bucket | undefined
  #strikes = 0

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
    for (const line of raw.split('\n')) {
      if (!this.line.isOpen) return
      if (line.trim() === '') continue
      // Whoever does not read the answers to what was asked waits with what is next.
      if (this.line.unsentBytes > UNREAD_BYTES) await this.line.unsentUpTo(UNREAD_BYTES)
      try {
        await this.#obey(parseCommand(line))
      } catch (error) {
        // What cannot be read has no id to answer to.
        if (error instanceof ChatError && error.reason === 'bad_frame') return this.end('badRequest')
        this.refuse(0, error)
      }
    }
  }

  /** @throws for what the protocol does not allow */
  async #obey(command: Command): Promise<void> {
    if (command.method === 'pong') return
    if (!this.#hasArrived && command.method !== 'connect') throw badFrame()
    if (command.id === 0 && command.method !== 'send') throw badFrame()
    try {
      if (this.#isTooMuch()) throw new ChatError('rate_limited')
      const result = await this.#do(command)
      if (result !== undefined && command.method !== 'unknown') {
        this.line.reply(encodeReply(command.id, command.method, result))
      }
    } catch (error) {
      this.refuse(command.id, error)
    }
  }

  #isTooMuch(): boolean {
    const { commands, uptime } = this.deps
    if (!commands) return false
    this.#bucket ??= new Bucket(commands, uptime())
    return !this.#bucket.take(commands, uptime())
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
    if (told.code !== 'rate_limited') return
    this.#strikes += 1
    if (this.#strikes >= MAX_STRIKES) this.end('tooMuch')
  }

  async arrive(identity: Identity): Promise<void> {
    const { inboxes, presence } = this.deps
    this.#hasArrived = true
    inboxes.watch(identity.user.id)
    await presence.came(identity.user.id)
  }

  tick(): void {
    const { now, uptime } = this.deps
    const { identity, isByToken } = this
    if (!identity || !this.#hasArrived) {
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
    const { connections, inboxes, presence } = this.deps
    connections.remove(this)
    this.channels.clear()
    if (!this.#hasArrived || !this.identity) return
    inboxes.unwatch(this.identity.user.id)
    presence.went(this.identity.user.id)
  }
}
