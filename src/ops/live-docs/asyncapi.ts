import { APP_REFUSALS, PLAIN_REFUSALS, type Refusal } from './endings.ts'
import { ERROR, EXCHANGES, type Exchange, type Frame, HEARTBEAT, PLAIN, PUBLICATIONS, PUSHES } from './frames.ts'
import guide from './guide.md' with { type: 'text' }
import { PLACES, type Place, type PlaceName, SECURITY_SCHEMES, SERVERS } from './places.ts'
import { type JsonSchema, Shapes } from './schemas.ts'

interface Reference {
  $ref: string
}

export interface AsyncMessage {
  name: string
  summary: string
  payload: JsonSchema
  examples: { name?: string; payload: unknown }[]
}

export interface AsyncOperation {
  /** From where the server stands: it sends, or it receives. */
  action: 'send' | 'receive'
  summary: string
  channel: Reference
  messages: Reference[]
  reply?: { channel: Reference; messages: Reference[] }
}

export interface AsyncDocument {
  asyncapi: '3.0.0'
  info: { title: string; version: string; description: string; license: { name: string } }
  defaultContentType: string
  servers: Record<string, object>
  channels: Record<PlaceName, Place & { messages: Record<string, Reference> }>
  operations: Record<string, AsyncOperation>
  components: {
    messages: Record<string, AsyncMessage>
    schemas: Record<string, JsonSchema>
    securitySchemes: Record<string, object>
  }
}

const TOLD_ON_PLAIN = [PLAIN.message, PLAIN.error]
const COMMANDS = [...EXCHANGES.map(({ command }) => command), HEARTBEAT.reply]
const TOLD_ON_APP = [...EXCHANGES.flatMap(({ reply }) => reply ?? []), ERROR, ...PUSHES, HEARTBEAT.ask]

/** Both sockets as AsyncAPI 3.0: every frame that they take and send, from the schemas that the server checks with. */
export function describeSockets(version: string): AsyncDocument {
  const messages = new Messages()
  const channels = {
    plain: messages.at('plain', [PLAIN.send], TOLD_ON_PLAIN),
    app: messages.at('app', COMMANDS, TOLD_ON_APP),
    room: messages.at('room', [], PUBLICATIONS.room),
    user: messages.at('user', [], PUBLICATIONS.user),
  }
  messages.show(PLAIN.error, PLAIN_REFUSALS)
  messages.show(ERROR, APP_REFUSALS)
  return {
    asyncapi: '3.0.0',
    info: { title: 'Parley sockets', version, description: guide, license: { name: 'MIT' } },
    defaultContentType: 'application/json',
    servers: SERVERS,
    channels,
    operations: operations(),
    components: { messages: messages.all, schemas: messages.shapes.named, securitySchemes: SECURITY_SCHEMES },
  }
}

/** Each kind of frame once, by its name. */
class Messages {
  readonly shapes = new Shapes()
  readonly all: Record<string, AsyncMessage> = {}

  /** The channel, with what clients send there and what they are told. */
  at(place: PlaceName, sent: Frame[], told: Frame[]) {
    for (const frame of sent) this.#add(frame, this.shapes.sent(frame.payload))
    for (const frame of told) this.#add(frame, this.shapes.told(frame.payload))
    const frames = [...sent, ...told].map(({ name }) => [name, refTo('components', 'messages', name)])
    return { ...PLACES[place], messages: Object.fromEntries(frames) }
  }

  #add({ name, summary }: Frame, payload: JsonSchema) {
    if (this.all[name]) throw new Error(`two frames have the name ${name}`)
    this.all[name] = { name, summary, payload, examples: [{ payload: this.shapes.exampleOf(payload) }] }
  }

  /** Each refusal as an example of its frame. */
  show({ name }: Frame, refusals: Refusal[]) {
    const message = this.all[name]
    if (message) message.examples = refusals.map(({ word, frame }) => ({ name: word, payload: frame }))
  }
}

function operations(): Record<string, AsyncOperation> {
  const exchanges = EXCHANGES.map((exchange) => [exchange.command.name, exchangeOf(exchange)])
  return {
    'plain.send': {
      ...operation('receive', 'plain', [PLAIN.send], PLAIN.send.summary),
      reply: at('plain', TOLD_ON_PLAIN),
    },
    'plain.tell': operation(
      'send',
      'plain',
      TOLD_ON_PLAIN,
      'Each message of the room, and what was wrong with a frame.',
    ),
    ...Object.fromEntries(exchanges),
    push: operation('send', 'app', PUSHES, 'What comes without having been asked for.'),
    heartbeat: {
      ...operation('send', 'app', [HEARTBEAT.ask], HEARTBEAT.ask.summary),
      reply: at('app', [HEARTBEAT.reply]),
    },
    'room.publish': operation('send', 'room', PUBLICATIONS.room, 'What happens in a room.'),
    'user.publish': operation('send', 'user', PUBLICATIONS.user, 'What happens in a person’s inbox.'),
  }
}

function exchangeOf({ command, reply, isAnswered }: Exchange): AsyncOperation {
  const receives = operation('receive', 'app', [command], command.summary)
  return isAnswered ? { ...receives, reply: at('app', reply ? [reply, ERROR] : [ERROR]) } : receives
}

const operation = (action: AsyncOperation['action'], place: PlaceName, frames: Frame[], summary: string) => ({
  ...{ action, summary, ...at(place, frames) },
})

const at = (place: PlaceName, frames: Frame[]) => ({
  channel: refTo('channels', place),
  messages: frames.map(({ name }) => refTo('channels', place, 'messages', name)),
})

const refTo = (...path: string[]): Reference => ({ $ref: `#/${path.join('/')}` })
