import type { SessionGrant } from '../../src/accounts/model.ts'
import type { AuditEntry } from '../../src/admin/model.ts'
import { runCommand } from './command.ts'
import { personBy } from './marketplace.ts'
import type { Person } from './person.ts'
import type { RunningParley } from './server.ts'

/** The token of a new link, from the command beside the running server. */
export async function linkOf({ dataDir }: Pick<RunningParley, 'dataDir'>, ...args: string[]): Promise<string> {
  const { out, err, code } = await runCommand(['admin', 'link', ...args], { dataDir })
  if (code !== 0) throw new Error(err)
  return /#(pla_[\w-]{43})\n$/.exec(out)?.[1] ?? ''
}

export function spend(
  { url }: Pick<RunningParley, 'url'>,
  token: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${url}/api/admin/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ token }),
  })
}

/** An admin who came by a link. */
export async function adminOf(parley: RunningParley, ...args: string[]): Promise<Person> {
  const { user, token } = (await (await spend(parley, await linkOf(parley, ...args))).json()) as SessionGrant
  return personBy(parley, token, { id: user.id, name: user.username })
}

/** What an admin is answered, if it is what they were to be answered. */
export async function told<T>(answer: Response | Promise<Response>, status = 200): Promise<T> {
  const response = await answer
  if (response.status !== status)
    throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`)
  return (status === 204 ? undefined : await response.json()) as T
}

export interface Page<T> {
  items: T[]
  nextCursor: string | null
}

/** All pages of a list of the console. */
export async function allOf<T>(admin: Person, path: string): Promise<T[]> {
  const all: T[] = []
  const next = (cursor: string | null) =>
    told<Page<T>>(admin.get(`${path}${path.includes('?') ? '&' : '?'}${cursor === null ? '' : `cursor=${cursor}`}`))
  let page = await next(null)
  while (true) {
    all.push(...page.items)
    if (page.nextCursor === null) return all
    page = await next(page.nextCursor)
  }
}

/** What was done to this target, oldest first. */
export async function deedsOn(admin: Person, targetId: string): Promise<AuditEntry[]> {
  const entries = await allOf<AuditEntry>(admin, '/api/admin/audit')
  return entries.filter(({ target }) => target.id === targetId).toReversed()
}
