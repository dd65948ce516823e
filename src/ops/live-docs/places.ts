import { COOKIE_NAME } from '../../auth/credentials.ts'
import { APP_ENDINGS, APP_REFUSALS, type Ending, PLAIN_ENDINGS, PLAIN_REFUSALS, type Refusal } from './endings.ts'
import type { JsonSchema } from './schemas.ts'

/** A channel of AsyncAPI without its messages: a socket, or what is listened to over one. */
export interface Place {
  address: string
  title: string
  description: string
  parameters: Record<string, { description: string; examples: string[] }>
  bindings?: { ws: { method: 'GET'; query: JsonSchema; headers: JsonSchema; bindingVersion: string } }
  'x-errors'?: Omit<Refusal, 'frame'>[]
  'x-close-codes'?: Ending[]
}

const text = (description: string): JsonSchema => ({ type: 'string', description })
const roomId = { description: 'A room of yours; its id is a whole number.', examples: ['12'] }
const userId = { description: 'Your own id.', examples: ['0193f3a2-7b1c-7000-8000-0000000000a1'] }

const upgrade = (query: Record<string, JsonSchema>) => ({
  ws: {
    method: 'GET' as const,
    query: {
      type: 'object',
      properties: {
        ticket: text('A ticket of `POST /api/tickets`: for one socket, once, within 30 seconds.'),
        ...query,
      },
    },
    headers: {
      type: 'object',
      properties: {
        Authorization: text('`Bearer <token>`'),
        'Sec-WebSocket-Protocol': text('`parley.v1, parley.bearer.<token>`'),
        Origin: text('If sent, it must be allowed; with the cookie it must be sent.'),
        'Accept-Language': text('Of the error texts: `en` or `ko`.'),
      },
    },
    bindingVersion: '0.1.0',
  },
})

const withoutFrames = (refusals: Refusal[]) => refusals.map(({ frame: _, ...refusal }) => refusal)

export const PLACES = {
  plain: {
    address: '/ws/room/{roomId}/messages',
    title: 'The plain room socket',
    description: `One room, one JSON object a frame. Everyone in the room, the sender included, gets each message.

\`?after=<seq>\` first replays what came after that message, in order, then goes on with what is new: no gap, no repeat. At
most 1,000 messages; past that one \`replay_too_long\` says to page through \`GET /api/rooms/{roomId}/messages\`.

A refused frame leaves the socket open. Twenty frames may come at once, then five a second. The server pings every 25
seconds with a WebSocket ping, which browsers answer by themselves.`,
    parameters: { roomId },
    bindings: upgrade({
      after: {
        type: 'integer',
        minimum: 0,
        description: 'The highest seq that you have: what you missed comes first.',
      },
    }),
    'x-errors': withoutFrames(PLAIN_REFUSALS),
    'x-close-codes': PLAIN_ENDINGS,
  },
  app: {
    address: '/connection/websocket',
    title: 'The app socket',
    description: `Commands and replies of the Centrifuge client protocol, in JSON: one object a line, any number of lines a
frame. A command has an \`id\` of its own; its reply has the same \`id\`, and a field of the same name or \`error\`. The first
command is \`connect\`, within ten seconds. Commands are done one at a time, in the order they came: 1,500 at once, then 100 a second, for a person.

What comes unasked is a \`push\` from a channel: publications, and who comes and goes. An empty object is a ping, to be
answered by one within ten seconds.

**Without WebSockets**, where a proxy blocks them: \`POST /connection/http_stream\` with the \`connect\` command as its JSON body.
The answer is a stream of the same replies and pushes, one a line, and ends with a \`disconnect\` push. Further commands are posted to
\`/emulation\` as \`{ "session", "node", "data" }\`: the first two are from the reply to \`connect\`, and \`data\` is the text
of one frame. It answers 204, or 404 where there is no such session any more; then begin again.`,
    parameters: {},
    bindings: upgrade({}),
    'x-errors': withoutFrames(APP_REFUSALS),
    'x-close-codes': APP_ENDINGS,
  },
  room: {
    address: 'room:{roomId}',
    title: 'A room’s channel',
    description: `Listened to with \`subscribe\` on the app socket, by the two people of the room. An entry’s \`offset\` is its
\`seq\`; the \`epoch\` names the database, and changes when entries may be gone. \`typing\` and \`receipt\` have no offset, are
never stored, and stay away where over 64 KiB wait to be read.

What follows is the \`data\` of a publication, as a client library hands it on; \`push.…\` above is the line around it.`,
    parameters: { roomId },
  },
  user: {
    address: 'user:{userId}',
    title: 'A person’s own channel',
    description: `The inbox, on every device: listened to from \`connect\` on. It is not recovered: after each \`connect\` call
\`rooms.list\`.`,
    parameters: { userId },
  },
} satisfies Record<string, Place>
export type PlaceName = keyof typeof PLACES

const HOST = { host: { default: 'localhost:8000', description: 'Where this document is from.' } }
const SCHEMES = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'The token of a session (`pls_…`), or one that the marketplace issued (a JWT).',
  },
  subprotocol: {
    type: 'httpApiKey',
    in: 'header',
    name: 'Sec-WebSocket-Protocol',
    description: 'The same token as `parley.bearer.<token>`, offered beside `parley.v1`.',
  },
  ticket: {
    type: 'httpApiKey',
    in: 'query',
    name: 'ticket',
    description: 'Of `POST /api/tickets`: good for one socket, once, within 30 seconds.',
  },
  cookie: {
    type: 'httpApiKey',
    in: 'cookie',
    name: COOKIE_NAME,
    description: 'Set by signing up and in. An allowed `Origin` must come with it.',
  },
}
export const SECURITY_SCHEMES: Record<string, object> = SCHEMES

const security = Object.keys(SCHEMES).map((name) => ({ $ref: `#/components/securitySchemes/${name}` }))
const server = (protocol: string, description: string) => ({
  ...{ host: '{host}', protocol, description, variables: HOST, security },
})
export const SERVERS = {
  tls: server('wss', 'A server that people reach by https.'),
  local: server('ws', 'One on your own machine.'),
}
