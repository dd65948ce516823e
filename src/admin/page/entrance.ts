import { signal } from '@preact/signals'
import type { Peer } from '../../users/model.ts'
import { type Answer, answered, openApi, Refusal } from '../../web/chat/api.ts'

export type Entrance =
  | { state: 'loading' }
  | { state: 'failed'; refusal: Refusal; again: () => void }
  | { state: 'out'; why: 'stranger' | 'spent' | 'noAdmin' | 'ended' }
  | { state: 'in'; me: Peer }

export const api = openApi({ server: location.origin })

/** Whether whoever looks is an admin: by the link they came with, or by the session that this browser has. */
export const entrance = signal<Entrance>({ state: 'loading' })

export async function enter(): Promise<void> {
  const token = takeToken()
  if (token) await attempt(async () => (await answered(api.admin.sessions.post({ token }))).user, 'spent')
  else if (entrance.value.state !== 'in') await resume()
}

/** The token of a link. It is out of the address before anything else is done: nothing is to keep it. */
function takeToken(): string | undefined {
  const [token] = /(?<=^#)pla_.+/.exec(location.hash) ?? []
  if (token) history.replaceState(null, '', location.pathname)
  return token
}

async function resume() {
  if (document.documentElement.dataset.session !== 'true') {
    entrance.value = { state: 'out', why: 'stranger' }
    return
  }
  await attempt(async () => {
    const me = await answered(api.me.get())
    // Says nothing to anybody but an admin.
    await answered(api.admin.keys.get())
    return me
  }, 'stranger')
}

async function attempt(open: () => Promise<Peer>, unknown: 'stranger' | 'spent') {
  entrance.value = { state: 'loading' }
  try {
    entrance.value = { state: 'in', me: await open() }
  } catch (error) {
    const refusal = error instanceof Refusal ? error : new Refusal(undefined)
    if (refusal.code === 'unauthenticated') entrance.value = { state: 'out', why: unknown }
    else if (refusal.code === 'forbidden') entrance.value = { state: 'out', why: 'noAdmin' }
    else entrance.value = { state: 'failed', refusal, again: () => void attempt(open, unknown) }
  }
}

/** The data of an answer. Whose session has ended meanwhile, or who is no admin any more, is out. @throws Refusal */
export async function asked<T>(answer: Promise<Answer<T>>): Promise<NonNullable<T>> {
  try {
    return await answered(answer)
  } catch (error) {
    const code = error instanceof Refusal ? error.code : undefined
    if (code === 'unauthenticated') entrance.value = { state: 'out', why: 'ended' }
    if (code === 'forbidden') entrance.value = { state: 'out', why: 'noAdmin' }
    throw error
  }
}

/** @throws Refusal */
export async function signOut(): Promise<void> {
  await asked(api.sessions.current.delete())
  entrance.value = { state: 'out', why: 'ended' }
}
