import type { Options } from 'centrifuge'
import { App, type Door, type Reply } from './app-client.ts'
import type { Person } from './person.ts'

/** The npm client, which may use nothing else. Resolves when it is let in. */
export async function openOverHttp(door: Door, { token }: Person, options: Partial<Options> = {}): Promise<App> {
  const endpoint = `${door.url}/connection/http_stream`
  const emulationEndpoint = `${door.url}/emulation`
  const app = new App([{ transport: 'http_stream', endpoint }], {
    emulationEndpoint,
    getToken: async () => token,
    ...options,
  })
  await app.connect()
  return app
}

interface Stream extends Disposable {
  next(): Promise<Reply | undefined>
  /** What the reply to `connect` says of where commands go. */
  session: string
  node: string
}

const JSON_BODY = { 'content-type': 'application/json' }

/** The stream itself, read line by line. `using` gives it up. */
export async function openStream(door: Door, { token }: Person): Promise<Stream> {
  const abort = new AbortController()
  const response = await fetch(`${door.url}/connection/http_stream`, {
    method: 'POST',
    headers: JSON_BODY,
    body: JSON.stringify({ id: 1, connect: { token } }),
    signal: abort.signal,
  })
  const lines = linesOf(response.body as ReadableStream<Uint8Array>)
  const next = async (): Promise<Reply | undefined> => (await lines.next()).value
  const { session = '', node = '' } = (await next())?.connect ?? {}
  return { next, session, node, [Symbol.dispose]: () => abort.abort() }
}

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Reply, undefined> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield JSON.parse(line)
  }
  return undefined
}

/** The other half: what the client sends. */
export function emulate(door: Door, request: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${door.url}/emulation`, {
    method: 'POST',
    headers: { ...JSON_BODY, ...headers },
    body: JSON.stringify(request),
  })
}
