import { api, asked } from '../../entrance.ts'
import { t } from '../../locale/text.ts'
import { Listing } from '../../parts/listing.tsx'
import { Tag, When } from '../../parts/words.tsx'

/** What the log has warned of lately. */
export const Errors = () => (
  <Listing
    title={t('errors')}
    hint={t('errorsHint')}
    ask={async () => {
      const { items } = await asked(api.admin.errors.get())
      return { items: items.map((line, at) => ({ ...line, at })) }
    }}
    keyOf={({ at }) => at}
    empty={t('noErrors')}
    columns={() => [
      { name: t('when'), cell: ({ time }) => <When at={time} isExact /> },
      { name: t('level'), cell: ({ level }) => <Tag {...(level === 'error' ? { kind: 'bad' } : {})}>{level}</Tag> },
      { name: t('event'), cell: ({ event }) => <code>{event}</code> },
      {
        name: t('details'),
        kind: 'wide',
        cell: ({ fields }) => (
          <dl class="fields">
            {Object.entries(fields).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt> <dd>{value}</dd>
              </div>
            ))}
          </dl>
        ),
      },
    ]}
  />
)
