import { treaty } from '@elysiajs/eden/treaty2'
import type { App } from '../../app.ts'
import type { Problem } from '../../lib/http/problem.ts'
import { locale } from '../locale/text.ts'

/** Where the chat is, and who is asking. */
export interface Door {
  /** The origin of Parley. */
  server: string
  /** Of the person; without it, the cookie of their session speaks for them. */
  token?: TokenSource | undefined
}

export interface TokenSource {
  current(): Promise<string>
  /** The one before is good no more, or there was none. Throws `signedOut()` where there will be no other. */
  next(): Promise<string>
}

/** The REST routes, as the server has them typed. */
export const openApi = ({ server, token }: Door) =>
  treaty<App>(server, {
    parseDate: false,
    headers: async () => {
      const language = { 'accept-language': locale.value }
      return token ? { ...language, authorization: `Bearer ${await token.current()}` } : language
    },
    fetch: { credentials: token ? 'omit' : 'same-origin' },
  }).api

export type Api = ReturnType<typeof openApi>

/** What the server refused, or that it could not be asked at all. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: Problem['code'] | 'unreachable'
  readonly fields: NonNullable<Problem['errors']>

  constructor(problem: Pick<Problem, 'code' | 'detail' | 'errors'> | undefined) {
    super(problem?.detail ?? 'unreachable')
    this.code = problem?.code ?? 'unreachable'
    this.fields = problem?.errors ?? []
  }
}

/** Nobody is signed in who could have a token: known before the server is asked. */
export const signedOut = (): Refusal => new Refusal({ code: 'unauthenticated', detail: 'signed out' })

export interface Answer<T> {
  data: T
  error: { value: unknown } | null
}

/** The data of an answer. @throws Refusal */
export async function answered<T>(answer: Promise<Answer<T>>): Promise<NonNullable<T>> {
  const { data, error } = await answer.catch((cause: unknown): Answer<T> => {
    throw cause instanceof Refusal ? cause : new Refusal(undefined)
  })
  if (error) throw new Refusal(isProblem(error.value) ? error.value : undefined)
  // An answer without an error has its data: Eden's type does not say so of a generic one.
  return data as NonNullable<T>
}

const isProblem = (value: unknown): value is Problem =>
  typeof value === 'object' && value !== null && 'code' in value && 'detail' in value
