import { signal } from '@preact/signals'
import type { Credentials, NewAccount } from '../../accounts/model.ts'
import type { User } from '../../users/model.ts'
import { answered, openApi, Refusal } from '../chat/api.ts'
import { Chat } from '../chat/chat.ts'
import { keep, nameOfKept, readKept } from '../chat/kept.ts'
import { t } from '../locale/text.ts'

export type Session =
  | { state: 'loading' }
  | { state: 'offline' }
  | { state: 'out'; notice?: string }
  | { state: 'in'; chat: Chat }

const api = openApi({ server: location.origin })

/** Whose browser this is: the cookie says it, and only the server can read that. */
export const session = signal<Session>({ state: 'loading' })

export async function begin(): Promise<void> {
  // The page as the browser keeps it for the time without a line is of nobody.
  const isSomebody = document.documentElement.dataset.session === 'true' || readKept('session') !== undefined
  if (!isSomebody) {
    session.value = { state: 'out' }
    return
  }
  try {
    const user = await answered(api.me.get())
    // It may be asked again before there is an answer.
    if (personIn(session.value) !== user.id) enter(user)
  } catch (error) {
    if (!turnAway(error)) session.value = { state: 'offline' }
  }
}

const personIn = (session: Session) => (session.state === 'in' ? session.chat.me.value?.id : undefined)

/** Whether the server knows this browser, and does not let it in. */
function turnAway(error: unknown): boolean {
  const { code, message } = error instanceof Refusal ? error : new Refusal(undefined)
  if (code === 'unauthenticated') leave(session.value.state === 'in' ? t('ended') : undefined)
  else if (code === 'forbidden') leave(message)
  return code === 'unauthenticated' || code === 'forbidden'
}

/** The cookie may be another's by now: of who signed in on another page of this browser, or came to the console by a link. */
async function verify(): Promise<void> {
  const { value } = session
  if (value.state !== 'in' || document.hidden) return
  try {
    const user = await answered(api.me.get())
    if (session.value === value && personIn(value) !== user.id) enter(user)
  } catch (error) {
    turnAway(error)
  }
}
addEventListener('focus', verify)
window.addEventListener('storage', ({ key }) => {
  if (key === nameOfKept('session')) void verify()
})
document.addEventListener('visibilitychange', verify)

/** @throws Refusal */
export async function signIn(credentials: Credentials): Promise<void> {
  enter((await answered(api.sessions.post(credentials))).user)
}

/** @throws Refusal */
export async function signUp(account: NewAccount): Promise<void> {
  enter((await answered(api.accounts.post(account))).user)
}

/** @throws Refusal */
export async function signOut(): Promise<void> {
  await answered(api.sessions.current.delete())
  leave()
}

function enter(user: User) {
  const before = session.value
  keep('session', user.id)
  const chat = new Chat({ server: location.origin }, user)
  chat.onOther = () => {
    session.value = { state: 'loading' }
    void begin()
  }
  chat.live.on('disconnected', () => {
    if (session.value.state === 'in' && session.value.chat === chat) leave(t('ended'))
  })
  session.value = { state: 'in', chat }
  if (before.state === 'in') before.chat.close()
}

function leave(notice?: string) {
  const before = session.value
  keep('session', undefined)
  session.value = notice === undefined ? { state: 'out' } : { state: 'out', notice }
  if (before.state === 'in') before.chat.close()
}
