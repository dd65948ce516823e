import type { ChatEvent, Publish } from '../events.ts'
import { inSlices } from '../lib/slices.ts'
import type { Relay } from '../relay/relay.ts'
import type { PresenceSetting, PresenceStatus } from './model.ts'
import type { PresenceStore } from './store.ts'

interface Deps {
  presence: PresenceStore
  /** Where each node says who is here. */
  relay: Pick<Relay, 'post' | 'read'>
  publish: Publish
  onError: (error: unknown) => void
  /** Milliseconds since 1970, for what has a date; and since the start, for what takes time: a clock may be set. */
  now: () => number
  uptime: () => number
}

/** Whoever comes back within this time was never away. */
export const LEAVE_AFTER_MS = 15_000
const MINUTE_MS = 60_000

/** Who is here: everybody with a socket, of whatever kind, on whatever node. */
export class Presence {
  readonly #deps: Deps
  /** How many sockets each has. */
  readonly #sockets = new Map<string, number>()
  /** Those without one, and when they are gone: soonest first. */
  readonly #leaving = new Map<string, number>()
  readonly #hidden = new Set<string>()
  /** How often somebody has begun or ceased to hide: what was read before that is old. */
  #hides = 0
  /** Whose coming or going has still to be written. */
  #unwritten = new Map<string, number>()
  #writtenAt = 0

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** How many people have a socket on this node. */
  get size(): number {
    return this.#sockets.size
  }

  /** A socket of this person is open. To be followed by one `went`. Resolves when it is known whether they hide. */
  async came(userId: string): Promise<void> {
    const count = this.#sockets.get(userId) ?? 0
    this.#sockets.set(userId, count + 1)
    if (this.#leaving.delete(userId)) return
    if (count === 0) this.#deps.relay.post('people', userId, '1')
    const at = this.#deps.now()
    let [hides, isHidden] = [this.#hides, await this.#isHiding(userId)]
    while (hides !== this.#hides) [hides, isHidden] = [this.#hides, await this.#isHiding(userId)]
    this.#keep(userId, isHidden)
    if (count === 0 && !isHidden) this.#note(userId, at)
  }

  #note(userId: string, at: number) {
    this.#unwritten.set(userId, Math.max(at, this.#unwritten.get(userId) ?? 0))
  }

  async #isHiding(userId: string): Promise<boolean> {
    try {
      return await this.#deps.presence.isHidden(userId)
    } catch (error) {
      this.#deps.onError(error)
      // As long as it is not known, nobody is told of them.
      return true
    }
  }

  #keep(userId: string, isHidden: boolean) {
    if (isHidden && this.#isHere(userId)) this.#hidden.add(userId)
    else this.#hidden.delete(userId)
  }

  went(userId: string): void {
    const count = (this.#sockets.get(userId) ?? 1) - 1
    if (count > 0) {
      this.#sockets.set(userId, count)
      return
    }
    this.#sockets.delete(userId)
    this.#leaving.set(userId, this.#deps.uptime() + LEAVE_AFTER_MS)
    if (!this.#hidden.has(userId)) this.#note(userId, this.#deps.now())
  }

  #isHere(userId: string): boolean {
    return this.#sockets.has(userId) || this.#leaving.has(userId)
  }

  /** Of somebody who is here. */
  isHidden(userId: string): boolean {
    return this.#hidden.has(userId)
  }

  /** In the order of the ids; those with whom the asker has not talked are left out. */
  async status(askerId: string, userIds: readonly string[]): Promise<PresenceStatus[]> {
    const { presence, relay } = this.#deps
    const peers = await presence.ofPeers(askerId, userIds)
    const elsewhere = await relay.read(
      'people',
      peers.map(({ userId }) => userId),
    )
    return peers.map(({ userId, lastSeenAt, isHidden }, at) => {
      const online = !isHidden && (this.#isHere(userId) || (elsewhere[at] ?? []).length > 0)
      const isTold = !isHidden && !online && lastSeenAt !== undefined
      return { userId, online, lastSeenAt: isTold ? new Date(lastSeenAt).toISOString() : null }
    })
  }

  async setting(userId: string): Promise<PresenceSetting> {
    return { hidden: await this.#deps.presence.isHidden(userId) }
  }

  async hide(userId: string, hidden: boolean): Promise<PresenceSetting> {
    const { presence, publish } = this.#deps
    const isNew = await presence.hide(userId, hidden)
    this.#heed(userId, hidden)
    // Told again, it would say that somebody who hides is here.
    if (isNew) publish({ type: 'user.hid', userId, isHidden: hidden })
    return { hidden }
  }

  /** Who hides, as stored: to be called when this node could not hear of it for a while. */
  async recheck(): Promise<void> {
    await inSlices([...this.#sockets.keys()], async (userId) => {
      const [hides, isHidden] = [this.#hides, await this.#isHiding(userId)]
      // What is heard meanwhile is newer.
      if (hides === this.#hides) this.#keep(userId, isHidden)
    })
  }

  #heed(userId: string, isHidden: boolean) {
    this.#hides += 1
    this.#keep(userId, isHidden)
    if (isHidden) this.#unwritten.delete(userId)
  }

  /** To be called before anybody else hears of it: who hides on one node hides on all. */
  readonly publish = (event: ChatEvent): void => {
    if (event.type === 'user.hid') this.#heed(event.userId, event.isHidden)
  }

  /** To be called every second or so. */
  tick(): void {
    const uptime = this.#deps.uptime()
    for (const [userId, goneAt] of this.#leaving) {
      if (goneAt > uptime) break
      this.#leaving.delete(userId)
      this.#hidden.delete(userId)
      this.#deps.relay.post('people', userId, undefined)
    }
    if (uptime - this.#writtenAt < MINUTE_MS) return
    this.#writtenAt = uptime
    this.flush().catch(this.#deps.onError)
  }

  /** Writes when people were last seen: for all of them at once, and no more than once a minute. */
  async flush(): Promise<void> {
    const seen = [...this.#unwritten].map(([userId, at]) => ({ userId, at: at - (at % MINUTE_MS) }))
    this.#unwritten = new Map()
    if (seen.length === 0) return
    try {
      await this.#deps.presence.note(seen)
    } catch (error) {
      for (const { userId, at } of seen) this.#note(userId, at)
      throw error
    }
  }
}
