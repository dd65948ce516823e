import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { User } from '../../users/model.ts'
import { askForNotifications, notifications } from '../app/attention.ts'
import { signOut } from '../app/session.ts'
import { answered } from '../chat/api.ts'
import type { Chat } from '../chat/chat.ts'
import { t } from '../locale/text.ts'
import { Failed, Loading } from '../ui/states.tsx'
import { Field, Form } from './form.tsx'
import { Looks } from './looks.tsx'

type Loaded = { user: User; hidden: boolean }

/** Oneself, and how the app is to be. */
export const Account = ({ chat }: { chat: Chat }) => {
  const loaded = useSignal<Loaded | 'loading' | 'failed'>('loading')
  const load = async () => {
    try {
      const [user, { hidden }] = await Promise.all([answered(chat.api.me.get()), answered(chat.api.me.presence.get())])
      loaded.value = { user, hidden }
    } catch {
      loaded.value = 'failed'
    }
  }
  useEffect(() => void load(), [])
  return (
    <section class="page narrow">
      <h1>{t('account')}</h1>
      {loaded.value === 'loading' && <Loading rows={4} kind="row" />}
      {loaded.value === 'failed' && <Failed title={t('account')} onRetry={load} />}
      {typeof loaded.value === 'object' && <Person chat={chat} {...loaded.value} />}
      <Looks />
      <Notifications />
      <p>
        <button type="button" class="button quiet" onClick={() => void signOut().catch(() => {})}>
          {t('signOut')}
        </button>
      </p>
    </section>
  )
}

const Person = ({ chat, user, hidden }: Loaded & { chat: Chat }) => {
  const saved = useSignal('')
  const hides = useSignal(hidden)
  const hide = async (next: boolean) => {
    hides.value = next
    await answered(chat.api.me.presence.put({ hidden: next })).catch(() => {
      hides.value = !next
    })
  }
  return (
    <>
      <Form
        action={t('save')}
        onSubmit={async ({ username = '' }) => {
          chat.me.value = await answered(chat.api.me.patch({ username }))
          saved.value = 'username'
        }}
      >
        {user.email && <p class="muted">{user.email}</p>}
        <Field
          label={t('username')}
          name="username"
          hint={t('usernameHint')}
          defaultValue={user.username}
          maxLength={50}
          required
        />
        {saved.value === 'username' && <p role="status">{t('saved')}</p>}
      </Form>
      <label class="check">
        <input
          type="checkbox"
          checked={hides.value}
          onChange={({ currentTarget }) => void hide(currentTarget.checked)}
        />{' '}
        {t('hidden')}
      </label>
      <p class="muted">{t('hiddenHint')}</p>
      <details>
        <summary>{t('changePassword')}</summary>
        <Form
          action={t('changePassword')}
          onSubmit={async ({ current = '', next = '' }) => {
            await answered(chat.api.me.password.put({ current, next }))
            saved.value = 'password'
          }}
        >
          <Field label={t('currentPassword')} name="current" type="password" autocomplete="current-password" required />
          <Field
            label={t('nextPassword')}
            name="next"
            type="password"
            hint={t('passwordHint')}
            autocomplete="new-password"
            minLength={10}
            required
          />
          {saved.value === 'password' && <p role="status">{t('saved')}</p>}
        </Form>
      </details>
    </>
  )
}

const Notifications = () => (
  <div>
    <h2>{t('notifications')}</h2>
    {notifications.value === 'default' ? (
      <button type="button" class="button quiet" onClick={() => void askForNotifications()}>
        {t('notificationsAsk')}
      </button>
    ) : (
      <p class="muted">{notifications.value === 'granted' ? t('notificationsOn') : t('notificationsOff')}</p>
    )}
  </div>
)
