import type { Door } from './app-client.ts'

/** What becomes of a socket's nth message on its way to the client: as many frames as are given back are sent. */
export type Meddle = (frame: string, nth: number, held: string[]) => string[]

interface Line {
  far: WebSocket
  /** Frames for the server, which is not there yet. */
  waiting: string[]
  messages: number
  /** Frames that are kept back, if they are. */
  held: string[]
}

/** A proxy that does something to what the server sends on its sockets. `await using` ends it. */
export function meddlerBefore({ url }: Pick<Door, 'url'>, meddle: Meddle) {
  const server = Bun.serve<Line>({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request, server) {
      const { pathname, search } = new URL(request.url)
      const address = `${url}${pathname}${search}`
      if (request.headers.get('upgrade') !== 'websocket')
        return fetch(address, { method: request.method, headers: request.headers, body: await request.arrayBuffer() })
      const headers = { authorization: request.headers.get('authorization') ?? '' }
      const far = new WebSocket(address.replace(/^http/, 'ws'), { headers })
      return server.upgrade(request, { data: { far, waiting: [], messages: 0, held: [] } })
        ? undefined
        : new Response(null, { status: 400 })
    },
    websocket: {
      open(near) {
        const { far, waiting } = near.data
        far.onopen = () => {
          for (const frame of waiting.splice(0)) far.send(frame)
        }
        far.onmessage = ({ data }) => {
          const isMessage = 'seq' in JSON.parse(data)
          const frames = isMessage ? meddle(data, ++near.data.messages, near.data.held) : [data]
          for (const frame of frames) near.send(frame)
        }
        far.onclose = () => near.close()
      },
      message({ data: { far, waiting } }, frame) {
        if (far.readyState === WebSocket.OPEN) far.send(frame)
        else waiting.push(String(frame))
      },
      close: ({ data: { far } }) => far.close(),
    },
  })
  return { url: `http://127.0.0.1:${server.port}`, [Symbol.asyncDispose]: () => server.stop(true) }
}
