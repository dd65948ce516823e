import type { ComponentChildren } from 'preact'
import { useEffect, useMemo } from 'preact/hooks'
import type { Product } from '../../products/model.ts'
import type { RoomSummary } from '../../rooms/model.ts'
import { type Chat, peerIn } from '../chat/chat.ts'
import { Room } from '../chat/room.ts'
import { agoOf, moneyOf } from '../locale/dates.ts'
import { isolated, t } from '../locale/text.ts'
import { Avatar } from '../ui/avatar.tsx'
import { Picture } from '../ui/picture.tsx'
import { Empty, Failed, Loading } from '../ui/states.tsx'
import { Composer } from './composer.tsx'
import { Timeline } from './timeline.tsx'

interface RoomViewProps {
  chat: Chat
  roomId: number
  /** What leads away from it. */
  back?: ComponentChildren
  /** The same where there is no such room. */
  home?: ComponentChildren
}

/** A conversation: with whom, about what, what was said, and where one writes. */
export const RoomView = ({ chat, roomId, back, home }: RoomViewProps) => {
  const room = useMemo(() => new Room(chat, roomId), [chat, roomId])
  useEffect(() => () => room.close(), [room])
  const me = chat.me.value
  const summary = room.summary.value
  const state = room.state.value
  if (state === 'missing')
    return (
      <Empty title={t('roomMissing')} hint={t('roomMissingHint')}>
        {home}
      </Empty>
    )
  if (state === 'failed') return <Failed title={t('roomFailed')} onRetry={() => room.load()} />
  return (
    <section class="room" aria-label={summary && `${peerIn(summary).username}, ${summary.product.title}`}>
      {summary ? (
        <Head chat={chat} summary={summary} back={back} isTyping={room.isPeerTyping.value} />
      ) : (
        <header class="room-head">{back}</header>
      )}
      {summary && <ProductStrip chat={chat} product={summary.product} />}
      {summary && state === 'ready' ? (
        <Body chat={chat} room={room} summary={summary} />
      ) : (
        <Loading rows={6} kind="bubble" />
      )}
      {me && (
        <Composer
          key={`${me.id} ${roomId}`}
          draft={`draft:${me.id}:${roomId}`}
          onSend={(text) => room.send(text)}
          onTyping={() => room.typing()}
        />
      )}
    </section>
  )
}

const Body = ({ chat, room, summary }: { chat: Chat; room: Room; summary: RoomSummary }) => {
  const { username } = peerIn(summary)
  const isEmpty = room.messages.value.length === 0 && room.unsent.value.length === 0 && !room.isPeerTyping.value
  if (isEmpty)
    return (
      <Empty
        title={t('roomEmpty')}
        hint={t('roomEmptyHint', { name: isolated(username), title: isolated(summary.product.title) })}
      />
    )
  return <Timeline chat={chat} room={room} summary={summary} peerName={username} />
}

interface HeadProps {
  chat: Chat
  summary: RoomSummary
  back: ComponentChildren
  isTyping: boolean
}

const Head = ({ chat, summary, back, isTyping }: HeadProps) => {
  const peer = peerIn(summary)
  const { online, lastSeenAt } = chat.people.statuses.value.get(peer.id) ?? {}
  const status = online ? t('online') : lastSeenAt ? t('seenAt', { when: agoOf(lastSeenAt) }) : ''
  return (
    <header class="room-head">
      {back}
      <Avatar id={peer.id} name={peer.username} online={online} />
      <div class="who">
        <h1 dir="auto">{peer.username}</h1>
        <p class="muted">{isTyping ? t('typing', { name: peer.username }) : status}</p>
      </div>
    </header>
  )
}

/** What the conversation is about. */
const ProductStrip = ({ chat, product }: { chat: Chat; product: Product }) => {
  const { title, priceMinor, currency, url, archivedAt } = product
  return (
    <div class="product-strip">
      <Picture chat={chat} product={product} />
      <div class="about">
        <p class="title" dir="auto">
          {title}
        </p>
        <p class="muted">
          {archivedAt ? t('archived') : priceMinor !== null && currency !== null ? moneyOf(priceMinor, currency) : ''}
        </p>
      </div>
      {url && (
        <a class="link" href={url} target="_blank" rel="noopener noreferrer">
          {t('productLink')}
        </a>
      )}
    </div>
  )
}
