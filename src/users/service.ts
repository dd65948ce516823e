import type { Revocations } from '../auth/revocations.ts'
import type { Publish } from '../events.ts'
import { ChatError, type FieldError } from '../lib/errors.ts'
import { requireDistinct, requireHostId } from '../lib/http/batch.ts'
import type { MessageStore } from '../messages/store.ts'
import type { RoomStore } from '../rooms/store.ts'
import type { Erasure, ManagedUser, UserBatch, UserProfile } from './model.ts'
import type { Profile, StoredUser, UserChange, UserStore } from './store.ts'

interface Deps {
  users: UserStore
  rooms: Pick<RoomStore, 'idsOf'>
  messages: Pick<MessageStore, 'erase'>
  revocations: Revocations
  publish: Publish
  now: () => number
}

/** What stands where the name of an erased person stood. */
const ERASED_NAME = 'Deleted user'
const ROOMS_AT_ONCE = 20

/** People, as the marketplace's backend and its moderators manage them. */
export class Users {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  async find(userId: string): Promise<ManagedUser> {
    const user = await this.#deps.users.find(userId)
    if (!user || user.erasedAt !== undefined) throw new ChatError('not_found')
    return toManaged(user)
  }

  async put(userId: string, profile: UserProfile): Promise<{ user: ManagedUser; created: boolean }> {
    requireHostId(userId, '/userId')
    const [first] = await this.#upsert([{ id: userId, ...profile }], () => '/userId')
    if (!first) throw new ChatError('internal')
    return first
  }

  /** All of them, or none. */
  async putAll({ items }: UserBatch): Promise<ManagedUser[]> {
    requireDistinct(items)
    return (await this.#upsert(items, (at) => `/items/${at}/id`)).map(({ user }) => user)
  }

  async #upsert(profiles: Profile[], pathOf: (at: number) => string) {
    const { users, revocations, publish, now } = this.#deps
    const composed = profiles.map((profile) => ({ ...profile, username: profile.username.normalize('NFC') }))
    const upserted = await users.upsert(composed, now())
    if ('erased' in upserted) throw erased(pathOf(upserted.erased))
    for (const { user, before } of upserted) {
      if (before && before.username !== user.username) publish({ type: 'user.renamed', user })
    }
    await revocations.tell()
    return upserted.map(({ user, before }) => ({ user: toManaged(user), created: before === undefined }))
  }

  /** For the operator: takes effect at once, also for whoever is here. */
  async change(userId: string, change: UserChange): Promise<void> {
    const { users, revocations, now } = this.#deps
    if (!(await users.change(userId, change, now()))) throw new ChatError('not_found')
    await revocations.tell()
  }

  /**
   * Signs out everywhere: sessions end, tokens of the marketplace's from before are refused, sockets are closed. Also of
   * somebody whom Parley has not met: their tokens are out there.
   */
  async disconnect(userId: string): Promise<void> {
    const { users, revocations, now } = this.#deps
    requireHostId(userId, '/userId')
    if (!(await users.signOut(userId, now()))) throw new ChatError('not_found')
    await revocations.tell()
  }

  /** For good. Done again it does what is left to do, such as after a crash in the midst of it. */
  async erase(userId: string, messages: Erasure): Promise<void> {
    const { users, rooms, revocations, now } = this.#deps
    requireHostId(userId, '/userId')
    await users.erase(userId, ERASED_NAME, now())
    await revocations.tell()
    if (messages === 'keep') return
    const roomIds = await rooms.idsOf(userId)
    // Those of a few rooms at once: they share their commits, which stay short for everybody else's.
    while (roomIds.length > 0) {
      await Promise.all(roomIds.splice(0, ROOMS_AT_ONCE).map((roomId) => this.#eraseIn(roomId, userId)))
    }
  }

  async #eraseIn(roomId: number, userId: string) {
    const { messages, now } = this.#deps
    let after: number | undefined = 0
    while (after !== undefined) after = await messages.erase({ userId, roomId, after, at: now() })
  }
}

const erased = (path: string) => {
  const errors: FieldError[] = [{ path, fault: 'erased' }]
  return new ChatError('conflict', { reason: 'erased', errors })
}

const toManaged = ({ id, username, email, role, createdAt, disabledAt }: StoredUser): ManagedUser => ({
  id,
  username,
  ...(email === undefined ? {} : { email }),
  role,
  createdAt: new Date(createdAt).toISOString(),
  disabledAt: disabledAt === undefined ? null : new Date(disabledAt).toISOString(),
})
