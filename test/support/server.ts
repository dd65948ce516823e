import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { SessionGrant } from '../../src/accounts/model.ts'
import { Person } from './person.ts'

const ROOT = join(import.meta.dir, '../..')
const binary = process.env.PARLEY_TEST_BINARY

/** What starts the program: the compiled binary where PARLEY_TEST_BINARY names one, else the source. */
export const PROGRAM = binary ? [resolve(ROOT, binary)] : [process.execPath, '--no-env-file', join(ROOT, 'src/main.ts')]

interface Options {
  args?: string[]
  env?: Record<string, string>
  /** An existing data directory, which is then left where it is. */
  dataDir?: string
  /** Put before the program: `strace` with its flags. */
  under?: string[]
}

/** The real program on a free port, with a data directory of its own. `await using` stops it. */
export async function startParley({ args = [], env = {}, dataDir, under = [] }: Options = {}) {
  const directory = dataDir ?? mkdtempSync(join(tmpdir(), 'parley-'))
  const child = Bun.spawn([...under, ...PROGRAM, 'serve', '--port', '0', '--data-dir', directory, ...args], {
    cwd: ROOT,
    env: { PATH: process.env.PATH ?? '', PARLEY_LOG_FORMAT: 'json', ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const log = new LogLines(child.stderr)
  const { url } = await log.event('listening')
  const stop = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    return child.exited
  }
  return new RunningParley({
    url: String(url),
    dataDir: directory,
    log,
    stop,
    pid: child.pid,
    keeps: dataDir !== undefined,
  })
}

interface Running {
  url: string
  dataDir: string
  log: LogLines
  stop: (signal: NodeJS.Signals) => Promise<number>
  pid: number
  keeps: boolean
}

export class RunningParley {
  readonly url: string
  readonly wsUrl: string
  readonly dataDir: string
  readonly log: LogLines
  readonly pid: number
  /** Sends the signal, resolves with the exit code. */
  readonly stop: (signal: NodeJS.Signals) => Promise<number>
  readonly #keeps: boolean

  constructor({ url, dataDir, log, stop, pid, keeps }: Running) {
    this.url = url
    this.wsUrl = url.replace(/^http/, 'ws')
    this.dataDir = dataDir
    this.log = log
    this.pid = pid
    this.stop = stop
    this.#keeps = keeps
  }

  /** A new person with an account. */
  async person(username: string): Promise<Person> {
    return new Person(this, await signUp(this.url, username))
  }

  /** An owner and a customer with a room between them. */
  async pair(ownerName = 'Minji', customerName = 'Joon') {
    const [owner, customer] = await Promise.all([this.person(ownerName), this.person(customerName)])
    const product = await owner.offer('Road bike')
    const { id: roomId } = await customer.openRoom(product.id)
    return { owner, customer, product, roomId }
  }

  async [Symbol.asyncDispose]() {
    await this.stop('SIGKILL')
    if (!this.#keeps) rmSync(this.dataDir, { recursive: true, force: true })
  }
}

export interface SignedUp extends SessionGrant {
  email: string
  password: string
}

let people = 0

const addressOf = (number: number) => `10.0.${number >> 8}.${number & 255}`

export async function signUp(url: string, username: string): Promise<SignedUp> {
  const email = `${username.toLowerCase().replaceAll(/[^a-z0-9]/g, '')}.${++people}.${process.pid}@example.com`
  const password = 'correct horse battery'
  const response = await fetch(`${url}/api/accounts`, {
    method: 'POST',
    // From an address of their own each: a test is not a crowd behind one, and the server trusts its own machine.
    headers: { 'content-type': 'application/json', 'x-forwarded-for': addressOf(people) },
    body: JSON.stringify({ email, username, password }),
  })
  if (response.status !== 201) throw new Error(`sign-up answered ${response.status}: ${await response.text()}`)
  return { ...((await response.json()) as SessionGrant), email, password }
}

/** Another session of somebody who has an account. */
export function signIn(url: string, { email, password }: Pick<SignedUp, 'email' | 'password'>): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return fetch(`${url}/api/sessions`, { method: 'POST', headers, body: JSON.stringify({ email, password }) })
}

type Line = Record<string, unknown>

/** The program's log, one JSON object a line. */
export class LogLines {
  readonly lines: Line[] = []
  readonly #waiting: { event: string; resolve: (line: Line) => void; reject: (error: Error) => void }[] = []
  #raw = ''

  constructor(stream: ReadableStream<Uint8Array>) {
    void this.#read(stream)
  }

  get text(): string {
    return this.#raw
  }

  /** The first line of this event, also one that was written already. */
  event(event: string): Promise<Line> {
    const found = this.lines.find((line) => line.event === event)
    if (found) return Promise.resolve(found)
    return new Promise((resolve, reject) => this.#waiting.push({ event, resolve, reject }))
  }

  async #read(stream: ReadableStream<Uint8Array>) {
    let rest = ''
    const decoder = new TextDecoder()
    for await (const chunk of stream) {
      const text = decoder.decode(chunk, { stream: true })
      this.#raw += text
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) this.#add(line)
    }
    for (const { event, reject } of this.#waiting.splice(0))
      reject(new Error(`no ${event} before the end:\n${this.#raw}`))
  }

  #add(text: string) {
    if (!text.startsWith('{')) return
    const line: Line = JSON.parse(text)
    this.lines.push(line)
    for (const waiter of this.#waiting.filter(({ event }) => event === line.event)) waiter.resolve(line)
  }
}
