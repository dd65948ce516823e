import { exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, SignJWT } from 'jose'
import { Person } from './person.ts'
import { PROGRAM, type RunningParley } from './server.ts'

export const JWT_SECRET = 'a secret that the marketplace and Parley know'
export const ISSUER = 'https://shop.example'
export const AUDIENCE = 'parley'

/** What a server is started with that takes tokens of this secret, and passwords too. */
export const BY_SECRET = { PARLEY_JWT_SECRET: JWT_SECRET, PARLEY_ACCOUNTS: 'open' }

type Key = CryptoKey | Uint8Array

/** In seconds since 1970, as in a token. */
export const seconds = (fromNow = 0): number => Math.floor(Date.now() / 1000) + fromNow

/** A token as a marketplace issues it: good for an hour, unless `claims` say otherwise. */
export function mint(
  claims: Record<string, unknown>,
  { key = new TextEncoder().encode(JWT_SECRET), ...header }: Partial<JWTHeaderParameters> & { key?: Key } = {},
): Promise<string> {
  const usual = { iat: seconds(), exp: seconds(3600) }
  return new SignJWT({ ...usual, ...claims }).setProtectedHeader({ alg: 'HS256', ...header }).sign(key)
}

/** Somebody whom the marketplace vouches for. */
export async function hostPerson(
  server: Pick<RunningParley, 'url' | 'wsUrl'>,
  id: string,
  name: string,
  claims: Record<string, unknown> = {},
) {
  const token = await mint({ sub: id, name, ...claims })
  return personBy(server, token, { id, name })
}

export function personBy(
  server: Pick<RunningParley, 'url' | 'wsUrl'>,
  token: string,
  { id = '', name = '' } = {},
): Person {
  const user = { id, username: name, createdAt: '' }
  return new Person(server, { user, token, email: '', password: '', expiresAt: '' })
}

/** The marketplace's backend, with a key that the command made beside the running server. */
export function backend(
  server: Pick<RunningParley, 'url' | 'wsUrl' | 'dataDir'>,
  scopes = 'users,products,rooms,messages,privacy',
): Person {
  const args = ['key', 'create', '--name', `key-${++keys}`, '--scopes', scopes, '--data-dir', server.dataDir]
  const { stdout, stderr, exitCode } = Bun.spawnSync([...PROGRAM, ...args], { env: { PATH: process.env.PATH ?? '' } })
  if (exitCode !== 0) throw new Error(stderr.toString())
  return personBy(server, stdout.toString().trim())
}

let keys = 0

/** The marketplace's public keys, at an address of their own. */
export class KeyServer implements Disposable {
  readonly #server: Bun.Server<undefined>
  readonly #keys = new Map<string, { alg: string; privateKey: CryptoKey; jwk: JWK }>()
  /** How often the set was asked for. */
  asked = 0
  /** Instead of the keys. */
  answer: (() => Response | Promise<Response>) | undefined

  constructor() {
    this.#server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: () => {
        this.asked += 1
        return this.answer?.() ?? Response.json({ keys: [...this.#keys.values()].map(({ jwk }) => jwk) })
      },
    })
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/jwks.json`
  }

  /** What a server is started with that takes tokens of these keys. */
  get env(): Record<string, string> {
    return { PARLEY_JWKS_URL: this.url, PARLEY_JWT_ISSUER: ISSUER, PARLEY_JWT_AUDIENCE: AUDIENCE }
  }

  async add(kid: string, alg = 'EdDSA'): Promise<JWK> {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
    const jwk = { ...(await exportJWK(publicKey)), kid, use: 'sig' }
    this.#keys.set(kid, { alg, privateKey, jwk })
    return jwk
  }

  withdraw(kid: string): void {
    this.#keys.delete(kid)
  }

  /** A token by one of the keys, with everything that it has to have. */
  mint(kid: string, claims: Record<string, unknown>, header: Partial<JWTHeaderParameters> = {}): Promise<string> {
    const key = this.#keys.get(kid)
    if (!key) throw new Error(`no key ${kid}`)
    return mint({ iss: ISSUER, aud: AUDIENCE, ...claims }, { alg: key.alg, kid, key: key.privateKey, ...header })
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true)
  }
}
