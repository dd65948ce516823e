import { Link } from '../../../web/app/navigation.tsx'
import { personAt } from '../address.ts'
import { api, asked } from '../entrance.ts'
import { t } from '../locale/text.ts'
import { Listing } from '../parts/listing.tsx'
import { Admission, isWithin, SignOut, Standing } from '../parts/person.tsx'
import { When } from '../parts/words.tsx'

export const People = () => (
  <Listing
    title={t('people')}
    seek={t('seekPeople')}
    ask={(query) => asked(api.admin.users.get({ query }))}
    keyOf={({ id }) => id}
    empty={t('noPeople')}
    columns={(reload) => [
      {
        name: t('username'),
        cell: (person) => (
          <>
            <Link href={personAt(person.id)} dir="auto">
              {person.username}
            </Link>{' '}
            <Standing person={person} />
          </>
        ),
      },
      { name: t('email'), kind: 'wide', cell: ({ email }) => email ?? <span class="muted">{t('none')}</span> },
      { name: t('since'), cell: ({ createdAt }) => <When at={createdAt} /> },
      { name: t('lastSeen'), cell: ({ lastSeenAt }) => <When at={lastSeenAt} /> },
      {
        name: t('actions'),
        kind: 'actions',
        cell: (person) =>
          isWithin(person) && (
            <>
              <SignOut person={person} onDone={reload} />
              <Admission person={person} onDone={reload} />
            </>
          ),
      },
    ]}
  />
)
