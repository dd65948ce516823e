import type { BrowserContext, Page } from 'playwright-core'
import { type OpenBrowser, openBrowser } from './browser.ts'
import { runCommand } from './command.ts'
import type { Person } from './person.ts'
import type { RunningParley } from './server.ts'

/** Its views, by what stands in the address after `/admin`. */
export const VIEWS = {
  '': 'Overview',
  '/people': 'People',
  '/rooms': 'Rooms',
  '/products': 'Products',
  '/sessions': 'Sessions',
  '/keys': 'Server keys',
  '/audit': 'Audit log',
  '/errors': 'Recent errors',
  '/settings': 'Settings',
} as const

/** What `parley admin link` prints, at the address where the server is. */
export async function adminLink({ url, dataDir }: RunningParley): Promise<string> {
  const { out, err, code } = await runCommand(['admin', 'link'], { dataDir })
  if (code !== 0) throw new Error(`no link:\n${err}`)
  return `${url}/admin${new URL(out).hash}`
}

const sessions = new WeakMap<RunningParley, Awaited<ReturnType<BrowserContext['cookies']>>>()

/** A browser in which the console is open, for the server's first admin: by a link, and then by the session that it gave. */
export async function openConsole(parley: RunningParley): Promise<OpenBrowser> {
  const browser = await openBrowser(parley.url)
  const context = browser.page.context()
  const session = sessions.get(parley)
  if (session) await context.addCookies(session)
  await browser.page.goto(session ? `${parley.url}/admin` : await adminLink(parley))
  await heading(browser.page, 'Overview').waitFor()
  sessions.set(parley, await context.cookies())
  return browser
}

export const heading = (page: Page, name: string) => page.getByRole('heading', { name, exact: true })

/** In the list, the row of this name. */
export const row = (page: Page, name: string) =>
  page.getByRole('row').filter({ has: page.getByRole('rowheader', { name }) })

/** Goes there as a link within the console does. */
export async function visit(page: Page, view: keyof typeof VIEWS): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name: VIEWS[view], exact: true }).click()
  await heading(page, VIEWS[view]).waitFor()
}

/** Presses the button, says yes to what it asks, and waits until the question is gone. Returns what was asked. */
export async function confirm(page: Page, button: string): Promise<string> {
  await page.getByRole('button', { name: button }).click()
  const question = page.getByRole('dialog')
  const asked = (await question.textContent()) ?? ''
  await question.getByRole('button').last().click()
  await question.waitFor({ state: 'detached' })
  return asked
}

/** Signs in as the chat app does: the cookie stays in the browser. */
export async function signInBy(page: Page, { email, password }: Pick<Person, 'email' | 'password'>): Promise<void> {
  const headers = { origin: new URL(page.url()).origin }
  const answer = await page.request.post(`${headers.origin}/api/sessions`, { data: { email, password }, headers })
  if (!answer.ok()) throw new Error(`sign-in answered ${answer.status()}`)
}
