import { Fragment } from 'preact'
import { memo } from 'preact/compat'
import type { Message } from '../../messages/model.ts'
import type { RoomSummary } from '../../rooms/model.ts'
import type { Chat } from '../chat/chat.ts'
import type { Room } from '../chat/room.ts'
import { dayOf, isSameDay } from '../locale/dates.ts'
import { t } from '../locale/text.ts'
import { Bubble, type Reach, UnsentBubble } from './bubble.tsx'
import { useScroll } from './scroll.ts'

/** Messages of one person so close together are one group. */
const GROUP_MS = 5 * 60 * 1000

interface TimelineProps {
  chat: Chat
  room: Room
  summary: RoomSummary
  peerName: string
}

/** All that was said: history loads by itself above, what is new comes below, and what one reads stays where it is. */
export const Timeline = ({ chat, room, summary, peerName }: TimelineProps) => {
  const messages = room.messages.value
  const myId = chat.me.value?.id
  const { view, isAtEnd, toEnd, onScroll } = useScroll(room)
  return (
    <div class="timeline-box">
      <div
        class="timeline"
        ref={view}
        onScroll={onScroll}
        role="log"
        aria-label={t('messages')}
        aria-busy={room.isLoadingOlder.value}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: so that it can be scrolled by the keyboard
        tabIndex={0}
      >
        <p class="note start" aria-live="off">
          {room.isLoadingOlder.value ? t('loadingOlder') : room.hasOlder.value ? '' : t('start')}
        </p>
        {messages.map((message, at) => (
          <Entry
            key={message.seq}
            message={message}
            before={messages[at - 1]}
            after={messages[at + 1]}
            isNew={room.newFrom.value === message.seq}
            isMine={message.sender !== null && message.sender.id === myId}
            reach={reachOf(message, summary)}
          />
        ))}
        {room.unsent.value.map((message) => (
          <UnsentBubble
            key={message.clientId}
            message={message}
            onAgain={() => chat.outbox.again(message.clientId)}
            onDrop={() => chat.outbox.drop(message.clientId)}
          />
        ))}
        {room.isPeerTyping.value && <p class="writing">{t('typing', { name: peerName })}</p>}
      </div>
      {!isAtEnd.value && (
        <button type="button" class="to-newest" onClick={toEnd}>
          {summary.unread > 0 ? t('unread', { count: summary.unread }) : t('toNewest')} ↓
        </button>
      )}
    </div>
  )
}

interface EntryProps {
  message: Message
  before: Message | undefined
  after: Message | undefined
  isNew: boolean
  isMine: boolean
  reach: Reach
}

const Entry = memo(({ message, before, after, isNew, isMine, reach }: EntryProps) => {
  const isNewDay = !before || !isSameDay(before.createdAt, message.createdAt)
  return (
    <Fragment>
      {isNewDay && <h3 class="day">{dayOf(message.createdAt)}</h3>}
      {isNew && <h3 class="new">{t('newMessages')}</h3>}
      <Bubble
        message={message}
        isMine={isMine}
        isNext={!isNew && isGroup(before, message)}
        isLast={!isGroup(message, after)}
        reach={isMine ? reach : undefined}
      />
    </Fragment>
  )
})

function isGroup(a: Message | undefined, b: Message | undefined): boolean {
  if (!a || !b || a.sender?.id !== b.sender?.id || a.kind === 'system' || b.kind === 'system') return false
  return Date.parse(b.createdAt) - Date.parse(a.createdAt) < GROUP_MS && isSameDay(a.createdAt, b.createdAt)
}

function reachOf({ seq }: Message, { peerReadSeq, peerDeliveredSeq }: RoomSummary): Reach {
  if (seq <= peerReadSeq) return 'read'
  return seq <= peerDeliveredSeq ? 'delivered' : 'sent'
}
