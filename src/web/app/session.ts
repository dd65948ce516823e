import { signal } from '@preact/signals'
import type { Credentials, NewAccount } from '../../accounts/model.ts'
import type { User } from '../../users/model.ts'
import { answered, openApi, Refusal } from '../chat/api.ts'
import { Chat } from '../chat/chat.ts'
import { keep, readKept } from '../chat/kept.ts'

export type Session =
  | { state: 'loading' }
  | { state: 'offline' }
  | { state: 'out'; wasEnded: boolean }
  | { state: 'in'; chat: Chat }

const api = openApi({ server: location.origin })

/** Whose browser this is: the cookie says it, and only the server can read that. */
export const session = signal<Session>({ state: 'loading' })

export async function begin(): Promise<void> {
  // The page as the browser keeps it for the time without a line is of nobody.
  const isSomebody = document.documentElement.dataset.session === 'true' || readKept('session') !== undefined
  if (!isSomebody) {
    session.value = { state: 'out', wasEnded: false }
    return
  }
  try {
    const user = await answered(api.me.get())
    // It may be asked again before there is an answer.
    if (session.value.state !== 'in') enter(user)
  } catch (error) {
    const isUnknown = error instanceof Refusal && error.code === 'unauthenticated'
    if (isUnknown) leave(false)
    else session.value = { state: 'offline' }
  }
}

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
  leave(false)
}

function enter(user: User) {
  keep('session', 'yes')
  const chat = new Chat({ server: location.origin }, user)
  chat.live.on('disconnected', () => {
    if (session.value.state === 'in' && session.value.chat === chat) leave(true)
  })
  session.value = { state: 'in', chat }
}

function leave(wasEnded: boolean) {
  const before = session.value
  keep('session', undefined)
  session.value = { state: 'out', wasEnded }
  if (before.state === 'in') before.chat.close()
}
