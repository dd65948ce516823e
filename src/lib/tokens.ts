import { CryptoHasher } from 'bun'

/** What a token is for can be read from its first letters, so that a leaked one is recognised by a scanner. */
export type TokenKind = 'pls' | 'plt' | 'plk' | 'pla'

/** A new secret of 256 random bits: `pls_…` for a session, `plt_…` for a one-time ticket, `plk_…` for a server key, `pla_…` for an admin's link. */
export const newToken = (kind: TokenKind): string =>
  `${kind}_${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')}`

/** SHA-256 in hex: tokens are random, so a fast hash is enough to make a stolen database useless. */
export const hashToken = (token: string): string => new CryptoHasher('sha256').update(token).digest('hex')
