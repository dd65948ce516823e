import { errors, type JWTVerifyOptions, jwtVerify } from 'jose'
import { BoundedMap } from '../../lib/bounded-map.ts'
import { ChatError } from '../../lib/errors.ts'
import { hashToken } from '../../lib/tokens.ts'
import { NAMELESS } from '../../users/model.ts'
import type { StoredUser, UserStore } from '../../users/store.ts'
import type { Identity } from '../model.ts'
import { identityOf, requireAdmitted } from '../sessions.ts'
import { type HostClaims, readClaims } from './claims.ts'
import type { HostTokenRules } from './rules.ts'

interface Deps {
  rules: HostTokenRules
  users: UserStore
  /** The name or e-mail of a person has changed. */
  onProfile: (user: StoredUser) => void
  /** Which check failed: for the log, and never for the client. */
  onRefused: (check: string) => void
  now: () => number
}

/** What is in a good token, and since when this node knows it. */
interface Seen {
  claims: HostClaims
  seenAt: number
  /** The hash of the one that was checked. */
  signature: string
  /** Until then it is not checked again. */
  goodUntil: number
}

const MAX_LENGTH = 8 << 10
const MAX_SEEN = 10_000
/** A check of a signature costs more than all the rest of a request. */
const CHECKED_EVERY_MS = 60 * 1000
/** For `nbf` and `iat` alone: the marketplace's clock may be a little ahead of ours. */
const CLOCK_TOLERANCE_S = 10
/** They name keys of the bearer's choice (RFC 7515 §4.1). Nothing here would follow them; whoever sends one is up to something. */
const FOREIGN_KEYS = ['jku', 'jwk', 'x5u', 'x5c'] as const

/** People whom the marketplace vouches for with a signed token (RFC 7519, with the advice of RFC 8725). */
export class HostTokens {
  readonly #deps: Deps
  readonly #seen = new BoundedMap<string, Seen>(MAX_SEEN)

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** @throws ChatError `forbidden` for a person who was disabled or erased; `unavailable` where keys are not to be had. */
  async authenticate(token: string): Promise<Identity | undefined> {
    const { users, now, onRefused } = this.#deps
    const arrivedAt = now()
    // By what is signed: one and the same token may have several signatures, and spellings of one.
    const end = token.lastIndexOf('.')
    const [id, signature] = [hashToken(token.slice(0, end)), hashToken(token.slice(end))]
    const known = this.#seen.get(id)
    const isFresh = known?.signature === signature && now() < known.goodUntil
    const claims = isFresh ? known.claims : await this.#verify(token)
    if (!claims) return undefined
    // Another request may have shown it while this one's signature was checked.
    const earlier = this.#seen.get(id)
    const seenAt = earlier?.seenAt ?? arrivedAt
    const user = await users.find(claims.userId)
    if (user) requireAdmitted(user)
    if (user && isRevoked(user, claims, { seenAt, isNew: earlier === undefined })) {
      onRefused('revoked')
      return undefined
    }
    const current = isFresh && user ? user : await this.#admit(claims, user)
    const identity = identityOf(current, { session: undefined, seenAt, expiresAt: claims.expiresAt })
    const goodUntil = Math.min(now() + CHECKED_EVERY_MS, claims.expiresAt)
    if (!isFresh) this.#seen.set(id, { claims, signature, seenAt, goodUntil })
    return identity
  }

  async #verify(token: string): Promise<HostClaims | undefined> {
    const { rules, now, onRefused } = this.#deps
    if (token.length > MAX_LENGTH) return void onRefused('length')
    try {
      const { payload, protectedHeader } = await jwtVerify(token, rules.key, optionsOf(rules, now()))
      const foreign = FOREIGN_KEYS.find((name) => protectedHeader[name] !== undefined)
      if (foreign) return void onRefused(foreign)
      const claims = readClaims(payload)
      if (typeof claims === 'string') return void onRefused(claims)
      if (claims.expiresAt <= now()) return void onRefused('exp')
      if ((claims.issuedAt ?? 0) > now() + CLOCK_TOLERANCE_S * 1000) return void onRefused('iat')
      return claims
    } catch (error) {
      if (error instanceof ChatError) throw error
      return void onRefused(checkOf(error))
    }
  }

  /** Name and e-mail are what the newest token says. An e-mail is a label here: it finds nobody, and joins nobody. */
  async #admit(claims: HostClaims, user: StoredUser | undefined): Promise<StoredUser> {
    const { users, now, onProfile } = this.#deps
    const issuedAt = Math.min(claims.issuedAt ?? now(), now())
    if (user && (issuedAt < user.profileAt || !differs(claims, user))) return user
    const { userId: id, email } = claims
    const username = claims.username ?? user?.username ?? NAMELESS
    const admitted = await users.admit({ id, username, email }, issuedAt)
    if (admitted.username !== user?.username) onProfile(admitted)
    return admitted
  }
}

const differs = ({ username, email }: HostClaims, user: StoredUser) =>
  (username !== undefined && username !== user.username) ||
  (email !== undefined && email !== user.email && !user.hasPassword)

/**
 * `iat` has whole seconds: a new token may be of the very second of the revocation. One that was seen before it is not new.
 */
function isRevoked({ tokensFrom }: StoredUser, { issuedAt }: HostClaims, seen: { seenAt: number; isNew: boolean }) {
  if (tokensFrom === 0) return false
  if (seen.seenAt <= tokensFrom) return true
  if (issuedAt === undefined) return seen.isNew
  return issuedAt < Math.floor(tokensFrom / 1000) * 1000
}

const optionsOf = ({ algorithms, issuer, audience }: HostTokenRules, now: number): JWTVerifyOptions => ({
  algorithms,
  requiredClaims: ['exp', 'sub'],
  clockTolerance: CLOCK_TOLERANCE_S,
  currentDate: new Date(now),
  ...(issuer === undefined ? {} : { issuer }),
  ...(audience === undefined ? {} : { audience }),
})

function checkOf(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired) return error.claim
  return error instanceof errors.JOSEError ? error.code : 'key'
}
