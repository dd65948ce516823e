import { generateKeyPairSync, sign } from 'node:crypto'
import { CryptoHasher } from 'bun'
import type { Person } from './seed.ts'

const HOUR_S = 3600
const SECRET = 'the secret that the bench and its server have in common'
const KEY_ID = 'bench'
const ISSUER = 'https://market.example'
const AUDIENCE = 'parley'

/** A marketplace's part: it signs tokens for its people, and tells a server how to check them. */
export interface HostTokens {
  env: Record<string, string>
  /** A token like no other. */
  mint(person: Person): string
}

// Issuer and audience are checked in both cases, so that it is only the signatures that differ.
const ENV = { PARLEY_ACCOUNTS: 'open', PARLEY_JWT_ISSUER: ISSUER, PARLEY_JWT_AUDIENCE: AUDIENCE }

export function secretTokens(): HostTokens {
  const signature = (signed: string) => new CryptoHasher('sha256', SECRET).update(signed).digest('base64url')
  return { env: { ...ENV, PARLEY_JWT_SECRET: SECRET }, mint: minter({ alg: 'HS256' }, signature) }
}

/** Their public key is served on the loopback as long as this process lives. */
export function keyTokens(): HostTokens {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const keys = [{ ...publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: 'EdDSA', use: 'sig' }]
  const jwks = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => Response.json({ keys }) })
  jwks.unref()
  const signature = (signed: string) => sign(null, Buffer.from(signed), privateKey).toString('base64url')
  return { env: { ...ENV, PARLEY_JWKS_URL: jwks.url.href }, mint: minter({ alg: 'EdDSA', kid: KEY_ID }, signature) }
}

/** The name is the one that is stored: a token that changes it costs a write, and no marketplace renames people all day. */
function minter(header: Record<string, string>, signature: (signed: string) => string): HostTokens['mint'] {
  const head = encode({ typ: 'JWT', ...header })
  const iat = Math.floor(Date.now() / 1000)
  const common = { iss: ISSUER, aud: AUDIENCE, iat, exp: iat + HOUR_S }
  let minted = 0
  return ({ id, username, email }) => {
    minted += 1
    const signed = `${head}.${encode({ ...common, sub: id, name: username, email, jti: String(minted) })}`
    return `${signed}.${signature(signed)}`
  }
}

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
