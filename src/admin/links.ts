import type { SessionGrant } from '../accounts/model.ts'
import { grant } from '../accounts/service.ts'
import type { Sessions } from '../auth/sessions.ts'
import { ChatError } from '../lib/errors.ts'
import { hashToken, newToken } from '../lib/tokens.ts'
import type { IssuedLink, LinkStore } from './store.ts'

const LINK_MS = 30 * 60 * 1000

interface Deps {
  adminLinks: LinkStore
  sessions: Sessions
  now: () => number
}

/** What lets an admin into the console who has nothing else to show: once, and within half an hour. */
export class AdminLinks {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * The token of a new link for this admin; without one for the oldest, who is made if there is none. `undefined` where the
   * one who is named is no admin, or may not come in.
   */
  async issue(id?: string): Promise<(IssuedLink & { token: string }) | undefined> {
    const { adminLinks, now } = this.#deps
    const token = newToken('pla')
    const link = { tokenHash: hashToken(token), expiresAt: now() + LINK_MS }
    const issued = await adminLinks.issue(link, { id, newId: Bun.randomUUIDv7() }, now())
    return issued && { ...issued, token }
  }

  /** Whether some admin knows how to come in, and needs no link. */
  isSettled(): Promise<boolean> {
    return this.#deps.adminLinks.isSettled()
  }

  /** @throws ChatError `unauthenticated` */
  async spend(token: string): Promise<SessionGrant> {
    const { adminLinks, sessions, now } = this.#deps
    const { token: sessionToken, session } = sessions.draft('')
    const { userId: _, ...begun } = session
    const admin = await adminLinks.spend(hashToken(token), begun, now())
    if (!admin) throw new ChatError('unauthenticated', { reason: 'link_spent' })
    return grant(admin, sessionToken, session)
  }
}
