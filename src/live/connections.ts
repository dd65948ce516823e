import type { Identity } from '../auth/model.ts'
import type { ChatEvent } from '../events.ts'
import type { ChatError } from '../lib/errors.ts'

/** Why the server closes a plain socket. The numbers are the protocol's. */
export const CLOSE = {
  unauthenticated: 4401,
  forbidden: 4403,
  roomNotFound: 4404,
  tooSlow: 4408,
  tooMuch: 4409,
  restart: 1012,
} as const
export type CloseCode = (typeof CLOSE)[keyof typeof CLOSE]

/** Never valid JSON: some clients read advice in it. */
export const CLOSE_REASON: Record<CloseCode, string> = {
  4401: 'not signed in',
  4403: 'not allowed any more',
  4404: 'no such room',
  4408: 'too slow',
  4409: 'too much',
  1012: 'the server restarts',
}

/** With which code a socket is closed that may not be opened, or cannot be for now. */
export function closeCodeOf({ code }: ChatError): CloseCode {
  if (code === 'not_found') return CLOSE.roomNotFound
  if (code === 'unauthenticated') return CLOSE.unauthenticated
  return code === 'forbidden' ? CLOSE.forbidden : CLOSE.restart
}

/** An open socket of a person, whatever it speaks. */
export interface Connection {
  identity: Identity
  /** Where it comes from, for the limit of one address. */
  readonly network: string
  /** Called every second or so: pings, deadlines, expiry. */
  tick(): void
  /** Closes at once. */
  end(code: CloseCode): void
  /** Answers what it was already sent, then closes when the client has read that. */
  retire(): Promise<void>
}

type Ending = Exclude<ChatEvent, { type: 'message.created' | 'user.renamed' }>

/** With which code a socket of this person is closed, if it is. */
function closingOf({ user, session, seenAt }: Identity, event: Ending): CloseCode | undefined {
  switch (event.type) {
    case 'session.ended':
      return session === event.session ? CLOSE.unauthenticated : undefined
    case 'tokens.revoked':
      return session === undefined && user.id === event.userId && seenAt <= event.at ? CLOSE.unauthenticated : undefined
    case 'user.removed':
      return user.id === event.userId && seenAt <= event.at ? CLOSE.forbidden : undefined
    default:
      throw event satisfies never
  }
}

/** All open sockets of this node. */
export class Connections {
  readonly #all = new Set<Connection>()
  readonly #perNetwork = new Map<string, number>()
  readonly #onEmpty: (() => void)[] = []
  #isDraining = false

  get size(): number {
    return this.#all.size
  }

  /** Whether the server is about to stop: no new sockets then. */
  get isDraining(): boolean {
    return this.#isDraining
  }

  /** Open sockets from one network. */
  from(network: string): number {
    return this.#perNetwork.get(network) ?? 0
  }

  #count(network: string, change: 1 | -1) {
    const count = this.from(network) + change
    if (count === 0) this.#perNetwork.delete(network)
    else this.#perNetwork.set(network, count)
  }

  add(connection: Connection): void {
    this.#all.add(connection)
    this.#count(connection.network, 1)
    // It was upgraded just before the drain began, which has not seen it.
    if (this.#isDraining) void connection.retire()
  }

  remove(connection: Connection): void {
    if (this.#all.delete(connection)) this.#count(connection.network, -1)
    if (this.#all.size === 0) for (const resolve of this.#onEmpty.splice(0)) resolve()
  }

  readonly publish = (event: ChatEvent): void => {
    if (event.type === 'user.renamed') this.#rename(event.user.id, event.user.username)
    else if (event.type !== 'message.created') this.#end(event)
  }

  // These two are rare, and a pass over every socket is short: an index would cost every connection memory.
  #end(event: Ending) {
    for (const connection of this.#all) {
      const code = closingOf(connection.identity, event)
      if (code !== undefined) connection.end(code)
    }
  }

  #rename(userId: string, username: string) {
    for (const connection of this.#all) {
      const { identity } = connection
      if (identity.user.id === userId) connection.identity = { ...identity, user: { ...identity.user, username } }
    }
  }

  tick(): void {
    for (const connection of this.#all) connection.tick()
  }

  /**
   * Retires all in batches spread over `spreadMs`, so that they do not all come back in the same instant. Whoever has
   * not read by `withinMs` is closed then.
   */
  async drain(spreadMs: number, withinMs: number): Promise<void> {
    this.#isDraining = true
    await Promise.race([this.#retireAll(spreadMs), Bun.sleep(withinMs)])
    for (const connection of this.#all) connection.end(CLOSE.restart)
  }

  async #retireAll(spreadMs: number) {
    const everyone = [...this.#all]
    const batch = Math.max(50, Math.ceil(everyone.length / 50))
    for (let from = 0; from < everyone.length; from += batch) {
      if (from > 0) await Bun.sleep((spreadMs * batch) / everyone.length)
      for (const connection of everyone.slice(from, from + batch)) void connection.retire()
    }
    if (this.#all.size > 0) await new Promise<void>((resolve) => this.#onEmpty.push(resolve))
  }
}
