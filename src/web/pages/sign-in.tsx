import { useSignal } from '@preact/signals'
import { signIn, signUp } from '../app/session.ts'
import { t } from '../locale/text.ts'
import { Field, Form } from './form.tsx'

/** Set by the server: whether people sign up and in here at all. */
const accounts = document.documentElement.dataset.accounts

/** For whoever is nobody yet. */
export const SignIn = ({ notice }: { notice: string | undefined }) => {
  const isNew = useSignal(false)
  return (
    <main class="gate">
      <img src="/icon.svg" alt="" width="56" height="56" />
      <h1>Parley</h1>
      <p class="muted">{notice ?? t('welcome')}</p>
      {accounts === 'off' ? <p>{t('accountsOff')}</p> : isNew.value ? <SignUpForm /> : <SignInForm />}
      {accounts === 'closed' && <p class="muted">{t('accountsClosed')}</p>}
      {accounts === 'open' && (
        <button
          type="button"
          class="link"
          onClick={() => {
            isNew.value = !isNew.value
          }}
        >
          {isNew.value ? t('toSignIn') : t('toSignUp')}
        </button>
      )}
    </main>
  )
}

const SignInForm = () => (
  <Form action={t('signIn')} onSubmit={({ email = '', password = '' }) => signIn({ email, password })}>
    <Email />
    <Field label={t('password')} name="password" type="password" autocomplete="current-password" required />
  </Form>
)

const SignUpForm = () => (
  <Form
    action={t('signUp')}
    onSubmit={({ email = '', username = '', password = '' }) => signUp({ email, username, password })}
  >
    <Field
      label={t('username')}
      name="username"
      hint={t('usernameHint')}
      autocomplete="nickname"
      maxLength={50}
      required
    />
    <Email />
    <Field
      label={t('password')}
      name="password"
      type="password"
      hint={t('passwordHint')}
      autocomplete="new-password"
      minLength={10}
      required
    />
  </Form>
)

const Email = () => <Field label={t('email')} name="email" type="email" autocomplete="username" required />
