import { type Deed, OPERATOR } from '../audit/model.ts'
import type { Identity } from '../auth/model.ts'
import type { Revocations } from '../auth/revocations.ts'
import type { Sessions } from '../auth/sessions.ts'
import type { NewSession } from '../auth/store.ts'
import type { Publish } from '../events.ts'
import { ChatError } from '../lib/errors.ts'
import type { Quotas } from '../lib/http/quotas.ts'
import { hashToken } from '../lib/tokens.ts'
import type { User, UserRole } from '../users/model.ts'
import type { UserStore } from '../users/store.ts'
import type { Credentials, NewAccount, PasswordChange, SessionGrant } from './model.ts'
import type { Passwords } from './passwords.ts'
import type { AccountStore, NewAccountRecord } from './store.ts'

/** `open`: everybody may sign up; `closed`: nobody may; `off`: nobody signs in with a password. */
export type AccountMode = 'open' | 'closed' | 'off'

interface Deps {
  accounts: AccountStore
  users: UserStore
  sessions: Sessions
  passwords: Passwords
  revocations: Revocations
  quotas: Quotas
  publish: Publish
  now: () => number
  mode: AccountMode
}

/** People with an e-mail and a password. */
export class Accounts {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  get mode(): AccountMode {
    return this.#deps.mode
  }

  async signUp(account: NewAccount): Promise<SessionGrant> {
    const { sessions, mode } = this.#deps
    if (mode !== 'open') throw new ChatError('forbidden', { reason: 'sign_up_closed' })
    const record = await this.#record(account)
    const { token, session } = sessions.draft(record.id)
    await this.#create(record, session)
    return grant(record, token, session)
  }

  /** For the operator: an account without a session, whoever may sign up. */
  async create(account: NewAccount, role: UserRole): Promise<User> {
    const record = { ...(await this.#record(account)), role }
    const target = { kind: 'user', id: record.id } as const
    await this.#create(record, undefined, { actor: OPERATOR, action: 'user.create', target, details: { role } })
    return toUser(record)
  }

  async #record({ email, username, password }: NewAccount) {
    refuseLongPassword(password, '/password')
    return {
      id: Bun.randomUUIDv7(),
      email: email.toLowerCase(),
      username: username.normalize('NFC'),
      createdAt: this.#deps.now(),
      passwordHash: await this.#deps.passwords.hash(password),
    }
  }

  async #create(record: NewAccountRecord, session: NewSession | undefined, deed?: Deed) {
    if (!(await this.#deps.accounts.create(record, session, deed))) throw new ChatError('email_taken')
  }

  async signIn({ email, password }: Credentials): Promise<SessionGrant> {
    const { accounts, sessions, passwords, quotas, mode } = this.#deps
    if (mode === 'off') throw new ChatError('forbidden', { reason: 'sign_in_off' })
    const key = hashToken(email.toLowerCase())
    await quotas.take('guesses', key)
    const found = await accounts.findByEmail(email.toLowerCase())
    const account = found?.user.disabledAt === undefined ? found : undefined
    const isRight = await passwords.matches(password, account?.passwordHash)
    const started = isRight && account && (await sessions.start(account.user.id, account.passwordHash))
    if (!started) throw new ChatError('unauthenticated', { reason: 'wrong_credentials' })
    await quotas.giveBack('guesses', key)
    return grant(account.user, started.token, started.session)
  }

  async me({ user }: Identity): Promise<User> {
    const found = await this.#deps.users.find(user.id)
    if (!found) throw new ChatError('unauthenticated')
    return toUser(found)
  }

  async rename(identity: Identity, name: string): Promise<User> {
    const { users, publish, now } = this.#deps
    const username = name.normalize('NFC')
    if (!(await users.change(identity.user.id, { username }, now()))) throw new ChatError('unauthenticated')
    publish({ type: 'user.renamed', user: { id: identity.user.id, username } })
    return this.me(identity)
  }

  /** Every other session of the person ends, with its sockets. */
  async changePassword({ user, session }: Identity, { current, next }: PasswordChange): Promise<void> {
    const { accounts, passwords, revocations, now } = this.#deps
    refuseLongPassword(next, '/next')
    const account = user.email === undefined ? undefined : await accounts.findByEmail(user.email)
    // An e-mail is no identity: the account that signs in with this person's may be another's.
    const own = account?.user.id === user.id ? account : undefined
    if (!own) throw new ChatError('forbidden', { reason: 'no_password' })
    if (!(await passwords.matches(current, own.passwordHash))) throw wrongPassword()
    const change = { current: own.passwordHash, next: await passwords.hash(next), keep: session }
    if (!(await accounts.setPassword(user.id, change, now()))) throw wrongPassword()
    await revocations.tell()
  }

  /** For the operator: every session of the person ends. `false` where they have no password, or do not exist. */
  async resetPassword(userId: string, password: string): Promise<boolean> {
    const { accounts, passwords, now } = this.#deps
    refuseLongPassword(password, '/password')
    const next = await passwords.hash(password)
    const change = { next, current: undefined, keep: undefined }
    const target = { kind: 'user', id: userId } as const
    return accounts.setPassword(userId, change, now(), { actor: OPERATOR, action: 'user.password', target })
  }
}

const wrongPassword = () => new ChatError('forbidden', { reason: 'wrong_password' })

const MAX_PASSWORD_BYTES = 1024

/** The schema counts characters; what is hashed is bytes. */
function refuseLongPassword(password: string, path: string) {
  if (Buffer.byteLength(password) <= MAX_PASSWORD_BYTES) return
  throw new ChatError('invalid', { errors: [{ path, fault: 'too_many_bytes', limit: String(MAX_PASSWORD_BYTES) }] })
}

interface Person {
  id: string
  username: string
  email: string | undefined
  createdAt: number
}

export const grant = (person: Person, token: string, session: NewSession): SessionGrant => ({
  user: toUser(person),
  token,
  expiresAt: new Date(session.expiresAt).toISOString(),
})

const toUser = ({ id, username, email, createdAt }: Person): User => ({
  id,
  username,
  ...(email === undefined ? {} : { email }),
  createdAt: new Date(createdAt).toISOString(),
})
