import { useSignal } from '@preact/signals'
import type { Role, RoomSummary } from '../../rooms/model.ts'
import { type Chat, peerIn } from '../chat/chat.ts'
import { readKept } from '../chat/kept.ts'
import { shortOf } from '../locale/dates.ts'
import { t } from '../locale/text.ts'
import { Avatar } from '../ui/avatar.tsx'
import { Empty, Failed, Loading } from '../ui/states.tsx'
import { Link, path } from './navigation.tsx'

const TABS = { customer: 'renting', owner: 'rentingOut' } as const

/** The conversations, newest first: of what one rents, and of what one rents out. */
export const InboxPane = ({ chat }: { chat: Chat }) => {
  const chosen = useSignal<Role | undefined>(undefined)
  const role = chosen.value ?? roleOf(chat)
  return (
    <nav class="inbox" aria-label={t('conversations')}>
      <div class="tabs" role="tablist">
        {(['customer', 'owner'] as const).map((each) => (
          <Tab
            key={each}
            chat={chat}
            role={each}
            isChosen={role === each}
            onChoose={() => {
              chosen.value = each
            }}
          />
        ))}
      </div>
      <Rooms chat={chat} role={role} />
    </nav>
  )
}

/** Until one chooses: the side of the open room, or the one where something is. */
function roleOf({ inbox: { rooms, listed } }: Chat): Role {
  const open = rooms.value.get(Number(path.value.split('/')[2]))
  if (open) return open.role
  return listed.customer.value.length === 0 && listed.owner.value.length > 0 ? 'owner' : 'customer'
}

interface TabProps {
  chat: Chat
  role: Role
  isChosen: boolean
  onChoose: () => void
}

const Tab = ({ chat, role, isChosen, onChoose }: TabProps) => {
  const unread = chat.inbox.listed[role].value.reduce((sum, room) => sum + room.unread, 0)
  return (
    <button
      type="button"
      role="tab"
      id={`tab-${role}`}
      aria-selected={isChosen}
      aria-controls="rooms"
      tabIndex={isChosen ? 0 : -1}
      onClick={onChoose}
      onKeyDown={({ key, currentTarget }) => {
        if (key !== 'ArrowLeft' && key !== 'ArrowRight') return
        const other = currentTarget.parentElement?.querySelector<HTMLElement>('[aria-selected="false"]')
        other?.click()
        other?.focus()
      }}
    >
      {t(TABS[role])}
      {unread > 0 && <Badge count={unread} />}
    </button>
  )
}

const Badge = ({ count }: { count: number }) => (
  <span class="badge">
    <span aria-hidden="true">{count > 99 ? '99+' : count}</span>
    <span class="visually-hidden">{t('unread', { count })}</span>
  </span>
)

const Rooms = ({ chat, role }: { chat: Chat; role: Role }) => {
  const rooms = chat.inbox.listed[role].value
  const { state, nextCursor } = chat.inbox.shelves[role].value
  return (
    <div id="rooms" role="tabpanel" aria-labelledby={`tab-${role}`} class="rooms">
      {rooms.length > 0 && (
        <ul>
          {rooms.map((room) => (
            <Row key={room.id} chat={chat} room={room} />
          ))}
        </ul>
      )}
      {rooms.length === 0 && state === 'loading' && <Loading rows={5} kind="row" />}
      {rooms.length === 0 && state === 'ready' && <NoRooms role={role} />}
      {state === 'failed' && <Failed title={t('inboxFailed')} onRetry={() => void chat.inbox.load()} />}
      {state === 'ready' && nextCursor !== null && (
        <button type="button" class="link more" onClick={() => void chat.inbox.loadMore(role)}>
          {t('more')}
        </button>
      )}
    </div>
  )
}

const NoRooms = ({ role }: { role: Role }) =>
  role === 'customer' ? (
    <Empty title={t('noRenting')} hint={t('noRentingHint')}>
      <Link class="button" href="/browse">
        {t('browse')}
      </Link>
    </Empty>
  ) : (
    <Empty title={t('noRentingOut')} hint={t('noRentingOutHint')}>
      <Link class="button" href="/offer">
        {t('offer')}
      </Link>
    </Empty>
  )

const Row = ({ chat, room }: { chat: Chat; room: RoomSummary }) => {
  const peer = peerIn(room)
  const { lastMessage, unread, product, lastActivityAt } = room
  return (
    <li>
      <Link class={unread > 0 ? 'row unread' : 'row'} href={`/rooms/${room.id}`}>
        <Avatar id={peer.id} name={peer.username} online={chat.people.statuses.value.get(peer.id)?.online} />
        <span class="row-text">
          <span class="row-head">
            <b dir="auto">{peer.username}</b>
            <time dateTime={lastActivityAt}>{shortOf(lastActivityAt)}</time>
          </span>
          <span class="row-product" dir="auto">
            {product.title}
          </span>
          <span class="row-last" dir="auto">
            {lastWords(chat, room, lastMessage)}
          </span>
        </span>
        {unread > 0 && <Badge count={unread} />}
      </Link>
    </li>
  )
}

function lastWords(chat: Chat, { id }: RoomSummary, message: RoomSummary['lastMessage']): string {
  const myId = chat.me.value?.id ?? ''
  const draft = path.value === `/rooms/${id}` ? undefined : readKept(`draft:${myId}:${id}`)
  if (draft) return `${t('draft')}: ${draft}`
  if (!message) return ''
  if (message.kind === 'deleted') return t('deleted')
  return message.sender?.id === myId ? `${t('you')}: ${message.text}` : message.text
}
