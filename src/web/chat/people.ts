import { signal } from '@preact/signals'
import type { PresenceStatus } from '../../presence/model.ts'

/** As many as the server tells of at once. */
const MOST = 100

/** Who of those that one talks with is here. */
export class People {
  readonly statuses = signal<ReadonlyMap<string, PresenceStatus>>(new Map())
  readonly #ask: (userIds: string[]) => Promise<PresenceStatus[]>

  constructor(ask: (userIds: string[]) => Promise<PresenceStatus[]>) {
    this.#ask = ask
  }

  async load(userIds: Iterable<string>): Promise<void> {
    const wanted = [...new Set(userIds)].slice(0, MOST)
    if (wanted.length === 0) return
    // Without an answer what is known stays, until it is asked again.
    const items = await this.#ask(wanted).catch(() => [])
    this.statuses.value = new Map([...this.statuses.value, ...items.map((status) => [status.userId, status] as const)])
  }

  /** Seen to come or to go. */
  take(userId: string, online: boolean): void {
    const status = { userId, online, lastSeenAt: online ? null : new Date().toISOString() }
    this.statuses.value = new Map([...this.statuses.value, [userId, status]])
  }
}
