import { swagger } from '@elysiajs/swagger'
import { Elysia } from 'elysia'
import icon from 'swagger-ui-dist/favicon-32x32.png' with { type: 'file' }
import style from 'swagger-ui-dist/swagger-ui.css' with { type: 'file' }
import bundle from 'swagger-ui-dist/swagger-ui-bundle.js' with { type: 'file' }
import { COOKIE_NAME } from '../auth/credentials.ts'
import { ChatError } from '../lib/errors.ts'
import { answerPage, CACHING, once, type Page, pageOf } from '../lib/http/page.ts'
import protocol from '../live/PROTOCOL.md' with { type: 'text' }
import guide from './api-guide.md' with { type: 'text' }
import { describeSockets } from './live-docs/asyncapi.ts'
import liveStyle from './live-docs/page.css' with { type: 'text' }
import { livePage } from './live-docs/page.ts'
import { normalise, type RawDocument } from './openapi.ts'

/** A route as `app.routes` tells of it. */
export type ApiRoute = Elysia['routes'][number]

interface Deps {
  version: string
  /** Every route of the app; what is hidden is left out. Asked once, with the first request. */
  routes: () => readonly ApiRoute[]
}

const CSP = [
  "default-src 'self'",
  "img-src 'self' data:",
  "object-src 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

// Without validatorUrl null, Swagger UI shows the document to a validator on the internet.
const INIT = `window.ui = SwaggerUIBundle({
  url: '/docs/json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  validatorUrl: null,
})
`

/**
 * REST: Swagger UI at `/docs`, and OpenAPI at `/docs/json`. The sockets: a page at `/docs/live`, AsyncAPI at
 * `/docs/asyncapi.json`, the rules at `/docs/protocol.md`. Nothing on them comes from another server.
 */
export const docsRoutes = ({ version, routes }: Deps) => {
  const assets = once(loadAssets)
  const page = once(async () => pageOf('text/html', new Blob([html(addressIn(await assets()))])))
  const document = once(async () => {
    const text = JSON.stringify(normalise(await generate(version, routes())))
    return pageOf('application/json', new Blob([text]))
  })
  const sockets = once(async () => describeSockets(version))
  const asyncapi = once(async () => pageOf('application/json', new Blob([JSON.stringify(await sockets())])))
  const live = once(async () => pageOf('text/html', new Blob([livePage(await sockets(), addressIn(await assets()))])))
  const rules = once(() => pageOf('text/markdown', new Blob([protocol])))
  return new Elysia({ prefix: '/docs', detail: { hide: true } })
    .get('', async ({ request }) => answer(request, await page(), CACHING.asking))
    .get('/protocol.md', async ({ request }) => answer(request, await rules(), CACHING.asking))
    .get('/live', async ({ request }) => answer(request, await live(), CACHING.asking))
    .get('/asyncapi.json', async ({ request }) => answer(request, await asyncapi(), CACHING.asking))
    .get('/json', async ({ request }) => answer(request, await document(), CACHING.asking))
    .get('/assets/:name', async ({ request, params }) => {
      const asset = (await assets()).get(params.name)
      if (!asset) throw new ChatError('not_found')
      // The page names its assets with their hash: under that address they never change.
      return answer(request, asset, CACHING.always)
    })
}

/**
 * The plugin's own page loads its scripts from a CDN, and its document is not valid OpenAPI. So it is used by an app that
 * listens nowhere and has our routes without their handlers.
 */
async function generate(version: string, routes: readonly ApiRoute[]): Promise<RawDocument> {
  const generator = new Elysia().use(swagger({ path: '/page', specPath: '/raw', documentation: about(version) }))
  for (const { method, path, hooks } of routes) {
    const { detail, params, query, headers, body, response } = hooks
    generator.route(method, path, () => undefined, { detail, params, query, headers, body, response, parse: 'json' })
  }
  const raw = await generator.handle(new Request('http://localhost/raw'))
  // The shape of this version of the plugin, which is pinned; test/docs.test.ts validates what becomes of it.
  return (await raw.json()) as RawDocument
}

const about = (version: string) => ({
  info: { title: 'Parley API', version, description: guide, license: { name: 'MIT' } },
  servers: [{ url: '/', description: 'This server' }],
  tags: [
    { name: 'accounts', description: 'Signing up, in and out; oneself; tickets for sockets.' },
    {
      name: 'users',
      description: 'For the marketplace’s backend: people, as it has them; signing out, exporting, erasing.',
    },
    { name: 'products', description: 'What is offered, and by whom.' },
    { name: 'rooms', description: 'One for an owner, a customer and a product: opening, the inbox, read marks.' },
    { name: 'messages', description: 'Sending, and history. Live messages come over the room socket, above.' },
    { name: 'admin', description: 'The console of those who run the server: every action is in its audit log.' },
    { name: 'operations', description: 'For whoever runs the server: health and metrics.' },
  ],
  components: {
    securitySchemes: {
      bearer: {
        type: 'http' as const,
        scheme: 'bearer',
        description:
          'The `token` of `POST /api/accounts` or `POST /api/sessions`, or a token that the marketplace issued: paste it as it is.',
      },
      serverKey: {
        type: 'http' as const,
        scheme: 'bearer',
        description: 'For the marketplace’s backend: a key of `parley key create`, `plk_…`.',
      },
      cookie: {
        type: 'apiKey' as const,
        in: 'cookie',
        name: COOKIE_NAME,
        description: 'Set by signing up and in; a browser sends it by itself, and nothing is to be pasted here.',
      },
    },
  },
})

async function loadAssets(): Promise<ReadonlyMap<string, Page>> {
  const script = 'text/javascript'
  return new Map([
    ['swagger-ui.css', await pageOf('text/css', Bun.file(style))],
    ['swagger-ui-bundle.js', await pageOf(script, Bun.file(bundle))],
    ['init.js', await pageOf(script, new Blob([INIT]))],
    ['live.css', await pageOf('text/css', new Blob([liveStyle]))],
    ['favicon.png', await pageOf('image/png', Bun.file(icon))],
  ])
}

/** All paths are absolute: they hold at `/docs/` too, and behind a proxy, whatever origin it has. */
const addressIn = (assets: ReadonlyMap<string, Page>) => (name: string) =>
  `/docs/assets/${name}?v=${assets.get(name)?.etag.slice(1, -1)}`

function html(at: (asset: string) => string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Parley API</title>
<link rel="icon" href="${at('favicon.png')}">
<link rel="stylesheet" href="${at('swagger-ui.css')}">
</head>
<body>
<div id="swagger-ui"></div>
<script src="${at('swagger-ui-bundle.js')}"></script>
<script src="${at('init.js')}"></script>
</body>
</html>
`
}

const answer = (request: Request, page: Page, caching: string) =>
  answerPage(request, page, { 'cache-control': caching, 'content-security-policy': CSP })
