import type { Scope } from '../keys/model.ts'
import type { QuotaName } from '../lib/http/quotas.ts'
import type { UserRole } from '../users/model.ts'

/** Who may call a route, and what that is counted as. */
export interface Access {
  /** No credential is asked for; or the route itself asks, as a socket does, which tells of a refusal in its own way. */
  open?: 'anyone' | 'handshake'
  /** People with at least this role. */
  people?: UserRole
  /** Server keys with this scope. */
  keys?: Scope
  quota?: QuotaName
}

/** Every route there is. One that is not in this table answers nobody. */
export const POLICY: Readonly<Record<string, Access>> = {
  'POST /api/accounts': { open: 'anyone', quota: 'signUps' },
  'POST /api/sessions': { open: 'anyone', quota: 'signIns' },
  'DELETE /api/sessions/current': { people: 'user' },
  'GET /api/me': { people: 'user' },
  'PATCH /api/me': { people: 'user' },
  'GET /api/me/presence': { people: 'user' },
  'PUT /api/me/presence': { people: 'user', quota: 'hides' },
  'PUT /api/me/password': { people: 'user', quota: 'signIns' },
  'POST /api/tickets': { people: 'user', quota: 'tickets' },

  'POST /api/products': { people: 'user' },
  'GET /api/products': { people: 'user', keys: 'products' },
  'GET /api/products/:productId': { people: 'user', keys: 'products' },
  'PATCH /api/products/:productId': { people: 'user' },
  'DELETE /api/products/:productId': { people: 'user', keys: 'products' },
  'PUT /api/products/:productId': { keys: 'products' },
  'PUT /api/products': { keys: 'products' },

  'POST /api/rooms': { people: 'user', keys: 'rooms' },
  'GET /api/rooms': { people: 'user' },
  'GET /api/rooms/:roomId': { people: 'user' },
  'PUT /api/rooms/:roomId/read-mark': { people: 'user' },
  'GET /api/rooms/:roomId/messages': { people: 'user' },
  'POST /api/rooms/:roomId/messages': { people: 'user', keys: 'messages' },
  'GET /ws/room/:roomId/messages': { open: 'handshake' },
  'GET /connection/websocket': { open: 'handshake' },
  'POST /connection/http_stream': { open: 'handshake' },
  // The id of its session is the credential.
  'POST /emulation': { open: 'handshake' },

  'GET /api/users/:userId': { people: 'moderator', keys: 'users' },
  'PUT /api/users/:userId': { people: 'admin', keys: 'users' },
  'PUT /api/users': { people: 'admin', keys: 'users' },
  'POST /api/users/:userId/disconnect': { people: 'moderator', keys: 'users' },
  'GET /api/users/:userId/export': { people: 'admin', keys: 'privacy' },
  'DELETE /api/users/:userId': { people: 'admin', keys: 'privacy' },

  // The console. No key opens it: a key is no person, and the audit log names one.
  'POST /api/admin/sessions': { open: 'anyone', quota: 'signIns' },
  'GET /api/admin/figures': { people: 'admin' },
  'GET /api/admin/settings': { people: 'admin' },
  'GET /api/admin/errors': { people: 'admin' },
  'GET /api/admin/audit': { people: 'admin' },
  'GET /api/admin/users': { people: 'admin' },
  'GET /api/admin/users/:userId': { people: 'admin' },
  'PUT /api/admin/users/:userId/disabled': { people: 'admin' },
  'PUT /api/admin/users/:userId/role': { people: 'admin' },
  'POST /api/admin/users/:userId/sign-out': { people: 'admin' },
  'GET /api/admin/sessions': { people: 'admin' },
  'DELETE /api/admin/sessions/:sessionId': { people: 'admin' },
  'GET /api/admin/rooms': { people: 'admin' },
  'GET /api/admin/rooms/:roomId': { people: 'admin' },
  'GET /api/admin/rooms/:roomId/messages': { people: 'admin' },
  'GET /api/admin/products': { people: 'admin' },
  'DELETE /api/admin/products/:productId': { people: 'admin' },
  'GET /api/admin/keys': { people: 'admin' },
  'POST /api/admin/keys': { people: 'admin' },
  'DELETE /api/admin/keys/:keyId': { people: 'admin' },

  'GET /livez': { open: 'anyone' },
  'GET /readyz': { open: 'anyone' },
  'GET /metrics': { open: 'handshake' },
  // The pages of the chat app: what it shows, it asks the routes above for.
  'GET /': { open: 'anyone' },
  'GET /rooms/:roomId': { open: 'anyone' },
  'GET /browse': { open: 'anyone' },
  'GET /offer': { open: 'anyone' },
  'GET /account': { open: 'anyone' },
  // Those of the console, which are as empty.
  'GET /admin': { open: 'anyone' },
  'GET /admin/:view': { open: 'anyone' },
  'GET /admin/:view/:id': { open: 'anyone' },
  'GET /assets/:name': { open: 'anyone' },
  'GET /widget.js': { open: 'anyone' },
  'GET /service-worker.js': { open: 'anyone' },
  'GET /manifest.webmanifest': { open: 'anyone' },
  'GET /icon.svg': { open: 'anyone' },
  // What is not there.
  'GET /*': { open: 'anyone' },
  'GET /docs': { open: 'anyone' },
  'GET /docs/protocol.md': { open: 'anyone' },
  'GET /docs/json': { open: 'anyone' },
  'GET /docs/live': { open: 'anyone' },
  'GET /docs/asyncapi.json': { open: 'anyone' },
  'GET /docs/assets/:name': { open: 'anyone' },
  'GET /demo/:name': { open: 'anyone' },
  // What a browser asks before a request of another site: answered for allowed origins only.
  'OPTIONS /': { open: 'anyone' },
  'OPTIONS /*': { open: 'anyone' },
}

/** `route` is the template, as in the table; HEAD is GET without a body. */
export const accessTo = (method: string, route: string): Access | undefined =>
  POLICY[`${method === 'HEAD' ? 'GET' : method} ${route}`]
