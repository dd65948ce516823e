import { batch, computed, signal } from '@preact/signals'
import type { Static } from '@sinclair/typebox'
import type { Subscription } from 'centrifuge'
import type { ROOM_PUBLICATIONS } from '../../live/app/protocol-pushes.ts'
import type { Message } from '../../messages/model.ts'
import type { RoomSummary } from '../../rooms/model.ts'
import { answered } from './api.ts'
import { type Chat, peerIn } from './chat.ts'

type Publication = Static<(typeof ROOM_PUBLICATIONS)[keyof typeof ROOM_PUBLICATIONS]>

const PAGE = 50
/** So long a person counts as writing (LV82). */
const TYPING_MS = 10_000
/** The server tells of it no more often. */
const TYPING_EVERY_MS = 3000

/** One open room: its messages without a gap, the other one's marks, and what is on its way. */
export class Room {
  readonly id: number
  readonly state = signal<'loading' | 'ready' | 'missing' | 'failed'>('loading')
  readonly messages = signal<readonly Message[]>([])
  readonly hasOlder = signal(false)
  readonly isLoadingOlder = signal(false)
  readonly isPeerTyping = signal(false)
  /** The first message that was new when the room was opened, or since nobody looked at it. */
  readonly newFrom = signal<number | undefined>(undefined)
  readonly summary = computed<RoomSummary | undefined>(() => this.#chat.inbox.rooms.value.get(this.id))
  readonly unsent = computed(() => this.#chat.outbox.unsent.value.filter(({ roomId }) => roomId === this.id))
  readonly #chat: Chat
  readonly #subscription: Subscription
  #typingTimer: ReturnType<typeof setTimeout> | undefined
  #typedAt = 0
  #readSeq = 0
  /** Since the newest page was asked for, until it is there. */
  #arrived: Message[] | undefined

  constructor(chat: Chat, id: number) {
    this.id = id
    this.#chat = chat
    chat.onSent.add(this.#take)
    this.#subscription = chat.live.newSubscription(`room:${id}`, { joinLeave: true })
    this.#subscription.on('publication', ({ data }) => this.#hear(data))
    this.#subscription.on('join', ({ info }) => chat.people.take(info.user, true))
    this.#subscription.on('leave', ({ info }) => chat.people.take(info.user, false))
    this.#subscription.on('subscribed', ({ recovered }) => {
      // What was told of it on a line that broke may be lost.
      this.#readSeq = 0
      // What was missed follows as publications, but the first time, and when it was too much.
      if (!recovered || this.state.value !== 'ready') void this.load()
    })
    this.#subscription.on('unsubscribed', () => {
      this.state.value = 'missing'
    })
    this.#subscription.subscribe()
  }

  close(): void {
    clearTimeout(this.#typingTimer)
    this.#subscription.removeAllListeners()
    this.#subscription.unsubscribe()
    this.#chat.live.removeSubscription(this.#subscription)
    this.#chat.onSent.delete(this.#take)
  }

  /** The newest page, instead of whatever was there. */
  async load(): Promise<void> {
    const arrived: Message[] = []
    this.#arrived = arrived
    try {
      const room = this.#chat.api.rooms({ roomId: this.id })
      const [summary, page] = await Promise.all([
        answered(room.get()),
        answered(room.messages.get({ query: { limit: PAGE } })),
      ])
      batch(() => {
        if (this.state.value !== 'ready' && summary.unread > 0) this.newFrom.value = summary.readSeq + 1
        this.#chat.inbox.take(summary)
        this.messages.value = merged(page.items, arrived)
        this.hasOlder.value = page.hasMore
        this.state.value = 'ready'
      })
      void this.#chat.people.load([peerIn(summary).id])
    } catch (error) {
      if (this.state.value === 'loading') this.state.value = isMissing(error) ? 'missing' : 'failed'
    } finally {
      if (this.#arrived === arrived) this.#arrived = undefined
    }
  }

  async loadOlder(): Promise<void> {
    const before = this.messages.value[0]?.seq
    if (this.isLoadingOlder.value || !this.hasOlder.value || before === undefined) return
    this.isLoadingOlder.value = true
    try {
      const query = { before, limit: PAGE }
      const page = await answered(this.#chat.api.rooms({ roomId: this.id }).messages.get({ query }))
      batch(() => {
        // Another first page may have come meanwhile.
        if (this.messages.value[0]?.seq === before) this.messages.value = [...page.items, ...this.messages.value]
        this.hasOlder.value = page.hasMore
      })
    } catch {
      // It is asked again with the next scroll.
    } finally {
      this.isLoadingOlder.value = false
    }
  }

  send(text: string): void {
    this.newFrom.value = undefined
    this.#chat.outbox.add(this.id, text)
  }

  typing(): void {
    const now = Date.now()
    if (now - this.#typedAt < TYPING_EVERY_MS) return
    this.#typedAt = now
    this.#chat.tell('room.typing', { roomId: this.id })
  }

  /** The person has seen all that is here. */
  read(): void {
    const seq = this.messages.value.at(-1)?.seq ?? 0
    if (seq <= Math.max(this.#readSeq, this.summary.value?.readSeq ?? 0) || this.#chat.line.value !== 'connected')
      return
    this.#readSeq = seq
    this.#chat.tell('room.read', { roomId: this.id, seq })
  }

  #hear(publication: Publication) {
    switch (publication.type) {
      case 'message.created':
        return this.#take(publication.message)
      case 'typing':
        return this.#type(true)
      case 'receipt':
        return this.#mark(publication)
    }
  }

  readonly #take = (message: Message): void => {
    if (message.roomId !== this.id) return
    const isMine = message.sender?.id === this.#chat.me.value?.id
    batch(() => {
      if (!isMine) {
        this.#type(false)
        if (document.hidden) this.newFrom.value ??= message.seq
      } else if (message.clientId) this.#chat.outbox.drop(message.clientId)
      this.#arrived?.push(message)
      this.messages.value = merged(this.messages.value, [message])
    })
  }

  #type(isTyping: boolean) {
    clearTimeout(this.#typingTimer)
    this.isPeerTyping.value = isTyping
    if (isTyping) this.#typingTimer = setTimeout(() => this.#type(false), TYPING_MS)
  }

  #mark({ userId, readSeq, deliveredSeq }: Extract<Publication, { type: 'receipt' }>) {
    const room = this.summary.value
    if (!room || userId === this.#chat.me.value?.id) return
    this.#chat.inbox.mark(this.id, {
      peerReadSeq: Math.max(room.peerReadSeq, readSeq),
      peerDeliveredSeq: Math.max(room.peerDeliveredSeq, deliveredSeq),
    })
  }
}

/** In order, and what comes twice is there once. */
function merged(known: readonly Message[], more: readonly Message[]): readonly Message[] {
  const last = known.at(-1)?.seq ?? 0
  if (more.every(({ seq }, at) => seq === last + 1 + at)) return [...known, ...more]
  const bySeq = new Map([...known, ...more].map((message) => [message.seq, message]))
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq)
}

const isMissing = (error: unknown) =>
  error instanceof Error && 'code' in error && (error.code === 'not_found' || error.code === 'forbidden')
