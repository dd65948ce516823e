import { afterEach, expect } from 'bun:test'
import type { BrowserContextOptions, Locator, Page } from 'playwright-core'
import { COOKIE_NAME } from '../../src/auth/credentials.ts'
import { type OpenBrowser, openBrowser } from './browser.ts'
import type { Person } from './person.ts'
import type { RunningParley } from './server.ts'

interface Visit extends BrowserContextOptions {
  /** Whose browser it is; without one, that of somebody new. */
  person?: Person | undefined
  /** Where they come in. */
  path?: string
  /** What the console may say, because the test brings it about. */
  expected?: RegExp
}

const visits: { browser: OpenBrowser; expected: RegExp | undefined }[] = []

// Whatever a test is about: no error, no violation of the CSP, and no request to anywhere else.
afterEach(() => {
  for (const { browser, expected } of visits.splice(0)) {
    expect(browser.complaints.filter((complaint) => !expected?.test(complaint))).toEqual([])
    expect(browser.foreignRequests).toEqual([])
  }
})

/** What Chromium says when nobody answers, or a connection breaks. */
export const NO_LINE = /net::ERR_(CONNECTION|INTERNET|EMPTY|NETWORK|SOCKET|FAILED|ABORTED)/
/** What it says when the server refuses. */
export const REFUSED = /the server responded with a status of 4\d\d/

const LONG_MS = 20_000

/** The chat app in a browser of its own, as its visitor sees it. */
export class ChatPage implements AsyncDisposable {
  readonly page: Page
  readonly composer: Locator
  readonly timeline: Locator
  readonly #browser: OpenBrowser
  readonly #url: string

  private constructor(browser: OpenBrowser, url: string) {
    this.page = browser.page
    this.#browser = browser
    this.#url = url
    this.composer = this.page.locator('.composer textarea')
    // By its attribute: to compute the role of thousands of elements takes long.
    this.timeline = this.page.locator('[role=log]')
  }

  static async open(server: Pick<RunningParley, 'url'>, visit: Visit = {}): Promise<ChatPage> {
    const { person, path = '/', expected, ...options } = visit
    const browser = await openBrowser(server.url, options)
    browser.page.setDefaultTimeout(LONG_MS)
    visits.push({ browser, expected })
    if (person) {
      const session = { name: COOKIE_NAME, value: person.token, url: server.url, httpOnly: true }
      await browser.page.context().addCookies([session])
    }
    const chat = new ChatPage(browser, server.url)
    await chat.goTo(path)
    return chat
  }

  /** By the address, as from a bookmark. */
  async goTo(path: string): Promise<void> {
    await this.page.goto(`${this.#url}${path}`)
    await this.page.locator('main:not([aria-busy])').waitFor({ state: 'attached' })
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true })
  }

  link(name: string): Locator {
    return this.page.getByRole('link', { name, exact: true })
  }

  field(label: string): Locator {
    return this.page.getByLabel(label)
  }

  /** A conversation in the inbox, by whom it is with. */
  row(name: string): Locator {
    return this.page.locator('.row', { hasText: name })
  }

  message(text: string): Locator {
    return this.timeline.locator('.line').filter({ has: this.page.locator('.bubble').getByText(text, { exact: true }) })
  }

  /** How far a message of one's own has come. */
  async reaches(text: string, reach: 'Sent' | 'Delivered' | 'Read'): Promise<void> {
    await this.message(text).getByRole('img', { name: reach }).waitFor()
  }

  async say(text: string): Promise<void> {
    await this.composer.fill(text)
    await this.composer.press('Enter')
  }

  async sees(text: string): Promise<void> {
    await this.page.getByText(text, { exact: true }).first().waitFor()
  }

  /** What is said, in the order in which it stands there. */
  texts(): Promise<string[]> {
    return this.timeline.locator('.bubble').allTextContents()
  }

  /** Resolves when this is what is said. */
  hears(...texts: string[]): Promise<void> {
    return becomes(() => this.texts(), texts)
  }

  /** Resolves when the browser has kept the page, and answers for it where the server does not. */
  isKept(): Promise<void> {
    return becomes(() => this.page.evaluate<boolean>('navigator.serviceWorker.controller !== null'), true)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser[Symbol.asyncDispose]()
  }
}

/** Resolves when what is read is this; what it was instead is told when it does not come to it. */
export async function becomes<T>(read: () => T | Promise<T>, value: T): Promise<void> {
  const deadline = performance.now() + LONG_MS
  while (performance.now() < deadline) {
    if (Bun.deepEquals(await read(), value)) return
    await Bun.sleep(50)
  }
  expect<unknown>(await read()).toEqual(value)
}
