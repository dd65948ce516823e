import type { AuditAction } from '../../../audit/model.ts'
import { Link } from '../../../web/app/navigation.tsx'
import type { AuditEntry } from '../../model.ts'
import { personAt, productAt, roomAt } from '../address.ts'
import { api, asked } from '../entrance.ts'
import { type TextKey, t } from '../locale/text.ts'
import { Listing } from '../parts/listing.tsx'
import { PersonLink, When } from '../parts/words.tsx'

/** Who did what, and when. */
export const Audit = () => (
  <Listing
    title={t('audit')}
    hint={t('auditHint')}
    ask={(query) => asked(api.admin.audit.get({ query }))}
    keyOf={({ id }) => id}
    empty={t('noAudit')}
    columns={() => [
      { name: t('when'), cell: ({ at }) => <When at={at} isExact /> },
      { name: t('who'), cell: ({ actor }) => <Actor actor={actor} /> },
      { name: t('what'), cell: ({ action }) => (isKnown(action) ? t(DEEDS[action]) : action) },
      { name: t('whom'), kind: 'wide', cell: ({ target }) => <Target target={target} /> },
      { name: t('details'), cell: ({ details }) => detailsOf(details) },
    ]}
  />
)

const Actor = ({ actor: { kind, id, name } }: { actor: AuditEntry['actor'] }) => {
  if (kind === 'cli') return t('commandLine')
  if (kind === 'key') return `${t('key')} ${name ?? id}`
  return <PersonLink person={{ id: id ?? '', username: name ?? id ?? '' }} />
}

const Target = ({ target: { kind, id, name } }: { target: AuditEntry['target'] }) => {
  if (kind === 'user') return <Link href={personAt(id)}>{name ?? id}</Link>
  if (kind === 'product') return <Link href={productAt(id)}>{`${t('product')} ${id}`}</Link>
  if (kind === 'room') return <Link href={roomAt(id)}>{`${t('room')} #${id}`}</Link>
  return (
    <>
      {t(kind)} <code>{name ?? id}</code>
    </>
  )
}

const detailsOf = (details: AuditEntry['details']) =>
  Object.entries(details)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ')

const DEEDS: Record<AuditAction, TextKey> = {
  'admin.link': 'didLink',
  'admin.sign_in': 'didSignIn',
  'user.create': 'didCreateUser',
  'user.change': 'didChangeUser',
  'user.disable': 'didDisable',
  'user.enable': 'didEnable',
  'user.role': 'didRole',
  'user.password': 'didPassword',
  'user.sign_out': 'didSignOut',
  'user.export': 'didExport',
  'user.erase': 'didErase',
  'room.read': 'didRead',
  'product.archive': 'didArchive',
  'key.create': 'didCreateKey',
  'key.revoke': 'didRevokeKey',
  'session.end': 'didEndSession',
}
const isKnown = (action: string): action is AuditAction => Object.hasOwn(DEEDS, action)
