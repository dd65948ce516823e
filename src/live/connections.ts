import type { Identity } from '../auth/model.ts'
import type { ChatEvent } from '../events.ts'

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

/** An open socket of a person, whatever it speaks. */
export interface Connection {
  identity: Identity
  /** Called every second or so: pings, deadlines, expiry. */
  tick(): void
  /** Closes at once. */
  end(code: CloseCode): void
  /** Answers what it was already sent, then closes when the client has read that. */
  retire(): Promise<void>
}

/** All open sockets of this node. */
export class Connections {
  readonly #all = new Set<Connection>()
  readonly #onEmpty: (() => void)[] = []
  #isDraining = false

  get size(): number {
    return this.#all.size
  }

  /** Whether the server is about to stop: no new sockets then. */
  get isDraining(): boolean {
    return this.#isDraining
  }

  add(connection: Connection): void {
    this.#all.add(connection)
    // It was upgraded just before the drain began, which has not seen it.
    if (this.#isDraining) void connection.retire()
  }

  remove(connection: Connection): void {
    this.#all.delete(connection)
    if (this.#all.size === 0) for (const resolve of this.#onEmpty.splice(0)) resolve()
  }

  readonly publish = (event: ChatEvent): void => {
    if (event.type === 'session.ended') this.#endSession(event.session)
    if (event.type === 'user.renamed') this.#rename(event.user.id, event.user.username)
  }

  // These two are rare, and a pass over every socket is short: an index would cost every connection memory.
  #endSession(session: string) {
    for (const connection of this.#all) {
      if (connection.identity.session === session) connection.end(CLOSE.unauthenticated)
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
