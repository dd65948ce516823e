import { batch, signal } from '@preact/signals'
import { Centrifuge, type TransportEndpoint, UnauthorizedError } from 'centrifuge'
import type { USER_PUBLICATIONS, Welcome } from '../../live/app/protocol-pushes.ts'
import type { DataOf, Procedure, ResultOf } from '../../live/app/protocol-rpc.ts'
import type { Message } from '../../messages/model.ts'
import type { RoomSummary } from '../../rooms/model.ts'
import type { Peer } from '../../users/model.ts'
import { type Api, type Door, openApi, Refusal } from './api.ts'
import { Inbox } from './inbox.ts'
import { Outbox, type SendFailure, type Unsent } from './outbox.ts'
import { People } from './people.ts'

type RoomChanged = (typeof USER_PUBLICATIONS)['room.changed']['static']

/** `ended`: the server will not have this credential any more. */
export type Line = 'connecting' | 'connected' | 'ended'

/** Below it is the library's own: no answer came. */
const FIRST_CODE_OF_SERVER = 100
/** A refresh brought one (LV44). */
const TOKEN_OF_ANOTHER = 3500
/** How often it is asked who is here. */
const PRESENCE_MS = 30_000

/** A person's chat: one socket for their inbox and every room, and what is on its way. */
export class Chat {
  readonly server: string
  readonly api: Api
  readonly live: Centrifuge
  readonly me = signal<Peer | undefined>(undefined)
  readonly line = signal<Line>('connecting')
  readonly totalUnread = signal(0)
  readonly inbox: Inbox
  readonly people = new People((userIds) => this.call('presence.status', { userIds }).then(({ items }) => items))
  readonly outbox = new Outbox({ send: (message) => this.#send(message), onSent: (message) => this.#tellSent(message) })
  /** Whoever shows a room takes what was stored before it is told of it. */
  readonly onSent = new Set<(message: Message) => void>()
  /** Somebody else has written, in whatever room. */
  onArrival: ((room: RoomSummary) => void) | undefined
  /** Another person's session, or token, has taken the place of the first one's: this chat is over. */
  onOther: (() => void) | undefined
  readonly #timer: ReturnType<typeof setInterval>

  /** Who it is may be known before there is a line. */
  constructor(door: Door, me?: Peer) {
    this.server = door.server
    this.api = openApi(door)
    this.inbox = new Inbox(this.api)
    const { token } = door
    this.live = new Centrifuge(transportsTo(door.server), {
      emulationEndpoint: `${door.server}/emulation`,
      minReconnectDelay: 300,
      maxReconnectDelay: 10_000,
      ...(token ? { getToken: () => token.next().catch(stopAsking) } : {}),
    })
    this.live.on('connected', ({ data }) => this.#welcome(data))
    this.live.on('connecting', () => {
      this.line.value = 'connecting'
    })
    this.live.on('disconnected', ({ code }) => {
      this.line.value = 'ended'
      if (code === TOKEN_OF_ANOTHER) this.onOther?.()
    })
    this.live.on('publication', ({ data }) => {
      if (data.type === 'room.changed') this.#take(data)
    })
    if (me) this.#be(me)
    this.#timer = setInterval(() => this.#lookAround(), PRESENCE_MS)
    this.live.connect()
  }

  close(): void {
    clearInterval(this.#timer)
    this.outbox.close()
    this.live.disconnect()
  }

  /** @throws what the client does: `code`, `message`, `temporary`; below 100 it is the line. */
  async call<P extends Procedure>(procedure: P, data: DataOf<P>): Promise<ResultOf<P>> {
    return (await this.live.rpc(procedure, data)).data
  }

  /** Says what need not be answered; lost with the line, as is whatever it is about. */
  tell(
    procedure: 'room.read' | 'room.delivered' | 'room.typing',
    data: DataOf<'room.read'> | DataOf<'room.typing'>,
  ): void {
    if (this.line.value === 'connected') this.live.send({ method: procedure, data }).catch(() => {})
  }

  #welcome({ user, totalUnread }: Welcome) {
    if (this.me.value && this.me.value.id !== user.id) {
      // Before anything is sent: what one has written goes out under nobody else's name.
      this.onOther?.()
      this.close()
      return
    }
    batch(() => {
      this.#be(user)
      this.totalUnread.value = totalUnread
      this.line.value = 'connected'
    })
    this.outbox.flush()
    void this.inbox.load().then(() => {
      this.#tellDelivered()
      this.#lookAround()
    })
  }

  #be(user: Peer) {
    this.me.value = user
    this.outbox.open(user.id)
  }

  #take({ room, totalUnread }: RoomChanged) {
    const before = this.inbox.rooms.value.get(room.id)
    batch(() => {
      this.inbox.take(room)
      this.totalUnread.value = totalUnread
    })
    const { lastMessage, lastSeq, id: roomId } = room
    const isNew =
      lastMessage !== null && lastSeq > (before?.lastSeq ?? 0) && lastMessage.sender?.id !== this.me.value?.id
    if (!isNew) return
    this.tell('room.delivered', { roomId, seq: lastSeq })
    if (room.unread > 0) this.onArrival?.(room)
  }

  /** What came while nobody was here, or there was no line. */
  #tellDelivered() {
    for (const { id: roomId, unread, lastSeq: seq } of this.inbox.rooms.value.values())
      if (unread > 0) this.tell('room.delivered', { roomId, seq })
  }

  #lookAround() {
    if (this.line.value !== 'connected' || document.hidden) return
    void this.people.load([...this.inbox.rooms.value.values()].map((room) => peerIn(room).id))
  }

  #tellSent(message: Message) {
    for (const take of this.onSent) take(message)
  }

  async #send({ roomId, text, clientId }: Unsent): Promise<Message> {
    // The client would keep it back until there is a line, whoever's that is then.
    if (this.line.value !== 'connected') throw { isFinal: false, message: '' } satisfies SendFailure
    try {
      return await this.call('message.send', { roomId, text, clientId })
    } catch (error) {
      const { code, temporary, message } = error as { code: number; temporary?: boolean; message: string }
      throw {
        isFinal: code >= FIRST_CODE_OF_SERVER && temporary !== true,
        message: wordsOf(message),
      } satisfies SendFailure
    }
  }
}

/** The client tries again, whatever goes wrong, but for an error of its own. */
function stopAsking(error: unknown): never {
  throw error instanceof Refusal ? new UnauthorizedError(error.message) : error
}

/** The one on the other side. */
export const peerIn = ({ role, owner, customer }: Pick<RoomSummary, 'role' | 'owner' | 'customer'>): Peer =>
  role === 'owner' ? customer : owner

const transportsTo = (server: string): TransportEndpoint[] => [
  { transport: 'websocket', endpoint: `${server.replace(/^http/, 'ws')}/connection/websocket` },
  // Where WebSockets do not get through.
  { transport: 'http_stream', endpoint: `${server}/connection/http_stream` },
]

/** Without the stable word before the colon, which is for programs. */
const wordsOf = (message: string) => message.replace(/^\w+: /, '')
