import type { ComponentChildren } from 'preact'
import type { Peer } from '../../../users/model.ts'
import { Link } from '../../../web/app/navigation.tsx'
import { momentOf } from '../../../web/locale/dates.ts'
import { personAt } from '../address.ts'
import { t } from '../locale/text.ts'

interface WhenProps {
  at: string | null
  /** To the second. */
  isExact?: boolean
}

/** When something was; nothing where it was not. */
export const When = ({ at, isExact = false }: WhenProps) =>
  at === null ? (
    <span class="muted">{t('never')}</span>
  ) : (
    <time dateTime={at} title={momentOf(at, 'medium')}>
      {momentOf(at, isExact ? 'medium' : 'short')}
    </time>
  )

export const PersonLink = ({ person: { id, username } }: { person: Peer }) => (
  <Link href={personAt(id)} dir="auto">
    {username}
  </Link>
)

export const Tag = ({ kind, children }: { kind?: 'good' | 'bad'; children: string }) => (
  <span class={kind ? `tag ${kind}` : 'tag'}>{children}</span>
)

/** In a `<dl>`. */
export const Fact = ({ name, children }: { name: string; children: ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
)
