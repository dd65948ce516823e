import { useSignal } from '@preact/signals'
import type { Scope } from '../../../keys/model.ts'
import { Field, Form } from '../../../web/pages/form.tsx'
import type { AdminKey, KeyGrant } from '../../model.ts'
import { api, asked } from '../entrance.ts'
import { type TextKey, t } from '../locale/text.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Listing } from '../parts/listing.tsx'
import { NewSecret } from '../parts/secret.tsx'
import { Tag, When } from '../parts/words.tsx'

const SCOPES = {
  users: 'scopeUsers',
  products: 'scopeProducts',
  rooms: 'scopeRooms',
  messages: 'scopeMessages',
  privacy: 'scopePrivacy',
} as const satisfies Record<Scope, TextKey>
const isScope = (name: string): name is Scope => Object.hasOwn(SCOPES, name)

export const Keys = () => (
  <Listing
    title={t('keys')}
    hint={t('keysHint')}
    ask={() => asked(api.admin.keys.get())}
    keyOf={({ id }) => id}
    empty={t('noKeys')}
    columns={(reload) => [
      {
        name: t('name'),
        cell: ({ name, revokedAt }) => (
          <>
            <span dir="auto">{name}</span> {revokedAt && <Tag kind="bad">{t('revoked')}</Tag>}
          </>
        ),
      },
      { name: t('scopes'), kind: 'wide', cell: ({ scopes }) => scopes.join(', ') },
      { name: t('since'), cell: ({ createdAt }) => <When at={createdAt} /> },
      { name: t('lastUsed'), cell: ({ lastUsedAt }) => <When at={lastUsedAt} /> },
      {
        name: t('actions'),
        kind: 'actions',
        cell: (key) => key.revokedAt === null && <Revoke serverKey={key} onDone={reload} />,
      },
    ]}
  >
    {(reload) => <NewKey onDone={reload} />}
  </Listing>
)

const NewKey = ({ onDone }: { onDone: () => void }) => {
  const made = useSignal<KeyGrant | undefined>(undefined)
  if (made.value) {
    const { key, name } = made.value
    return (
      <NewSecret
        name={t('keyMade', { name })}
        secret={key}
        onSeen={() => {
          made.value = undefined
        }}
      />
    )
  }
  return (
    <details class="new-key">
      <summary>{t('makeKey')}</summary>
      <Form
        action={t('makeKey')}
        onSubmit={async ({ name = '', ...checked }) => {
          made.value = await asked(api.admin.keys.post({ name, scopes: Object.keys(checked).filter(isScope) }))
          onDone()
        }}
      >
        <Field label={t('name')} name="name" hint={t('keyNameHint')} maxLength={50} autocomplete="off" required />
        <fieldset>
          <legend>{t('scopesHint')}</legend>
          {Object.entries(SCOPES).map(([scope, text]) => (
            <label key={scope} class="check">
              <input type="checkbox" name={scope} /> <code>{scope}</code> {t(text)}
            </label>
          ))}
        </fieldset>
      </Form>
    </details>
  )
}

const Revoke = ({ serverKey: { id, name }, onDone }: { serverKey: AdminKey; onDone: () => void }) => (
  <Confirm
    action={t('revoke')}
    to={name}
    means={t('revokeMeans')}
    act={() => asked(api.admin.keys({ keyId: id }).delete())}
    onDone={onDone}
  />
)
