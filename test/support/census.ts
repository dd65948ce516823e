// Loaded into the program before it starts, be it the source or the binary (BUN_OPTIONS): says what it has in memory, at
// the socket that CENSUS_SOCKET names.

import { heapStats } from 'bun:jsc'
import { isMainThread } from 'node:worker_threads'

/** What a thread has after a collection. */
export interface Heap {
  bytes: number
  /** How many there are of each kind: Object, Map, Timeout, SQLStatement, … */
  objects: Record<string, number>
}

export interface Census {
  /** The event loop's thread. */
  server: Heap
  /** The thread that writes. */
  writer: Heap
  /** Of Bun's pub/sub, with a socket on them. */
  topics: number
}

function heap(): Heap {
  Bun.gc(true)
  const { heapSize, objectTypeCounts } = heapStats()
  return { bytes: heapSize, objects: objectTypeCounts }
}

const channel = new BroadcastChannel('census')
channel.unref()

if (isMainThread) countServer()
else channel.onmessage = () => channel.postMessage(heap())

function countServer() {
  const sockets = new Set<Bun.ServerWebSocket<unknown>>()
  const { serve } = Bun
  const topics = () => new Set([...sockets].flatMap((socket) => socket.subscriptions)).size
  const answer = async () => Response.json({ server: heap(), writer: await writer(), topics: topics() })
  serve({ unix: process.env.CENSUS_SOCKET ?? '', fetch: answer }).unref()
  globalThis.Worker = class extends Worker {
    constructor(url: string | URL, options: WorkerOptions = {}) {
      super(url, { ...options, preload: import.meta.path })
    }
  }
  const counted = <O extends object>(options: O): O =>
    'websocket' in options ? { ...options, websocket: counting(options.websocket as Handler, sockets) } : options
  Bun.serve = ((options: Parameters<typeof serve>[0]) => {
    const server = serve(counted(options))
    // Elysia gives it its routes a moment later, with the sockets' handler once more.
    const reload = server.reload.bind(server)
    server.reload = (later) => reload(counted(later))
    return server
  }) as typeof serve
}

type Handler = Bun.WebSocketHandler<unknown>

const writer = () =>
  new Promise<Heap>((resolve) => {
    channel.onmessage = ({ data }) => resolve(data)
    channel.postMessage('count')
  })

const counting = (handler: Handler, sockets: Set<Bun.ServerWebSocket<unknown>>): Handler => ({
  ...handler,
  open(socket) {
    sockets.add(socket)
    return handler.open?.(socket)
  },
  close(socket, code, reason) {
    sockets.delete(socket)
    return handler.close?.(socket, code, reason)
  },
})
