import { Elysia, t } from 'elysia'
import type { AuthGuard } from '../auth/guard.ts'
import { forAdmins, Nothing } from '../lib/http/operation.ts'
import { BODY_FAULTS, CALLER_FAULTS, failures } from '../lib/http/problem.ts'
import type { RecentLines } from '../lib/log.ts'
import type { Relay } from '../relay/relay.ts'
import type { Storage } from '../storage/storage.ts'
import { AdminKeys, AuditPage, Figures, KeyGrant, LoggedErrors, NewKey, Settings } from './model.ts'
import { pageQuery } from './queries.ts'
import { SAMPLE_MS, type Samples } from './samples.ts'
import type { Console } from './service.ts'

export interface ServerDeps {
  guard: AuthGuard
  console: Console
  samples: Samples
  recent: RecentLines
  settings: Settings['items']
  storage: Pick<Storage, 'engine' | 'health'>
  relay: Pick<Relay, 'state' | 'node'>
  version: string
  uptime: () => number
}

export const serverRoutes = ({ guard, console, recent, settings, ...node }: ServerDeps) =>
  new Elysia()
    .use(guard)
    .get('/figures', () => figuresOf(node), FIGURES)
    .get('/settings', () => ({ items: settings }), SETTINGS)
    .get('/errors', () => ({ items: recent.list() }), ERRORS)
    .get('/audit', ({ query }) => console.audit(query), AUDIT)
    .get('/keys', () => console.keys(), KEYS)
    .post('/keys', async ({ me, body, status }) => status(201, await console.createKey(me, body)), CREATE_KEY)
    .delete(
      '/keys/:keyId',
      async ({ me, params, status }) => status(204, await console.revokeKey(me, params.keyId)),
      REVOKE_KEY,
    )

type Node = Omit<ServerDeps, 'guard' | 'console' | 'recent' | 'settings'>

function figuresOf({ samples, storage, relay, version, uptime }: Node): Figures {
  const { ok, problem = null } = storage.health()
  const now = {
    ...samples.now(),
    relay: relay.state,
    storage: { engine: storage.engine, ok, problem },
    uptimeMs: Math.round(uptime()),
    version,
    node: relay.node,
  }
  return { now, everyMs: SAMPLE_MS, history: [...samples.history] }
}

const FIGURES = {
  response: { 200: Figures, ...failures(...CALLER_FAULTS) },
  detail: forAdmins(
    'How the server does',
    'This node, now and in the last fifteen minutes: of several, the one that answers.',
  ),
}

const SETTINGS = {
  response: { 200: Settings, ...failures(...CALLER_FAULTS) },
  detail: forAdmins('The settings', 'As `parley config show` has them. What is secret is masked.'),
}

const ERRORS = {
  response: { 200: LoggedErrors, ...failures(...CALLER_FAULTS) },
  detail: forAdmins(
    'Recent warnings and errors',
    'The last 100 lines of the log with the level `warn` or `error`, of this node.',
  ),
}

const AUDIT = {
  query: t.Object(pageQuery, { additionalProperties: false }),
  response: { 200: AuditPage, ...failures('bad_request', ...CALLER_FAULTS, 'invalid') },
  detail: forAdmins('The audit log', 'Newest first. It is only added to.'),
}

const KEYS = {
  response: { 200: AdminKeys, ...failures(...CALLER_FAULTS) },
  detail: forAdmins('Server keys', 'All of them, without the keys themselves.'),
}

const CREATE_KEY = {
  person: true as const,
  body: NewKey,
  response: { 201: KeyGrant, ...failures(...BODY_FAULTS, ...CALLER_FAULTS, 'origin_not_allowed', 'conflict') },
  detail: forAdmins('Make a server key', 'It is shown this once. 409 where one that is not revoked has the name.'),
}

const REVOKE_KEY = {
  person: true as const,
  params: t.Object({ keyId: t.String({ examples: ['0193f3a2-7b1c-7000-8000-0000000000e1'] }) }),
  response: { 204: Nothing, ...failures(...CALLER_FAULTS, 'origin_not_allowed', 'not_found') },
  detail: forAdmins('Revoke a server key', 'From its next request on.'),
}
