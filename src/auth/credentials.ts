import { ChatError } from '../lib/errors.ts'
import { queryOf } from '../lib/http/query.ts'

export const COOKIE_NAME = 'parley_session'
export const SUBPROTOCOL = 'parley.v1'
const SUBPROTOCOL_TOKEN = 'parley.bearer.'

/** What a request shows of itself. A token is taken from no query string; a one-time ticket is. */
export type Credential =
  | { by: 'bearer' | 'cookie'; token: string }
  | { by: 'ticket'; ticket: string; origin: string | undefined }

/** Bearer before cookie: a client that names a token means that one. */
export function httpCredential({ headers }: Request): Credential | undefined {
  const authorization = headers.get('authorization') ?? ''
  // One that is none, or two of them, is nobody's: not that of a cookie beside it.
  if (/^Bearer\b/i.test(authorization))
    return { by: 'bearer', token: /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? '' }
  const cookie = headers.get('cookie')
  const token = cookie === null ? null : new Bun.CookieMap(cookie).get(COOKIE_NAME)
  return token ? { by: 'cookie', token } : undefined
}

/** An upgrade may also carry its token as a subprotocol, which a browser can set, or a ticket. */
export function socketCredential(request: Request): Credential | undefined {
  const offered = offeredProtocols(request)
  const token = offered.find((protocol) => protocol.startsWith(SUBPROTOCOL_TOKEN))
  if (token !== undefined && !offered.includes(SUBPROTOCOL)) {
    // Bun would answer with the first protocol offered: the token, into every proxy's log.
    throw new ChatError('bad_request', { reason: 'token_without_protocol' })
  }
  const fromHttp = httpCredential(request)
  if (fromHttp?.by === 'bearer') return fromHttp
  if (token !== undefined) return { by: 'bearer', token: token.slice(SUBPROTOCOL_TOKEN.length) }
  const ticket = queryOf(request).get('ticket')
  if (ticket !== null) return { by: 'ticket', ticket, origin: request.headers.get('origin') ?? undefined }
  return fromHttp
}

/** A client that asks for another form of the protocol would not read a word of ours. */
export function requireJson(request: Request): void {
  if (offeredProtocols(request).includes('centrifuge-protobuf')) {
    throw new ChatError('bad_request', { reason: 'json_only' })
  }
}

/** The headers of the answer to an upgrade: our protocol where it was offered, else none; Bun itself would take the first. */
export const upgradeHeaders = (request: Request): Record<string, string> => ({
  'sec-websocket-protocol': offeredProtocols(request).includes(SUBPROTOCOL) ? SUBPROTOCOL : '',
})

const offeredProtocols = ({ headers }: Request): string[] =>
  (headers.get('sec-websocket-protocol') ?? '').split(',').map((protocol) => protocol.trim())

/** A past `expires` takes the cookie away. */
export const sessionCookie = (token: string, { isTls, expires }: { isTls: boolean; expires: Date }): string =>
  new Bun.Cookie(COOKIE_NAME, token, { httpOnly: true, sameSite: 'lax', path: '/', secure: isTls, expires }).toString()
