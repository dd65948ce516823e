import type { Identity } from '../auth/model.ts'
import type { ChatEvent } from '../events.ts'

/** Why the server ends a connection, whatever it speaks; each protocol has its own number for it. */
export type Ending = 'unauthenticated' | 'forbidden' | 'restart'

/** An open socket of a person, whatever it speaks. */
export interface Connection {
  /** `undefined` until it is known who is there. */
  identity: Identity | undefined
  /** Where it comes from, for the limit of one address. */
  readonly network: string
  /** Called every second or so: pings, deadlines, expiry. */
  tick(): void
  /** Closes at once. */
  end(why: Ending): void
  /** Answers what it was already sent, then closes when the client has read that. */
  retire(): Promise<void>
}

/** Something of a person's has ended. */
type Revocation = Extract<ChatEvent, { type: 'session.ended' | 'tokens.revoked' | 'user.removed' }>

/** Why a socket of this person is closed, if it is. */
function endingOf({ user, session, seenAt }: Identity, event: Revocation): Ending | undefined {
  switch (event.type) {
    case 'session.ended':
      return session === event.session ? 'unauthenticated' : undefined
    case 'tokens.revoked':
      return session === undefined && user.id === event.userId && seenAt <= event.at ? 'unauthenticated' : undefined
    case 'user.removed':
      return user.id === event.userId && seenAt <= event.at ? 'forbidden' : undefined
    default:
      throw event satisfies never
  }
}

/** How many there are of each kind. */
class Tally {
  readonly #counts = new Map<string, number>()

  of(kind: string): number {
    return this.#counts.get(kind) ?? 0
  }

  change(kind: string, by: 1 | -1): void {
    const count = this.of(kind) + by
    if (count === 0) this.#counts.delete(kind)
    else this.#counts.set(kind, count)
  }
}

/**
 * A handshake leaves far more garbage behind than it keeps, and what it keeps holds the pages of that garbage for as long
 * as the socket is open. So the collector is started, beside the event loop, whenever so many have come, or so great a part
 * of all where there are many (docs/decisions/0012).
 */
const COLLECTED_EVERY = 64
const COLLECTED_EVERY_PART = 1 / 32

/** All open sockets of this node. */
export class Connections {
  readonly #collect: () => void
  #uncollected = 0
  readonly #all = new Set<Connection>()
  readonly #perNetwork = new Tally()
  readonly #strangersPerNetwork = new Tally()
  readonly #onEmpty: (() => void)[] = []
  #isDraining = false

  readonly #isAdmitted: (userId: string) => Promise<boolean>

  /** `isAdmitted` tells of a person as they are now; `collect` frees what nobody refers to any more. */
  constructor(isAdmitted: (userId: string) => Promise<boolean>, collect = () => Bun.gc(false)) {
    this.#isAdmitted = isAdmitted
    this.#collect = collect
  }

  get size(): number {
    return this.#all.size
  }

  /** Open sockets from one network. */
  from(network: string): number {
    return this.#perNetwork.of(network)
  }

  /** Those of them of which it is not known yet who is there. */
  strangersFrom(network: string): number {
    return this.#strangersPerNetwork.of(network)
  }

  add(connection: Connection): void {
    this.#all.add(connection)
    this.#perNetwork.change(connection.network, 1)
    if (!connection.identity) this.#strangersPerNetwork.change(connection.network, 1)
    this.#uncollected += 1
    if (this.#uncollected >= Math.max(COLLECTED_EVERY, this.#all.size * COLLECTED_EVERY_PART)) {
      this.#uncollected = 0
      this.#collect()
    }
    // It was upgraded just before the drain began, which has not seen it.
    if (this.#isDraining) void connection.retire()
  }

  /** It has become known who is there. */
  identify(connection: Connection, identity: Identity): void {
    if (!this.#all.has(connection)) return
    if (!connection.identity) this.#strangersPerNetwork.change(connection.network, -1)
    connection.identity = identity
  }

  remove(connection: Connection): void {
    if (!this.#all.delete(connection)) return
    this.#perNetwork.change(connection.network, -1)
    if (!connection.identity) this.#strangersPerNetwork.change(connection.network, -1)
    if (this.#all.size === 0) for (const resolve of this.#onEmpty.splice(0)) resolve()
  }

  readonly publish = (event: ChatEvent): void => {
    switch (event.type) {
      case 'user.renamed':
        this.#rename(event.user.id, event.user.username)
        break
      case 'session.ended':
      case 'tokens.revoked':
      case 'user.removed':
        this.#end(event)
        break
    }
  }

  // These two are rare, and a pass over every socket is short: an index would cost every connection memory.
  #end(event: Revocation) {
    for (const connection of this.#all) {
      const why = connection.identity && endingOf(connection.identity, event)
      if (why) connection.end(why)
    }
    if (event.type === 'user.removed') void this.#endOthers(event.userId)
  }

  /** Those who came in later by the clock of another node, which is not that of the one that has put them out. */
  async #endOthers(userId: string) {
    const others = [...this.#all].filter(({ identity }) => identity?.user.id === userId)
    if (others.length === 0 || (await this.#isAdmitted(userId).catch(() => true))) return
    for (const connection of others) connection.end('forbidden')
  }

  #rename(userId: string, username: string) {
    for (const connection of this.#all) {
      const { identity } = connection
      if (identity?.user.id === userId) connection.identity = { ...identity, user: { ...identity.user, username } }
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
    for (const connection of this.#all) connection.end('restart')
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
