import { type TProperties, type TSchema, Type as t } from '@sinclair/typebox'
import { type Method, REQUESTS } from '../../live/app/protocol.ts'
import { ROOM_PUBLICATIONS, USER_PUBLICATIONS, Welcome } from '../../live/app/protocol-pushes.ts'
import { PROCEDURES, type Procedure, UNANSWERED } from '../../live/app/protocol-rpc.ts'
import { ClientId, Message } from '../../messages/model.ts'

/*
 * What the sockets read and write without a schema, for speed or because the protocol is not ours. Nothing is checked
 * against these but the documentation: test/live-docs.test.ts holds what a running server sends against them.
 */

/** A kind of frame, or of a line in one. */
export interface Frame {
  name: string
  summary: string
  payload: TSchema
}

const { roomId, seq, createdAt } = Message.properties
const personId = t.String({ examples: ['0193f3a2-7b1c-7000-8000-0000000000a1'] })
const channel = t.String({ description: 'Of the room, or your own.', examples: ['room:12'] })
const ownChannel = t.String({ examples: [`user:${personId.examples[0]}`], pattern: '^user:' })
const connectionId = '3f0e6a52-55a5-4c0b-9f0d-0d3c1f7a2b10'
const client = t.String({ description: 'The id of a connection.', examples: [connectionId] })

export const PLAIN = {
  send: {
    name: 'plain.send',
    summary: 'Send a message.',
    payload: t.Object(
      {
        message: t.String({ description: 'At most 4,000 UTF-16 units, and not only white space.' }),
        client_id: t.Optional(ClientId),
        sender_email: t.Optional(t.String({ description: 'If sent, your own: for pages that have it at hand.' })),
        room_id: t.Optional(
          t.Union([roomId, t.String({ pattern: '^[1-9][0-9]{0,15}$' })], {
            description: 'If sent, a room of yours: the message goes there, and its frame to you alone.',
          }),
        ),
      },
      { examples: [{ message: 'Is it free on Saturday?', client_id: ClientId.examples[0] }] },
    ),
  },
  message: {
    name: 'plain.message',
    summary: 'A message, flushed to disk. Your own is the acknowledgement.',
    payload: t.Object({
      message: t.String({ examples: ['Is it free on Saturday?'] }),
      sender_username: t.String({ description: 'Empty on a system message.', examples: ['minji'] }),
      sender_id: t.Union([personId, t.Null()], { description: 'null on a system message.' }),
      room_id: roomId,
      seq: { ...seq, description: 'The place in the room. It only grows, and may skip.' },
      sent_at: createdAt,
      client_id: t.Optional({ ...ClientId, description: 'If the sender gave one.' }),
    }),
  },
  error: {
    name: 'plain.error',
    summary: 'A frame was refused. The socket stays open.',
    payload: t.Object({
      error: t.String({ description: 'For people, in the language of `Accept-Language`.' }),
      code: t.String({ description: 'Branch on it: it is never renamed.' }),
      client_id: t.Optional({ ...ClientId, description: 'Of the refused frame, if it had a good one.' }),
    }),
  },
} satisfies Record<string, Frame>

const epoch = t.String({ description: 'Of the database.', examples: ['9f86d081884c7d65'] })
const offset = t.Integer({ minimum: 0, description: 'The seq of an entry; 0 before the first.', examples: [41] })
const version = t.String({ description: 'Of the server.', examples: ['0.1.0'] })
const expires = t.Boolean({ description: 'Whether the token ends.', examples: [true] })
const ttl = t.Integer({ minimum: 1, description: 'Seconds until it does: then `refresh`.', examples: [900] })
const emulated = t.Optional(t.String({ description: 'Over HTTP only: for `POST /emulation`.' }))
const ClientInfo = t.Object({ client, user: personId }, { title: 'ClientInfo' })
const Entry = t.Object({ data: ROOM_PUBLICATIONS['message.created'], offset }, { title: 'Entry' })
const Nothing = t.Object({})

/** What the reply to each command carries. */
const RESULTS: Record<Exclude<Method, 'rpc' | 'send' | 'sub_refresh'>, TSchema> = {
  connect: t.Object({
    client,
    version,
    data: Welcome,
    subs: t.Object(
      {},
      {
        additionalProperties: Nothing,
        description: 'Your own channel is in it: you listen to that from now on.',
        examples: [{ [ownChannel.examples[0] ?? '']: {} }],
      },
    ),
    ping: t.Integer({ minimum: 1, description: 'Seconds between the pings of the server.', examples: [25] }),
    pong: t.Boolean({ description: 'Whether they are to be answered.', examples: [true] }),
    expires: t.Optional({ ...expires, description: 'Whether the token ends; not there for other credentials.' }),
    ttl: t.Optional(ttl),
    session: emulated,
    node: emulated,
  }),
  refresh: t.Object({ client, version, expires, ttl }),
  subscribe: t.Object({
    recoverable: t.Boolean({ examples: [true] }),
    positioned: t.Boolean({ examples: [true] }),
    epoch,
    offset: { ...offset, description: 'Where you are; each publication moves it on.', examples: [40] },
    was_recovering: t.Optional(t.Boolean({ description: 'You asked for a recovery.', examples: [true] })),
    recovered: t.Optional(
      t.Boolean({ description: 'false: too much was missed. Load the history again.', examples: [true] }),
    ),
    publications: t.Optional(t.Array(Entry, { description: 'All that was missed, in order.' })),
  }),
  unsubscribe: Nothing,
  publish: Nothing,
  history: t.Object({
    publications: t.Array(Entry),
    epoch,
    offset: { ...offset, description: 'Where the stream ends.' },
  }),
  presence: t.Object({
    presence: t.Object(
      {},
      {
        additionalProperties: ClientInfo,
        description: 'By the id of the connection.',
        examples: [{ [connectionId]: { client: connectionId, user: personId.examples[0] } }],
      },
    ),
  }),
  presence_stats: t.Object({
    num_clients: t.Integer({ minimum: 0, examples: [3] }),
    num_users: t.Integer({ minimum: 0, examples: [2] }),
  }),
  ping: Nothing,
}

