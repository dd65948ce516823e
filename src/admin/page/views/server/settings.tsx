import { api, asked } from '../../entrance.ts'
import { t } from '../../locale/text.ts'
import { Listing } from '../../parts/listing.tsx'
import { Tag } from '../../parts/words.tsx'

/** What the server runs with, and where each setting comes from. */
export const Settings = () => (
  <Listing
    title={t('settings')}
    hint={t('settingsHint')}
    ask={() => asked(api.admin.settings.get())}
    keyOf={({ key }) => key}
    empty={t('none')}
    columns={() => [
      { name: t('setting'), cell: ({ key }) => <code>{key}</code> },
      {
        name: t('value'),
        cell: ({ value }) => (value ? <code>{value}</code> : <span class="muted">{t('none')}</span>),
      },
      {
        name: t('source'),
        cell: ({ source }) =>
          source === 'default' ? <span class="muted">{source}</span> : <Tag kind="good">{source}</Tag>,
      },
      { name: t('meaning'), kind: 'wide', cell: ({ description }) => <Marked text={description} /> },
    ]}
  />
)

/** As in the documentation: `code` between backticks. */
const Marked = ({ text }: { text: string }) => (
  <>{text.split('`').map((part, at) => (at % 2 === 1 ? <code key={part}>{part}</code> : part))}</>
)
