import { SignJWT } from 'jose'
import { type Target, TargetError } from './target.ts'
import { inTurns } from './turns.ts'

export interface Person {
  id: string
  token: string
}

/** A room, and the two who talk in it. */
export interface Room {
  id: number
  people: readonly [owner: Person, customer: Person]
}

/** What the marketplace signs its tokens with: its people need not sign up. */
export interface Signer {
  secret: string
  issuer: string | undefined
  audience: string | undefined
}

interface Means {
  target: Target
  signer: Signer | undefined
  signal: AbortSignal
  progress: (line: string) => void
}

/** Hashing a password takes a core of the server for some time, and an address may not sign up more than thirty people an hour. */
const MOST_OF_A_SIDE = 10
const AT_ONCE = 4
const TOKEN_LASTS = '6h'

/** Few people who were not there before, and many rooms among them. */
export class Crowd {
  readonly people: Person[] = []
  readonly rooms: Room[] = []
  /** What the names of all of them begin with. */
  readonly name = `bench-${crypto.randomUUID().slice(0, 8)}`
  readonly #means: Means
  readonly #products: { id: string; owner: Person }[] = []
  #owners = 0
  readonly #password = crypto.randomUUID()

  constructor(means: Means) {
    this.#means = means
  }

  /** Everybody who is needed for so many rooms. */
  async gather(rooms: number): Promise<void> {
    this.#owners = Math.min(MOST_OF_A_SIDE, Math.ceil(Math.sqrt(rooms)))
    const customers = Math.min(MOST_OF_A_SIDE, Math.ceil(rooms / this.#owners))
    await this.#inTurns('people', this.#owners + customers, async (at) => {
      this.people.push(await this.#admit(`${this.name}-${at}`))
    })
  }

  async openRooms(count: number): Promise<void> {
    const owners = this.people.slice(0, this.#owners)
    const customers = this.people.slice(this.#owners)
    const offers = Math.ceil(count / customers.length)
    await this.#inTurns('products', offers, async (at) => {
      const owner = owners[at % owners.length] as Person
      const { id } = await this.#call<{ id: string }>(owner, 'POST', '/api/products', { title: this.name })
      this.#products.push({ id, owner })
    })
    await this.#inTurns('rooms', count, async (at) => {
      const { id: productId, owner } = this.#products[at % offers] as { id: string; owner: Person }
      const customer = customers[Math.floor(at / offers)] as Person
      const { id } = await this.#call<{ id: number }>(customer, 'POST', '/api/rooms', { productId })
      this.rooms.push({ id, people: [owner, customer] })
    })
  }

  /**
   * Erases them with what they wrote; without a key that may, they only withdraw what they offered, and sign out.
   * Resolves to what is left behind, in words: to leave is never what fails.
   */
  async leave(key: string | undefined): Promise<string> {
    const who = `${this.people.length} people named ${this.name}-…, and their ${this.rooms.length} rooms`
    // Whom the marketplace signs for is there when they have been let in, and not before.
    if (this.people.length === 0 || (this.#means.signer && this.#products.length === 0)) return 'nothing is left behind'
    try {
      if (key === undefined) await this.#signOut()
      else await this.#erase(key)
    } catch (error) {
      return `left behind: ${who} (${error instanceof TargetError ? error.message : error})`
    }
    if (key === undefined) return `left behind: ${who} with all messages; --key-file erases them`
    return `erased: ${who} with all messages`
  }

  async #signOut() {
    await inTurns(this.#products.length, AT_ONCE, async (at) => {
      const { id, owner } = this.#products[at] as { id: string; owner: Person }
      await this.#call(owner, 'DELETE', `/api/products/${id}`)
    })
    if (this.#means.signer) return
    for (const person of this.people) await this.#call(person, 'DELETE', '/api/sessions/current')
  }

  async #erase(key: string) {
    const { target, progress } = this.#means
    for (const [at, { id }] of this.people.entries()) {
      progress(`erasing ${at + 1} of ${this.people.length} people`)
      await target.call('DELETE', `/api/users/${id}?messages=delete`, { token: key, isLong: true })
    }
  }

  async #admit(name: string): Promise<Person> {
    const { target, signer } = this.#means
    if (signer) return { id: name, token: await signed(name, signer) }
    const account = { email: `${name}@example.com`, username: name, password: this.#password }
    const { user, token } = await target
      .call<{ user: { id: string }; token: string }>('POST', '/api/accounts', { body: account })
      .catch(withAdvice)
    return { id: user.id, token }
  }

  #call<T>({ token }: Person, method: string, path: string, body?: object): Promise<T> {
    const call = this.#means.target.call<T>(method, path, { token, ...(body === undefined ? {} : { body }) })
    return this.#means.signer ? call.catch(withAdvice) : call
  }

  #inTurns(what: string, count: number, act: (at: number) => Promise<void>) {
    const { signal, progress } = this.#means
    return inTurns(count, AT_ONCE, (at) => {
      signal.throwIfAborted()
      progress(`making ${at + 1} of ${count} ${what}`)
      return act(at)
    })
  }
}

function signed(id: string, { secret, issuer, audience }: Signer): Promise<string> {
  const token = new SignJWT({ name: id }).setProtectedHeader({ alg: 'HS256' }).setSubject(id)
  if (issuer !== undefined) token.setIssuer(issuer)
  if (audience !== undefined) token.setAudience(audience)
  return token.setIssuedAt().setExpirationTime(TOKEN_LASTS).sign(new TextEncoder().encode(secret))
}

/** Why nobody can sign up is the server's to change. */
function withAdvice(error: unknown): never {
  if (!(error instanceof TargetError)) throw error
  const advice: Record<string, string> = {
    forbidden: 'Start the server with PARLEY_ACCOUNTS=open, or give its PARLEY_JWT_SECRET here.',
    rate_limited: 'Start the server with PARLEY_LIMITS=off.',
    unauthenticated: 'Is PARLEY_JWT_SECRET here that of the server, and its issuer and audience?',
  }
  throw new TargetError(`${error.message} ${advice[error.code] ?? ''}`.trim(), { code: error.code, cause: error })
}