const id = t.Integer({ minimum: 1, maximum: 0xffff_ffff, description: 'A number of your own.', examples: [7] })
const replyId = t.Integer({ minimum: 1, description: 'That of the command.', examples: [7] })
const numbered = (properties: TProperties) => t.Object({ id, ...properties })
const reply = (name: string, properties: TProperties): Frame => ({
  name: `${name}.reply`,
  summary: `The reply to \`${name}\`.`,
  payload: t.Object({ id: replyId, ...properties }),
})

/** `reply` is one that tells of a success: where it is missing, there is none. */
export interface Exchange {
  command: Frame
  reply?: Frame
  isAnswered: boolean
}

const PROCEDURE_NAMES = Object.keys(PROCEDURES) as Procedure[]
const METHODS = Object.keys(REQUESTS) as Method[]

/** Every command that the app socket takes; those that name a procedure, once for each of these. */
export const EXCHANGES: Exchange[] = METHODS.flatMap((method): Exchange[] => {
  if (method === 'rpc') return PROCEDURE_NAMES.map(callOf)
  if (method === 'send') return UNANSWERED.map(tellingOf)
  const payload = numbered({ [method]: REQUESTS[method] })
  const command = { name: method, summary: REQUESTS[method].description ?? '', payload }
  if (method === 'sub_refresh') return [{ command, isAnswered: true }]
  return [{ command, reply: reply(method, { [method]: RESULTS[method] }), isAnswered: true }]
})

function callOf(method: Procedure): Exchange {
  const { summary, data, result } = PROCEDURES[method]
  const rpc = t.Object({ method: t.Literal(method), data: method === 'rooms.list' ? t.Optional(data) : data })
  const command = { name: `rpc.${method}`, summary, payload: numbered({ rpc }) }
  return { command, reply: reply(`rpc.${method}`, { rpc: t.Object({ data: result }) }), isAnswered: true }
}

function tellingOf(method: (typeof UNANSWERED)[number]): Exchange {
  const send = t.Object({ data: t.Object({ method: t.Literal(method), data: PROCEDURES[method].data }) })
  const summary = `The same as \`rpc\` \`${method}\`, without a reply.`
  return { command: { name: `send.${method}`, summary, payload: t.Object({ send }) }, isAnswered: false }
}

/** In the place of any reply. */
export const ERROR: Frame = {
  name: 'error',
  summary: 'The reply to a command that was refused.',
  payload: t.Object({
    id: replyId,
    error: t.Object({
      code: t.Integer({ minimum: 100, description: 'The number of the protocol.' }),
      message: t.String({ description: 'A word that is never renamed, a colon, and a sentence for people.' }),
      temporary: t.Optional(t.Boolean({ description: 'The same may go well later.' })),
    }),
  }),
}

const Empty = t.Object({}, { maxProperties: 0 })
export const HEARTBEAT = {
  ask: {
    name: 'heartbeat',
    summary: 'The server asks whether you are there: answer with `{}` within ten seconds.',
    payload: Empty,
  },
  reply: { name: 'heartbeat.reply', summary: 'Yes: an empty command.', payload: Empty },
} satisfies Record<string, Frame>

const publication = (name: string, payload: TSchema): Frame => ({ name, summary: payload.description ?? '', payload })
const publicationsOf = (table: Record<string, TSchema>) =>
  Object.entries(table).map(([name, schema]) => publication(name, schema))

/** What is published on a room's channel, and on a person's own. */
export const PUBLICATIONS = { room: publicationsOf(ROOM_PUBLICATIONS), user: publicationsOf(USER_PUBLICATIONS) }

const push = (name: string, summary: string, properties: TProperties): Frame => ({
  name: `push.${name}`,
  summary,
  payload: t.Object({ push: t.Object(properties) }),
})
const code = (example: number) => t.Integer({ examples: [example] })
const reason = (example: string) => t.String({ examples: [example] })

/** What comes over the app socket without having been asked for. */
export const PUSHES: Frame[] = [
  ...PUBLICATIONS.room.map(({ name, summary, payload }) =>
    push(name, summary, {
      channel,
      pub: t.Object(name === 'message.created' ? { data: payload, offset } : { data: payload }),
    }),
  ),
  ...PUBLICATIONS.user.map(({ name, summary, payload }) =>
    push(name, summary, { channel: ownChannel, pub: t.Object({ data: payload }) }),
  ),
  push('join', 'Somebody’s first connection listens to the room. Only with `join_leave`.', {
    ...{ channel, join: t.Object({ info: ClientInfo }) },
  }),
  push('leave', 'Fifteen seconds ago somebody’s last one ceased to. Only with `join_leave`.', {
    ...{ channel, leave: t.Object({ info: ClientInfo }) },
  }),
  push('unsubscribe', 'The server has missed something: subscribe again, and recover.', {
    ...{ channel, unsubscribe: t.Object({ code: code(2500), reason: reason('insufficient state') }) },
  }),
  push('disconnect', 'Over HTTP only: the stream ends, with what is a close code on a WebSocket.', {
    disconnect: t.Object({ code: code(3001), reason: reason('shutdown') }),
  }),
]
