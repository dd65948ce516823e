import { afterAll } from 'bun:test'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

export interface OpenBrowser extends AsyncDisposable {
  page: Page
  /** What the page complained of: errors on the console, uncaught exceptions, violations of its CSP. */
  complaints: string[]
  /** Requests to any other place than the server. */
  foreignRequests: string[]
}

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // A page that a test puts in has no address of its own, and so may not speak to this machine otherwise.
  '--disable-features=LocalNetworkAccessChecks',
]

const TELL_VIOLATIONS = `document.addEventListener('securitypolicyviolation', (event) =>
  console.error('CSP ' + event.violatedDirective + ' ' + event.blockedURI))`

// One for all tests of a file: to start it takes longer than most of what is done in it.
let browser: Promise<Browser> | undefined
afterAll(async () => {
  const closing = await browser
  browser = undefined
  await closing?.close()
})

/**
 * Debian's Chromium with one empty page of somebody new to it, which watches what the page does. `serverUrl` is the one place
 * it may ask; the options say what the browser is like: its size, its language.
 */
export async function openBrowser(serverUrl: string, options: BrowserContextOptions = {}): Promise<OpenBrowser> {
  browser ??= chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGS, headless: true })
  const context = await (await browser).newContext(options)
  const page = await context.newPage()
  const complaints: string[] = []
  const foreignRequests: string[] = []
  await page.addInitScript({ content: TELL_VIOLATIONS })
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  const note = (url: string) => {
    if (isForeign(url, serverUrl)) foreignRequests.push(url)
  }
  page.on('request', (request) => note(request.url()))
  page.on('websocket', (socket) => note(socket.url()))
  return { page, complaints, foreignRequests, [Symbol.asyncDispose]: () => context.close() }
}

function isForeign(url: string, serverUrl: string): boolean {
  const { protocol, host } = new URL(url)
  return protocol !== 'data:' && protocol !== 'blob:' && host !== new URL(serverUrl).host
}
