import { useSignal } from '@preact/signals'
import type { AdminUser } from '../../model.ts'
import { api, asked } from '../entrance.ts'
import { t } from '../locale/text.ts'
import { Loaded } from '../parts/loaded.tsx'
import { Admission, isWithin, Roles, SignOut, Standing } from '../parts/person.tsx'
import { Fact, When } from '../parts/words.tsx'
import { Rooms } from './rooms.tsx'
import { Sessions } from './sessions.tsx'

/** A person, and what they have here. */
export const Person = ({ userId }: { userId: string }) => {
  const changes = useSignal(0)
  return (
    <Loaded ask={() => asked(api.admin.users({ userId: encodeURIComponent(userId) }).get())}>
      {(person, reload) => (
        <>
          <header class="view-head">
            <h1 dir="auto">{person.username}</h1>
            <Standing person={person} />
          </header>
          <About person={person} />
          <Deeds
            person={person}
            onDone={() => {
              changes.value += 1
              reload()
            }}
          />
          <Rooms userId={person.id} />
          <Sessions key={changes.value} userId={person.id} />
        </>
      )}
    </Loaded>
  )
}

const Deeds = ({ person, onDone }: { person: AdminUser; onDone: () => void }) =>
  isWithin(person) ? (
    <p class="deeds">
      <Roles person={person} onDone={onDone} />
      <SignOut person={person} onDone={onDone} />
      <Admission person={person} onDone={onDone} />
    </p>
  ) : (
    <p class="muted hint">{t(person.erasedAt ? 'erasedHint' : 'ownHint')}</p>
  )

const About = ({ person }: { person: AdminUser }) => (
  <dl class="facts">
    <Fact name={t('id')}>
      <code>{person.id}</code>
    </Fact>
    <Fact name={t('email')}>{person.email ?? t('none')}</Fact>
    <Fact name={t('signsIn')}>{t(person.hasPassword ? 'byPassword' : 'byToken')}</Fact>
    <Fact name={t('since')}>
      <When at={person.createdAt} />
    </Fact>
    <Fact name={t('lastSeen')}>
      <When at={person.lastSeenAt} />
    </Fact>
    {person.disabledAt && (
      <Fact name={t('disabledSince')}>
        <When at={person.disabledAt} />
      </Fact>
    )}
  </dl>
)
