import type { JWTVerifyGetKey } from 'jose'
import type { Jwks } from './jwks.ts'

/** How the marketplace signs its tokens, as it is configured. */
export interface HostTokenConfig {
  /** A secret that both know, or the address of the marketplace's public keys. */
  readonly source: { readonly secret: string } | { readonly jwksUrl: string }
  readonly issuer: string | undefined
  readonly audience: string | undefined
}

/** What a token is checked with. The kind of key decides the algorithm; what a token says of itself decides nothing. */
export interface HostTokenRules {
  algorithms: string[]
  key: JWTVerifyGetKey
  issuer: string | undefined
  audience: string | undefined
}

export const rulesOf = ({ source, ...claims }: HostTokenConfig, jwksOf: (url: string) => Jwks): HostTokenRules =>
  'secret' in source
    ? { algorithms: ['HS256'], key: secretKey(source.secret), ...claims }
    : { algorithms: ['RS256', 'ES256', 'EdDSA'], key: jwksOf(source.jwksUrl).keyFor, ...claims }

function secretKey(secret: string): JWTVerifyGetKey {
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const key = crypto.subtle.importKey('raw', new TextEncoder().encode(secret), hmac, false, ['verify'])
  return () => key
}
