import { Elysia, t } from 'elysia'
import { requireJson, upgradeHeaders } from '../auth/credentials.ts'
import { peerOf } from '../auth/guard.ts'
import type { ClusterNode } from '../cluster/node.ts'
import { ChatError } from '../lib/errors.ts'
import { type Locale, localeFor } from '../lib/texts.ts'
import type { AppDeps } from './app/connection.ts'
import { AppSession } from './app/session.ts'
import { arrive, type HandshakeDeps, requireUpgrade } from './handshake.ts'
import { StreamSocket, type Streams } from './stream-socket.ts'

interface Deps extends AppDeps, HandshakeDeps {
  locale: Locale
  streams: Streams
  /** This node, and the way to another one. */
  clusterNode: Pick<ClusterNode, 'name' | 'forward'>
  onClosed: (code: number) => void
}

/** `GET /connection/websocket`, and the same protocol over two HTTP requests where WebSockets do not get through. */
export const appSocket = (deps: Deps) =>
  new Elysia({ detail: { hide: true } })
    .get('/connection/websocket', async ({ request, server, set }) => {
      requireUpgrade(request)
      requireJson(request)
      const arrival = await arrive({ request, server, mayTellLater: true }, deps)
      const data = new AppSession(deps, { ...arrival, locale: localeOf(request, deps.locale) }).line
      if (!server?.upgrade(request, { data, headers: upgradeHeaders(request) })) throw new ChatError('bad_request')
      set.status = 101
    })
    .post(
      '/connection/http_stream',
      async ({ request, server, body }) => {
        const command = JSON.stringify(body)
        if (command.length > MAX_FRAME_LENGTH) throw tooLong()
        const arrival = await arrive({ request, server, mayTellLater: true }, deps)
        // Quiet for longer than Bun lets an answer be: the protocol pings by itself.
        server?.timeout(request, 0)
        const emulation = { session: crypto.randomUUID(), node: deps.clusterNode.name }
        const { line } = new AppSession(deps, { ...arrival, locale: localeOf(request, deps.locale), emulation })
        const socket = new StreamSocket({ ...deps, session: emulation.session, live: line })
        deps.streams.add(emulation.session, line)
        line.onOpen(socket)
        line.onMessage(command)
        return new Response(socket.body, { headers: STREAM_HEADERS })
      },
      STREAM,
    )
    .post(
      '/emulation',
      async ({ request, server, body: { node, session, data }, status }) => {
        const { origins, streams, clusterNode } = deps
        origins.refuseForeign(request, peerOf(request, server))
        const isHere = node === clusterNode.name
        const live = isHere ? streams.find(session) : undefined
        live?.onMessage(data)
        const isTaken = isHere ? live !== undefined : await clusterNode.forward(node, session, data)
        // Its client then begins another one.
        if (!isTaken) throw new ChatError('not_found')
        return status(204, undefined)
      },
      EMULATION,
    )

/** As of a frame of a WebSocket. */
const MAX_FRAME_LENGTH = 64 << 10

const tooLong = () =>
  new ChatError('invalid', { errors: [{ path: '', fault: 'too_long', limit: String(MAX_FRAME_LENGTH) }] })

const localeOf = ({ headers }: Request, own: Locale) => localeFor(headers.get('accept-language'), own)

const STREAM = { body: t.Object({}, { additionalProperties: true }) }

/** Of a session, and of a node. */
const NAME = { pattern: '^[0-9a-f-]{1,36}$' }

const EMULATION = {
  body: t.Object(
    { session: t.String(NAME), node: t.String(NAME), data: t.String({ maxLength: MAX_FRAME_LENGTH }) },
    { additionalProperties: true },
  ),
}

const STREAM_HEADERS = {
  'content-type': 'application/x-ndjson',
  'cache-control': 'private, no-cache, no-store, must-revalidate, max-age=0',
  // nginx would keep it back until it is long enough.
  'x-accel-buffering': 'no',
}
