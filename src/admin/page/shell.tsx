import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Link, path } from '../../web/app/navigation.tsx'
import { useAttempt } from '../../web/pages/form.tsx'
import { Looks } from '../../web/pages/looks.tsx'
import { Empty } from '../../web/ui/states.tsx'
import { placeOf } from './address.ts'
import { entrance, signOut } from './entrance.ts'
import { Gate } from './gate.tsx'
import { locale, type TextKey, t } from './locale/text.ts'
import { Audit } from './views/audit.tsx'
import { Keys } from './views/keys.tsx'
import { People } from './views/people.tsx'
import { Person } from './views/person.tsx'
import { Products } from './views/products.tsx'
import { Room } from './views/room.tsx'
import { Rooms } from './views/rooms.tsx'
import { Errors } from './views/server/errors.tsx'
import { Overview } from './views/server/overview.tsx'
import { Settings } from './views/server/settings.tsx'
import { Sessions } from './views/sessions.tsx'

interface View {
  name: TextKey
  all: () => ComponentChildren
  /** One of them, by its id. */
  one?: (id: string) => ComponentChildren
}

/** By what stands in the address after `/admin/`, in the order of the navigation. */
const VIEWS: Record<string, View> = {
  '': { name: 'overview', all: () => <Overview /> },
  people: { name: 'people', all: () => <People />, one: (id) => <Person key={id} userId={id} /> },
  rooms: { name: 'rooms', all: () => <Rooms />, one: (id) => <Room key={id} roomId={id} /> },
  products: { name: 'products', all: () => <Products />, one: (id) => <Rooms key={id} productId={id} /> },
  sessions: { name: 'sessions', all: () => <Sessions /> },
  keys: { name: 'keys', all: () => <Keys /> },
  audit: { name: 'audit', all: () => <Audit /> },
  errors: { name: 'errors', all: () => <Errors /> },
  settings: { name: 'settings', all: () => <Settings /> },
}

/** Everything, by whether one is an admin. */
export const Console = () => {
  useEffect(() => {
    document.documentElement.lang = locale.value
  }, [locale.value])
  const { value } = entrance
  return value.state === 'in' ? <Shell name={value.me.username} /> : <Gate entrance={value} />
}

const Shell = ({ name }: { name: string }) => {
  const main = useRef<HTMLElement>(null)
  const { view: place, id } = placeOf(path.value)
  const view = VIEWS[place]
  const isFirst = useRef(true)
  useEffect(() => {
    document.title = `${view ? t(view.name) : t('notFound')} · Parley`
  }, [view, locale.value])
  useEffect(() => {
    // Who goes on by keyboard goes on in the new view.
    if (!isFirst.current) main.current?.focus()
    isFirst.current = false
  }, [path.value])
  return (
    <div class="console">
      <a class="skip" href="#main">
        {t('skipToView')}
      </a>
      <header class="console-head">
        <Link class="brand" href="/admin">
          <img src="/icon.svg" alt="" width="28" height="28" /> {t('consoleOf')}
        </Link>
        <Menu place={place} />
        <Self name={name} />
      </header>
      <main id="main" class="view" tabIndex={-1} ref={main}>
        {(id ? view?.one?.(id) : view?.all()) ?? <Missing />}
      </main>
    </div>
  )
}

const Menu = ({ place }: { place: string }) => {
  const menu = useRef<HTMLElement>(null)
  // On a phone it is wider than the screen.
  useEffect(() => menu.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' }), [place])
  return (
    <nav class="menu" aria-label={t('console')} ref={menu}>
      {Object.entries(VIEWS).map(([each, { name }]) => (
        <Link key={each} href={each ? `/admin/${each}` : '/admin'} aria-current={each === place ? 'page' : undefined}>
          {t(name)}
        </Link>
      ))}
    </nav>
  )
}

const Self = ({ name }: { name: string }) => {
  const { isBusy, attempt } = useAttempt()
  return (
    <details class="self">
      <summary dir="auto">{name}</summary>
      <Looks />
      <p class="self-ways">
        <a href="/">{t('toChat')}</a>
        <button type="button" class="link" disabled={isBusy.value} onClick={() => void attempt(signOut)}>
          {t('signOut')}
        </button>
      </p>
    </details>
  )
}

const Missing = () => (
  <Empty title={t('notFound')} hint={t('notFoundHint')}>
    <Link class="button" href="/admin">
      {t('overview')}
    </Link>
  </Empty>
)
