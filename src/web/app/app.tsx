import { useEffect } from 'preact/hooks'
import type { Chat } from '../chat/chat.ts'
import { RoomView } from '../conversation/room-view.tsx'
import { locale, t } from '../locale/text.ts'
import { Account } from '../pages/account.tsx'
import { Browse } from '../pages/browse.tsx'
import { Offer } from '../pages/offer.tsx'
import { SignIn } from '../pages/sign-in.tsx'
import { Avatar } from '../ui/avatar.tsx'
import { LineState } from '../ui/line.tsx'
import { Empty, Failed } from '../ui/states.tsx'
import { InboxPane } from './inbox-pane.tsx'
import { Link, path } from './navigation.tsx'
import { begin, session } from './session.ts'

/** Everything, by whether one is somebody. */
export const App = () => {
  useEffect(() => {
    document.documentElement.lang = locale.value
  }, [locale.value])
  const { value } = session
  switch (value.state) {
    case 'loading':
      return <main class="gate" aria-busy="true" />
    case 'offline':
      return <Offline />
    case 'out':
      return <SignIn notice={value.notice} />
    case 'in':
      // Nothing that one person sees or writes is left for the next one.
      return <Shell key={value.chat.me.value?.id} chat={value.chat} />
  }
}

/** How often a server that was away is looked for. */
const RETRY_MS = 5000

/** The page is there without a server: the browser has kept it. */
const Offline = () => {
  useEffect(() => {
    addEventListener('online', begin)
    const timer = setInterval(begin, RETRY_MS)
    return () => {
      removeEventListener('online', begin)
      clearInterval(timer)
    }
  }, [])
  return (
    <main class="gate">
      <Failed
        title={navigator.onLine ? t('serverAway') : t('offlineTitle')}
        hint={navigator.onLine ? t('unreachable') : t('offlineHint')}
        onRetry={() => void begin()}
      />
    </main>
  )
}

const Shell = ({ chat }: { chat: Chat }) => {
  const isInbox = path.value === '/'
  return (
    <div class={isInbox ? 'shell at-inbox' : 'shell at-page'}>
      <a class="skip" href="#main">
        {t('skip')}
      </a>
      <LineState chat={chat} />
      <aside class="side">
        <TopBar chat={chat} />
        <InboxPane chat={chat} />
      </aside>
      <main id="main" tabIndex={-1}>
        <Main chat={chat} />
      </main>
    </div>
  )
}

const TopBar = ({ chat }: { chat: Chat }) => {
  const { id = '', username = '' } = chat.me.value ?? {}
  return (
    <header class="top-bar">
      <Link class="brand" href="/">
        <img src="/icon.svg" alt="" width="28" height="28" /> Parley
      </Link>
      <Link class="top-link" href="/browse">
        {t('browse')}
      </Link>
      <Link class="top-account" href="/account" aria-label={t('account')}>
        <Avatar id={id} name={username} />
      </Link>
    </header>
  )
}

const Main = ({ chat }: { chat: Chat }) => {
  const [, page, id] = path.value.split('/')
  switch (page) {
    case '':
      return (
        <Empty title={t('noRoom')} hint={t('noRoomHint')}>
          <Link class="button" href="/browse">
            {t('browse')}
          </Link>
        </Empty>
      )
    case 'rooms':
      return <RoomView key={id} chat={chat} roomId={Number(id)} back={<Back />} home={<Home />} />
    case 'browse':
      return (
        <Framed>
          <Browse chat={chat} />
        </Framed>
      )
    case 'offer':
      return (
        <Framed>
          <Offer chat={chat} />
        </Framed>
      )
    case 'account':
      return (
        <Framed>
          <Account chat={chat} />
        </Framed>
      )
    default:
      return (
        <Empty title={t('notFound')} hint={t('notFoundHint')}>
          <Home />
        </Empty>
      )
  }
}

const Home = () => (
  <Link class="button" href="/">
    {t('toInbox')}
  </Link>
)

const Back = () => (
  <Link class="icon back" href="/" aria-label={t('back')}>
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <path d="M15 5 8 12l7 7" />
    </svg>
  </Link>
)

const Framed = ({ children }: { children: preact.ComponentChildren }) => (
  <>
    <div class="phone-bar">
      <Back />
    </div>
    {children}
  </>
)
