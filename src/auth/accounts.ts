import type { Publish } from '../events.ts'
import { ChatError } from '../lib/errors.ts'
import type { Credentials, Identity, NewAccount, PasswordChange, SessionGrant, User } from './model.ts'
import type { Passwords } from './passwords.ts'
import type { Sessions } from './sessions.ts'
import type { Account, AccountStore, NewSession } from './store.ts'

interface Deps {
  accounts: AccountStore
  sessions: Sessions
  passwords: Passwords
  publish: Publish
  now: () => number
  signUp: 'open' | 'closed'
}

/** People with an e-mail and a password. */
export class Accounts {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  async signUp({ email, username, password }: NewAccount): Promise<SessionGrant> {
    const { accounts, sessions, passwords, now, signUp } = this.#deps
    if (signUp === 'closed') throw new ChatError('forbidden', { reason: 'sign_up_closed' })
    refuseLongPassword(password, '/password')
    const account = {
      id: Bun.randomUUIDv7(),
      email: email.toLowerCase(),
      username: username.normalize('NFC'),
      createdAt: now(),
    }
    const passwordHash = await passwords.hash(password)
    const { token, session } = sessions.draft(account.id)
    if (!(await accounts.create({ ...account, passwordHash }, session))) throw new ChatError('email_taken')
    return grant(account, token, session)
  }

  async signIn({ email, password }: Credentials): Promise<SessionGrant> {
    const { accounts, sessions, passwords } = this.#deps
    const account = await accounts.findByEmail(email.toLowerCase())
    const isRight = await passwords.matches(password, account?.passwordHash)
    const started = isRight && account && (await sessions.start(account.id, account.passwordHash))
    if (!started) throw new ChatError('unauthenticated', { reason: 'wrong_credentials' })
    return grant(account, started.token, started.session)
  }

  async me({ user }: Identity): Promise<User> {
    const account = await this.#deps.accounts.find(user.id)
    if (!account) throw new ChatError('unauthenticated')
    return toUser(account)
  }

  async rename(identity: Identity, name: string): Promise<User> {
    const username = name.normalize('NFC')
    await this.#deps.accounts.rename(identity.user.id, username)
    this.#deps.publish({ type: 'user.renamed', user: { id: identity.user.id, username } })
    return this.me(identity)
  }

  /** Every other session of the person ends, with its sockets. */
  async changePassword({ user, session }: Identity, { current, next }: PasswordChange): Promise<void> {
    const { accounts, passwords, publish } = this.#deps
    refuseLongPassword(next, '/next')
    const account = user.email === undefined ? undefined : await accounts.findByEmail(user.email)
    if (!(await passwords.matches(current, account?.passwordHash)) || !account) throw wrongPassword()
    const change = { current: account.passwordHash, next: await passwords.hash(next), keep: session }
    const ended = await accounts.setPassword(user.id, change)
    if (!ended) throw wrongPassword()
    for (const each of ended) publish({ type: 'session.ended', session: each })
  }
}

const wrongPassword = () => new ChatError('forbidden', { reason: 'wrong_password' })

const MAX_PASSWORD_BYTES = 1024

/** The schema counts characters; what is hashed is bytes. */
function refuseLongPassword(password: string, path: string) {
  if (Buffer.byteLength(password) <= MAX_PASSWORD_BYTES) return
  throw new ChatError('invalid', { errors: [{ path, fault: 'too_many_bytes', limit: String(MAX_PASSWORD_BYTES) }] })
}

const grant = (account: Account, token: string, session: NewSession): SessionGrant => ({
  user: toUser(account),
  token,
  expiresAt: new Date(session.expiresAt).toISOString(),
})

const toUser = ({ id, username, email, createdAt }: Account): User => ({
  id,
  username,
  ...(email === undefined ? {} : { email }),
  createdAt: new Date(createdAt).toISOString(),
})
