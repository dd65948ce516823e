import { setTimeout as pause } from 'node:timers/promises'

interface Details {
  code?: string
  retryAfter?: number
  cause?: unknown
}

/** The server that is measured cannot do, or does not allow, what a bench takes; the message says what to change. */
export class TargetError extends Error {
  override readonly name = 'TargetError'
  /** The server's own word for it, where it had one. */
  readonly code: string
  /** Seconds after which it may go well; NaN where that would change nothing. */
  readonly retryAfter: number

  constructor(message: string, { code = 'no_answer', retryAfter = Number.NaN, cause }: Details = {}) {
    super(message, { cause })
    this.code = code
    this.retryAfter = retryAfter
  }
}

/** What a server says of itself. */
export interface Usage {
  /** Of all its threads, since its start. */
  cpuSeconds: number
  residentBytes: number
}

export interface Reach {
  /** `http://127.0.0.1:8000` */
  url: string
  /** Of `/metrics`, where the server is elsewhere. */
  metricsToken: string | undefined
  signal: AbortSignal
  progress: (line: string) => void
}

interface Call {
  token?: string
  body?: unknown
  /** There may be a lot to do. */
  isLong?: true
}

const ANSWER_WITHIN_MS = 30_000
const LONG_ANSWER_WITHIN_MS = 300_000
/** Whoever has to wait for longer would rather be told. */
const MAX_WAIT_S = 30

/** A Parley, as its clients see it. */
export class Target {
  readonly url: string
  readonly #reach: Reach

  constructor(reach: Reach) {
    this.#reach = reach
    this.url = webAddress(reach.url)
  }

  /** @throws TargetError where no Parley answers that can store anything */
  async identify(): Promise<{ version: string; state: string }> {
    const response = await this.#fetch('/docs/json')
    const { info } = read<{ info?: { title: string; version: string } }>(await response.text())
    if (info?.title !== 'Parley API') throw new TargetError(`${this.url} answers, but is no Parley`)
    const ready = await this.#fetch('/readyz')
    const state = (await ready.text()).trim()
    if (!ready.ok) throw new TargetError(`${this.url} is not ready to store anything: ${state}`)
    return { version: info.version, state }
  }

  /** @throws TargetError where it may not: a key that may gets as far as the check of what it asks for */
  async requireEraser(key: string): Promise<void> {
    const isInvalid = (error: unknown) => error instanceof TargetError && error.code === 'invalid'
    await this.once('DELETE', '/api/users/nobody?messages=neither', { token: key }).catch((error) => {
      if (!isInvalid(error)) throw new TargetError(`the key may not erase people: ${error.message}`, { cause: error })
    })
  }

  /** Whether it limits what people may do: it then counts their tickets, and says so. */
  async hasLimits(token: string): Promise<boolean> {
    const { headers } = await this.#ask('POST', '/api/tickets', { token })
    return headers.has('ratelimit-limit')
  }

  /** @throws TargetError where the answer is another one than 2xx */
  async once<T>(method: string, path: string, call: Call = {}): Promise<T> {
    const response = await this.#ask(method, path, call)
    if (!response.ok) throw await refusalOf(response, `${method} ${path}`)
    return response.status === 204 ? (undefined as T) : ((await response.json()) as T)
  }

  /** The same; what is refused for a moment is asked again. */
  async call<T>(method: string, path: string, call: Call = {}): Promise<T> {
    for (;;) {
      try {
        return await this.once<T>(method, path, call)
      } catch (error) {
        if (!(error instanceof TargetError) || !(error.retryAfter <= MAX_WAIT_S)) throw error
        this.#reach.progress(`the server asks to wait for ${error.retryAfter} s (${error.code})`)
        await pause(1000 * error.retryAfter, undefined, { signal: this.#reach.signal })
      }
    }
  }

  #ask(method: string, path: string, { token, body, isLong }: Call): Promise<Response> {
    const headers = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    }
    const content = body === undefined ? {} : { body: JSON.stringify(body) }
    return this.#fetch(path, { method, headers, ...content }, isLong ? LONG_ANSWER_WITHIN_MS : ANSWER_WITHIN_MS)
  }

  /** Resolves when it is in the room. @throws TargetError where the server does not let it in */
  async openRoom(roomId: number, token: string): Promise<WebSocket> {
    const url = `${this.url.replace(/^http/, 'ws')}/ws/room/${roomId}/messages`
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } })
    const entered = Promise.withResolvers<void>()
    // What is sent is read when the socket is in its room: an empty frame is then answered with what it lacks.
    socket.onopen = () => socket.send('{}')
    socket.onmessage = () => entered.resolve()
    socket.onclose = ({ code, reason }) =>
      entered.reject(new TargetError(`the server does not let a socket in: ${code} ${reason}`.trim()))
    await entered.promise
    socket.onopen = socket.onmessage = socket.onclose = null
    return socket
  }

  /** `undefined` where it does not tell us. */
  async usage(): Promise<Usage | undefined> {
    const { metricsToken } = this.#reach
    const headers = metricsToken === undefined ? {} : { authorization: `Bearer ${metricsToken}` }
    const response = await this.#fetch('/metrics', { headers }).catch(() => undefined)
    if (!response?.ok) return undefined
    const text = await response.text()
    const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN)
    const [cpuSeconds, residentBytes] = [value('process_cpu_seconds_total'), value('process_resident_memory_bytes')]
    return Number.isNaN(cpuSeconds + residentBytes) ? undefined : { cpuSeconds, residentBytes }
  }

  async #fetch(path: string, init: RequestInit = {}, withinMs = ANSWER_WITHIN_MS): Promise<Response> {
    try {
      return await fetch(`${this.url}${path}`, { ...init, signal: AbortSignal.timeout(withinMs) })
    } catch (cause) {
      throw new TargetError(`${this.url} ${whyNot(cause)}`, { cause })
    }
  }
}

function webAddress(text: string): string {
  const url = URL.parse(text)
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.search && !url.hash)
    return url.href.replace(/\/+$/, '')
  throw new TargetError('the address has to be http://HOST:PORT or https://HOST')
}

/** What Bun calls it when a certificate is not believed. */
const CERTIFICATE = /CERT|SIGNATURE|ISSUER/

function whyNot(cause: unknown): string {
  const { code, name } = cause as { code?: unknown; name?: unknown }
  if (name === 'TimeoutError') return 'does not answer in time'
  if (CERTIFICATE.test(String(code)))
    return `has a certificate that is not trusted here (${code}): name its CA with NODE_EXTRA_CA_CERTS=FILE`
  return `does not answer (${code ?? name}): is it started, and is this its address?`
}

/** The sentence of a problem (RFC 9457), or what else came. */
async function refusalOf(response: Response, what: string): Promise<TargetError> {
  const text = await response.text()
  const { code = String(response.status), detail = text.slice(0, 200) } = read<{ code: string; detail: string }>(text)
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN)
  const later = Number.isNaN(retryAfter) ? '' : ` It may be asked again in ${retryAfter} s.`
  return new TargetError(`${what} is refused (${response.status} ${code}): ${detail}${later}`, { code, retryAfter })
}

/** Nothing where it is no JSON object. */
function read<T extends object>(text: string): Partial<T> {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}
