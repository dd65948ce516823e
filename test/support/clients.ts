import { expect } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { type OpenBrowser, openBrowser } from './browser.ts'
import { mint } from './marketplace.ts'
import type { RunningParley } from './server.ts'
import { openSocket, type TestSocket } from './socket.ts'

export const ROOT = join(import.meta.dir, '../..')

/** The blocks of a page of the docs: scripts by the name in their first lines, and those without a language, which are frames. */
export function blocksOf(page: string) {
  const text = readFileSync(join(ROOT, page), 'utf8')
  const blocks = [...text.matchAll(/^```(js|html|python|go)\n((?:.*\n)*?)```$/gm)].map(([, , body = '']) => body)
  const talks = [...text.matchAll(/^```\n((?:[→←].*\n)*?)```$/gm)].map(([, body = '']) => body.trim().split('\n'))
  const nameOf = (body: string) => /^(?:<!doctype html>\n)?(?:\/\/|#|<!--) (\S+\.\w+)/.exec(body)?.[1] ?? body
  return { snippets: new Map(blocks.map((body) => [nameOf(body), body])), talks }
}

/** The marketplace around the page: it serves the files, and mints a token for whoever is signed in. */
export class ChatShop implements AsyncDisposable {
  readonly #server: Bun.Server<undefined>
  readonly #files: Map<string, string>
  chatUrl = ''

  constructor(snippets: Map<string, string>) {
    this.#files = new Map([
      ...snippets,
      ['centrifuge.js', readFileSync(join(ROOT, 'node_modules/centrifuge/dist/centrifuge.js'), 'utf8')],
    ])
    this.#server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: (request) => this.#answer(request) })
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`
  }

  async #answer(request: Request): Promise<Response> {
    const name = new URL(request.url).pathname.slice(1)
    if (name === 'chat-token') {
      const person = request.headers.get('cookie')?.replace('person=', '')
      if (!person) return new Response('{}', { status: 401 })
      return Response.json({ token: await mint(JSON.parse(decodeURIComponent(person))) })
    }
    const file = this.#files.get(name)
    if (file === undefined) return new Response(null, { status: 204 })
    const type = name.endsWith('.html') ? 'text/html' : 'text/javascript'
    return new Response(file.replace('https://chat.example', this.chatUrl), { headers: { 'content-type': type } })
  }

  /** A browser with the page open, in which somebody is signed in; `missing` is what this browser does not have. */
  async visit(
    person: object,
    missing = '',
    { isFirstAnswerLost = false, address = 'chat.html' } = {},
  ): Promise<ShopPage> {
    const browser = await openBrowser(this.url)
    const { page } = browser
    if (missing) await page.addInitScript({ content: `delete globalThis.${missing}` })
    const lost = isFirstAnswerLost ? await loseFirstAnswer(page) : undefined
    const value = encodeURIComponent(JSON.stringify(person))
    await page.context().addCookies([{ name: 'person', value, url: this.url }])
    await page.goto(`${this.url}/${address}`)
    return new ShopPage(browser, lost)
  }

  async [Symbol.asyncDispose]() {
    await this.#server.stop(true)
  }
}

/** The line breaks when a message was stored, and before the client hears of it. */
async function loseFirstAnswer(page: Page) {
  const lost: string[] = []
  await page.routeWebSocket(/\/connection\/websocket$/, (client) => {
    const server = client.connectToServer()
    client.onMessage((frame) => server.send(frame))
    server.onMessage(async (frame) => {
      const isAnswer = String(frame).includes('"clientId":"') && String(frame).includes('"rpc":')
      if (!isAnswer || lost.length > 0) return client.send(frame)
      lost.push(String(frame))
      await client.close({ code: 1012 })
      await server.close()
    })
  })
  return lost
}

export class ShopPage implements AsyncDisposable {
  readonly #browser: OpenBrowser
  /** Frames that were kept from the page. */
  readonly lost: string[]

  constructor(browser: OpenBrowser, lost: string[] = []) {
    this.#browser = browser
    this.lost = lost
  }

  get page() {
    return this.#browser.page
  }

  get complaints(): string[] {
    return this.#browser.complaints
  }

  reads(selector: string, text: string) {
    return this.#until(selector, `=== ${JSON.stringify(text)}`)
  }

  holds(selector: string, text: string) {
    return this.#until(selector, `.includes(${JSON.stringify(text)})`)
  }

  #until(selector: string, condition: string) {
    return this.page.waitForFunction(`document.querySelector('${selector}').textContent ${condition}`)
  }

  enter(room: string) {
    return this.page.click(`nav button:has-text("${room}")`)
  }

  types(text: string) {
    return this.page.locator('input').pressSequentially(text)
  }

  async says(text: string) {
    await this.page.fill('input', text)
    await this.page.click('form button')
  }

  /** Without a line while that is done. */
  async away(done: () => Promise<void>) {
    await this.page.context().setOffline(true)
    await this.reads('#note', 'connecting')
    await done()
    await this.page.context().setOffline(false)
  }

  [Symbol.asyncDispose]() {
    return this.#browser[Symbol.asyncDispose]()
  }
}

/** A program, and what it prints line by line. */
export class LinesOf implements AsyncDisposable {
  readonly #child: Bun.Subprocess<'ignore', 'pipe', 'inherit'>
  readonly #lines: AsyncGenerator<string>

  constructor(command: string[], cwd: string, env: Record<string, string>) {
    this.#child = Bun.spawn(command, { cwd, env, stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' })
    this.#lines = linesIn(this.#child.stdout)
  }

  async next(): Promise<string> {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error('it has ended')
    return value
  }

  get ended(): Promise<number> {
    return this.#child.exited
  }

  async [Symbol.asyncDispose]() {
    this.#child.kill()
    await this.#child.exited
  }
}

async function* linesIn(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}

/** Follows a talk as the page writes it down, where `…` stands for what is another each time. */
export class FrameTalk implements Disposable {
  readonly #socket: TestSocket
  readonly #real: { token: string; userId: string; epoch: string }
  epoch = ''

  private constructor(socket: TestSocket, real: { token: string; userId: string; epoch: string }) {
    this.#socket = socket
    this.#real = real
  }

  static async open({ wsUrl }: RunningParley, real: { token: string; userId: string; epoch: string }) {
    return new FrameTalk(await openSocket(`${wsUrl}/connection/websocket`), real)
  }

  async follow(line: string): Promise<void> {
    const { token, userId, epoch } = this.#real
    const frame = line.slice(2)
    if (line.startsWith('→')) {
      return this.#socket.send(frame.replace('pls_…', token).replace('"epoch":"…"', `"epoch":"${epoch}"`))
    }
    const came = await this.#socket.next()
    this.epoch = /"epoch":"(.*?)"/.exec(JSON.stringify(came))?.[1] ?? this.epoch
    const text = frame.replaceAll('{…}', '"…"').replace('user:…', `user:${userId}`)
    // Of a session that has begun a moment ago.
    const isAnything = (name: string, value: unknown) => value === '…' || name === 'ttl'
    const expected = JSON.parse(text, (name, value) => (isAnything(name, value) ? expect.anything() : value))
    expect(came).toEqual(expected)
  }

  [Symbol.dispose]() {
    this.#socket[Symbol.dispose]()
  }
}
