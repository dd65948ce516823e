import type { Problem } from '../../src/lib/http/problem.ts'

export const statusOf = async (response: Promise<Response>): Promise<number> => (await response).status

export async function told<T>(response: Promise<Response>): Promise<{ status: number; body: T }> {
  const answer = await response
  return { status: answer.status, body: (await answer.json()) as T }
}

/** What a test compares of a problem: for invalid fields, which. */
export async function refusal(response: Promise<Response>): Promise<object> {
  const { status, code, errors } = (await (await response).json()) as Problem
  return errors ? { status, code, paths: errors.map(({ path }) => path) } : { status, code }
}

export const NOT_FOUND = { status: 404, code: 'not_found' }
export const invalid = (path: string) => ({ status: 422, code: 'invalid', paths: [path] })
