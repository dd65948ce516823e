import type { Actor, AuditAction, Deed } from '../audit/model.ts'
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

  async put(userId: string, profile: UserProfile, actor: Actor): Promise<{ user: ManagedUser; created: boolean }> {
    requireHostId(userId, '/userId')
    const [first] = await this.#upsert([{ id: userId, ...profile }], actor, () => '/userId')
    if (!first) throw new ChatError('internal')
    return first
  }

  /** All of them, or none. */
  async putAll({ items }: UserBatch, actor: Actor): Promise<ManagedUser[]> {
    requireDistinct(items)
    return (await this.#upsert(items, actor, (at) => `/items/${at}/id`)).map(({ user }) => user)
  }

  async #upsert(profiles: Profile[], actor: Actor, pathOf: (at: number) => string) {
    const { users, revocations, publish, now } = this.#deps
    const composed = profiles.map((profile) => ({ ...profile, username: profile.username.normalize('NFC') }))
    // What a key brings is the marketplace's daily round, and no act of an admin's.
    const deeds = actor.kind === 'key' ? [] : profiles.map((profile) => upserting(profile, actor))
    const upserted = await users.upsert(composed, now(), deeds)
    if ('erased' in upserted) throw erased(pathOf(upserted.erased))
    for (const { user, before } of upserted) {
      if (before && before.username !== user.username) publish({ type: 'user.renamed', user })
    }
    await revocations.tell()
    return upserted.map(({ user, before }) => ({ user: toManaged(user), created: before === undefined }))
  }

  /** Takes effect at once, also for whoever is here. */
  async change(userId: string, change: UserChange, actor: Actor): Promise<void> {
    const { users, revocations, now } = this.#deps
    const [action, details] = changing(change)
    if (!(await users.change(userId, change, now(), { ...deed(actor, action, userId), details })))
      throw new ChatError('not_found')
    await revocations.tell()
  }

  /**
   * Signs out everywhere: sessions end, tokens of the marketplace's from before are refused, sockets are closed. Also of
   * somebody whom Parley has not met: their tokens are out there.
   */
  async disconnect(userId: string, actor: Actor): Promise<void> {
    const { users, revocations, now } = this.#deps
    requireHostId(userId, '/userId')
    if (!(await users.signOut(userId, now(), deed(actor, 'user.sign_out', userId)))) throw new ChatError('not_found')
    await revocations.tell()
  }

  /** For good. Done again it does what is left to do, such as after a crash in the midst of it. */
  async erase(userId: string, messages: Erasure, actor: Actor): Promise<void> {
    const { users, rooms, revocations, now } = this.#deps
    requireHostId(userId, '/userId')
    const details = { messages }
    await users.erase(userId, ERASED_NAME, now(), { ...deed(actor, 'user.erase', userId), details })
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

const deed = (actor: Actor, action: AuditAction, id: string): Deed => ({ actor, action, target: { kind: 'user', id } })

const upserting = ({ id, disabled }: Profile, actor: Actor): Deed => ({
  ...deed(actor, 'user.change', id),
  ...(disabled === undefined ? {} : { details: { disabled } }),
})

function changing(change: UserChange): [AuditAction, NonNullable<Deed['details']>] {
  if ('role' in change) return ['user.role', change]
  if ('disabled' in change) return [change.disabled ? 'user.disable' : 'user.enable', {}]
  return ['user.change', {}]
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
