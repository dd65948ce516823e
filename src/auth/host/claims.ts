import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { JWTPayload } from 'jose'
import { isHostId } from '../../lib/http/batch.ts'
import { Email, MAX_USERNAME_LENGTH } from '../../users/model.ts'

/** What a token of the marketplace's says. Times in milliseconds since 1970. */
export interface HostClaims {
  userId: string
  username: string | undefined
  email: string | undefined
  issuedAt: number | undefined
  expiresAt: number
}

const emailAddress = TypeCompiler.Compile(Email)

/**
 * The claims that are used here, or the name of the one that makes the token useless. A name that is too long is cut, and
 * an e-mail that is none is left out: neither is a reason to keep somebody out.
 */
export function readClaims({ sub, exp, iat, name, email }: JWTPayload): HostClaims | string {
  if (!isHostId(sub)) return 'sub'
  if (typeof exp !== 'number' || !Number.isFinite(exp)) return 'exp'
  if (iat !== undefined && (typeof iat !== 'number' || !Number.isFinite(iat))) return 'iat'
  return {
    userId: sub,
    username: nameOf(name),
    email: emailAddress.Check(email) ? email : undefined,
    issuedAt: iat === undefined ? undefined : toMs(iat),
    expiresAt: toMs(exp),
  }
}

/** A NumericDate may have a fraction, and be any number (RFC 7519 §2): a whole one within the years that a `Date` knows. */
const toMs = (seconds: number) => Math.min(Math.max(0, Math.floor(seconds * 1000)), 8.64e15)

/** One line of at most 50 characters, with something to see in it. */
function nameOf(claim: unknown): string | undefined {
  if (typeof claim !== 'string') return undefined
  const line = claim
    .slice(0, 1000)
    .toWellFormed()
    .normalize('NFC')
    .replaceAll(/[\p{Cc}\u2028\u2029\s]+/gu, ' ')
    .trim()
  // Not through the middle of a surrogate pair, nor with a space at the end.
  const cut = line
    .slice(0, MAX_USERNAME_LENGTH)
    .replace(/[\ud800-\udbff]$/, '')
    .trim()
  return cut === '' ? undefined : cut
}
