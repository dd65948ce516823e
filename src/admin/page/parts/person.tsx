import type { AdminUser } from '../../model.ts'
import { api, asked, entrance } from '../entrance.ts'
import { t } from '../locale/text.ts'
import { Confirm } from './confirm.tsx'
import { Tag } from './words.tsx'

interface Deed {
  person: AdminUser
  onDone: () => void
}

/** What is to be known of a person before anything else. */
export const Standing = ({ person: { role, disabledAt, erasedAt } }: { person: AdminUser }) => (
  <>
    {role !== 'user' && <Tag>{t(role)}</Tag>}
    {erasedAt ? <Tag kind="bad">{t('erased')}</Tag> : disabledAt && <Tag kind="bad">{t('disabled')}</Tag>}
  </>
)

/** What may be done about them: nothing to oneself, and nothing to whoever is erased. */
export const isWithin = ({ id, erasedAt }: AdminUser): boolean =>
  erasedAt === null && entrance.value.state === 'in' && entrance.value.me.id !== id

const routesOf = ({ id }: AdminUser) => api.admin.users({ userId: encodeURIComponent(id) })

export const Admission = ({ person, onDone }: Deed) => {
  const isOut = person.disabledAt !== null
  return (
    <Confirm
      action={t(isOut ? 'enable' : 'disable')}
      to={person.username}
      means={t(isOut ? 'enableMeans' : 'disableMeans')}
      isMild={isOut}
      act={() => asked(routesOf(person).disabled.put({ disabled: !isOut }))}
      onDone={onDone}
    />
  )
}

export const SignOut = ({ person, onDone }: Deed) => (
  <Confirm
    action={t('signOutEverywhere')}
    to={person.username}
    means={t('signOutMeans')}
    act={() => asked(routesOf(person)['sign-out'].post())}
    onDone={onDone}
  />
)

const ROLES = {
  user: { action: 'makeUser', means: 'userMeans' },
  moderator: { action: 'makeModerator', means: 'moderatorMeans' },
  admin: { action: 'makeAdmin', means: 'adminMeans' },
} as const

export const Roles = ({ person, onDone }: Deed) => (
  <>
    {(['user', 'moderator', 'admin'] as const)
      .filter((role) => role !== person.role)
      .map((role) => (
        <Confirm
          key={role}
          action={t(ROLES[role].action)}
          to={person.username}
          means={t(ROLES[role].means)}
          isMild
          act={() => asked(routesOf(person).role.put({ role }))}
          onDone={onDone}
        />
      ))}
  </>
)
