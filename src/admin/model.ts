import { type Static, type TSchema, Type as t } from '@sinclair/typebox'
import { AUDIT_ACTIONS, AUDIT_TARGETS } from '../audit/model.ts'
import { SCOPES } from '../keys/model.ts'
import { Product } from '../products/model.ts'
import { LINE, ManagedUser, Peer, timestamp } from '../users/model.ts'

const orNull = <T extends Parameters<typeof t.Union>[0][number]>(schema: T) => t.Union([schema, t.Null()])
const count = (description: string, example = 42) => t.Integer({ minimum: 0, description, examples: [example] })
const ms = (description: string, example = 1.5) => t.Number({ minimum: 0, description, examples: [example] })
const nextCursor = orNull(t.String({ description: 'Opaque; null on the last page.' }))

/** Any names, with these values: OpenAPI 3.0 knows no patterns of names. */
const mapOf = <T extends TSchema[]>(values: [...T], about: { description: string; examples: object[] }) =>
  t.Unsafe<Record<string, Static<T[number]>>>(t.Object({}, { ...about, additionalProperties: t.Union(values) }))

const oneOf = <T extends string>(values: readonly T[]) => t.Unsafe<T>(t.Union(values.map((value) => t.Literal(value))))

const pageOf = <T extends Parameters<typeof t.Array>[0]>(title: string, item: T) =>
  t.Object({ items: t.Array(item), nextCursor }, { title, additionalProperties: false })
const listOf = <T extends Parameters<typeof t.Array>[0]>(title: string, item: T, description: string) =>
  t.Object({ items: t.Array(item, { description }) }, { title, additionalProperties: false })

/** What `parley admin link` prints after the `#`. */
export const LinkToken = t.Object(
  { token: t.String({ maxLength: 200, description: 'What stands after the `#` of the link.', examples: ['pla_Zr…'] }) },
  { title: 'LinkToken', additionalProperties: false },
)
export type LinkToken = typeof LinkToken.static

/** What is measured each five seconds. */
const sample = {
  connections: count('Open sockets.'),
  people: count('People with an open socket.'),
  liveRooms: count('Rooms with an open socket.'),
  messagesPerSecond: t.Number({ minimum: 0, description: 'Over the last five seconds.', examples: [12.4] }),
  commitP50Ms: ms('From handing a commit over to its flush: the median of the last five seconds; 0 without one.'),
  commitP99Ms: ms('Of a hundred commits the second slowest.', 6),
  writesWaiting: count('Writes that wait for a commit.', 0),
  rssBytes: count('Resident memory.', 88_000_000),
  eventLoopLagMs: ms('The worst delay of the event loop in the last five seconds.', 3),
}

export const Sample = t.Object(
  { at: timestamp('When the five seconds ended.'), ...sample },
  { title: 'Sample', additionalProperties: false },
)
export type Sample = typeof Sample.static

export const Figures = t.Object(
  {
    now: t.Object(
      {
        ...sample,
        messagesTotal: count('Messages that were stored through this node since it started.'),
        relay: t.Union([t.Literal('alone'), t.Literal('up'), t.Literal('away')], {
          description: '`alone`: there is no other node; `away`: the other nodes are not heard.',
        }),
        storage: t.Object(
          {
            engine: t.String({ examples: ['SQLite 3.51.2'] }),
            ok: t.Boolean(),
            problem: orNull(t.String({ description: 'As in /readyz.', examples: ['disk_full'] })),
          },
          { additionalProperties: false },
        ),
        uptimeMs: count('Since the start.', 3_600_000),
        version: t.String({ examples: ['0.1.0'] }),
        node: t.String({ description: 'Which node has answered: the figures are its own.' }),
      },
      { additionalProperties: false },
    ),
    everyMs: t.Integer({ description: 'From one sample to the next.', examples: [5000] }),
    history: t.Array(Sample, { description: 'Of the last fifteen minutes, oldest first: 180 at most.' }),
  },
  { title: 'Figures', additionalProperties: false },
)
export type Figures = typeof Figures.static

/** A person as the console shows them. */
export const AdminUser = t.Object(
  {
    ...ManagedUser.properties,
    erasedAt: orNull(timestamp('Since when nothing of them is left but the id.')),
    hasPassword: t.Boolean({ description: 'Whether they can sign in here with an e-mail and a password.' }),
    lastSeenAt: orNull(timestamp('When they last had a socket, down to the minute; null too for whoever hides it.')),
  },
  { title: 'AdminUser', additionalProperties: false },
)
export type AdminUser = typeof AdminUser.static
export const AdminUserPage = pageOf('AdminUserPage', AdminUser)

export const UserAdmission = t.Object(
  { disabled: t.Boolean() },
  { title: 'UserAdmission', additionalProperties: false },
)
export type UserAdmission = typeof UserAdmission.static
export const RoleChange = t.Object(
  { role: ManagedUser.properties.role },
  { title: 'RoleChange', additionalProperties: false },
)
export type RoleChange = typeof RoleChange.static

