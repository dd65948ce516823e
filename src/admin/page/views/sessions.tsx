import type { AdminSession } from '../../model.ts'
import { api, asked } from '../entrance.ts'
import { t } from '../locale/text.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Listing } from '../parts/listing.tsx'
import { PersonLink, Tag, When } from '../parts/words.tsx'

/** All sessions, or those of a person. */
export const Sessions = ({ userId }: { userId?: string }) => (
  <Listing
    title={t('sessions')}
    isPart={userId !== undefined}
    hint={t('sessionsHint')}
    ask={(query) => asked(api.admin.sessions.get({ query: { ...query, ...(userId === undefined ? {} : { userId }) } }))}
    keyOf={({ id }) => id}
    empty={t('noSessions')}
    columns={(reload) => [
      {
        name: t('id'),
        cell: ({ id, current }) => (
          <>
            <code>{id}</code> {current && <Tag>{t('thisOne')}</Tag>}
          </>
        ),
      },
      ...(userId === undefined
        ? [{ name: t('person'), cell: ({ user }: AdminSession) => <PersonLink person={user} /> }]
        : []),
      { name: t('since'), cell: ({ createdAt }) => <When at={createdAt} /> },
      { name: t('lastUsed'), cell: ({ lastUsedAt }) => <When at={lastUsedAt} /> },
      { name: t('ends'), cell: ({ expiresAt }) => <When at={expiresAt} /> },
      {
        name: t('actions'),
        kind: 'actions',
        cell: (session) => !session.current && <End session={session} onDone={reload} />,
      },
    ]}
  />
)

const End = ({ session: { id, user }, onDone }: { session: AdminSession; onDone: () => void }) => (
  <Confirm
    action={t('endSession')}
    to={`${user.username} · ${id}`}
    means={t('endSessionMeans')}
    act={() => asked(api.admin.sessions({ sessionId: id }).delete())}
    onDone={onDone}
  />
)