/** A room from outside: the text of nothing that was said in it. */
export const AdminRoom = t.Object(
  {
    id: t.Integer({ minimum: 1, examples: [12] }),
    product: Product,
    owner: Peer,
    customer: { ...Peer, examples: [{ id: '0193f3a2-7b1c-7000-8000-0000000000a2', username: 'jun' }] },
    lastSeq: count('The seq of the newest entry; 0 in an empty room.', 41),
    createdAt: timestamp('When it was opened.'),
    lastActivityAt: timestamp('When its newest message came; when it was opened, if there is none.'),
  },
  { title: 'AdminRoom', additionalProperties: false },
)
export type AdminRoom = typeof AdminRoom.static
export const AdminRoomPage = pageOf('AdminRoomPage', AdminRoom)

const Scope = oneOf(SCOPES)

export const AdminKey = t.Object(
  {
    id: t.String({ examples: ['0193f3a2-7b1c-7000-8000-0000000000e1'] }),
    name: t.String({ examples: ['shop'] }),
    scopes: t.Array(Scope, { examples: [['users', 'products']] }),
    createdAt: timestamp('When it was made.'),
    lastUsedAt: orNull(timestamp('When it was last used, down to the minute.')),
    revokedAt: orNull(timestamp('Since when it opens nothing.')),
  },
  { title: 'AdminKey', additionalProperties: false },
)
export type AdminKey = typeof AdminKey.static
export const AdminKeys = listOf('AdminKeys', AdminKey, 'Oldest first; revoked ones too.')

export const NewKey = t.Object(
  {
    name: t.String({ minLength: 1, maxLength: 50, ...LINE, examples: ['shop'] }),
    scopes: t.Array(Scope, { minItems: 1, uniqueItems: true, examples: [['users', 'products', 'rooms']] }),
  },
  { title: 'NewKey', additionalProperties: false },
)
export type NewKey = typeof NewKey.static
export const KeyGrant = t.Object(
  { ...AdminKey.properties, key: t.String({ description: 'Shown once.', examples: ['plk_q5…'] }) },
  { title: 'KeyGrant', additionalProperties: false },
)
export type KeyGrant = typeof KeyGrant.static

export const AdminSession = t.Object(
  {
    id: t.String({ description: 'Nobody comes in with it.', examples: ['9f86d081884c7'] }),
    user: Peer,
    createdAt: timestamp('When they signed in.'),
    lastUsedAt: timestamp('When it was last used, down to the hour.'),
    expiresAt: timestamp('When it ends by itself.'),
    current: t.Boolean({ description: 'Whether it is the one that asks.' }),
  },
  { title: 'AdminSession', additionalProperties: false },
)
export type AdminSession = typeof AdminSession.static
export const AdminSessionPage = pageOf('AdminSessionPage', AdminSession)

export const Setting = t.Object(
  {
    key: t.String({ examples: ['PARLEY_PORT'] }),
    value: orNull(
      t.String({ description: 'As it was given; a secret is masked. null: not given.', examples: ['8000'] }),
    ),
    source: t.String({ description: 'A flag, a variable, a file, or `default`.', examples: ['--port'] }),
    description: t.String({ examples: ['Port to listen on; `0` takes a free one.'] }),
  },
  { title: 'Setting', additionalProperties: false },
)
export type Setting = typeof Setting.static
export const Settings = listOf('Settings', Setting, 'In the order of the documentation.')
export type Settings = typeof Settings.static

export const LoggedError = t.Object(
  {
    time: timestamp('When it was logged.'),
    level: t.Union([t.Literal('warn'), t.Literal('error')], { examples: ['error'] }),
    event: t.String({ examples: ['storage_failed'] }),
    fields: mapOf([t.String(), t.Number()], {
      description: 'What the log line has beside: an allowlist without bodies, headers and tokens.',
      examples: [{ note: 'disk_full' }],
    }),
  },
  { title: 'LoggedError', additionalProperties: false },
)
export type LoggedError = typeof LoggedError.static
export const LoggedErrors = listOf(
  'LoggedErrors',
  LoggedError,
  'Of this node since it started, newest first: 100 at most.',
)

export const AuditEntry = t.Object(
  {
    id: t.Integer({ minimum: 1, examples: [7] }),
    at: timestamp('When it was done.'),
    actor: t.Object(
      {
        kind: t.Union([t.Literal('user'), t.Literal('key'), t.Literal('cli')]),
        id: orNull(t.String({ description: 'Of the person or the server key; null for the command line.' })),
        name: orNull(t.String({ description: 'What they are called now.', examples: ['Admin'] })),
      },
      { additionalProperties: false },
    ),
    action: t.String({
      description: AUDIT_ACTIONS.map((action) => `\`${action}\``).join(', '),
      examples: ['room.read'],
    }),
    target: t.Object(
      {
        kind: oneOf(AUDIT_TARGETS),
        id: t.String({ examples: ['12'] }),
        name: orNull(t.String({ description: 'Of a person: what they are called now.', examples: ['minji'] })),
      },
      { additionalProperties: false },
    ),
    details: mapOf([t.String(), t.Number(), t.Boolean()], {
      description: 'Never a text of a message, a token or a password.',
      examples: [{ role: 'moderator' }],
    }),
  },
  { title: 'AuditEntry', additionalProperties: false },
)
export type AuditEntry = typeof AuditEntry.static
export const AuditPage = pageOf('AuditPage', AuditEntry)
export type AuditPage = typeof AuditPage.static
