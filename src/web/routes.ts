import { Elysia } from 'elysia'
import { httpCredential } from '../auth/credentials.ts'
import { ChatError } from '../lib/errors.ts'
import { answerPage, CACHING, once, type Page, pageOf } from '../lib/http/page.ts'
import type { Locale } from '../lib/texts.ts'
import type { Asset, Bundle } from './bundle.ts'
import { notFoundPage, startPage, webManifest } from './html.ts'
import icon from './icon.svg' with { type: 'text' }

interface Deps {
  /** Whether people sign up and in here, or come from the marketplace. */
  accounts: 'open' | 'closed' | 'off'
  locale: Locale
}

/**
 * Scripts and styles are our own files, and nothing else runs. Pictures of products come from wherever the marketplace
 * has them; Preact sets no markup, and the one address that a script hands to the browser is checked by a policy.
 */
const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: http: https:",
  "connect-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types parley',
].join('; ')

/** It asks for what it keeps, and for pages in their name. */
const WORKER_CSP = "default-src 'none'; connect-src 'self'"

const ASKING = { 'cache-control': CACHING.asking }
const PAGE_HEADERS = { ...ASKING, 'content-security-policy': CSP }

/** A page of the chat app: where one is in it is for its script to read from the address. */
export const APP_PATHS = ['/', '/rooms/:roomId', '/browse', '/offer', '/account'] as const

/** A page of the admin console. It has nothing to hide: what it shows, only an admin is told. */
export const CONSOLE_PATHS = ['/admin', '/admin/:view', '/admin/:view/:id'] as const

/** The chat app at `/`, the console at `/admin`, the widget for other pages, and a page for what is not there. */
export const webRoutes = ({ accounts, locale }: Deps) => {
  // Only when the first page is asked for: a backend of a marketplace needs none of it.
  const files = once(async () => filesOf((await import('./assets.ts')).bundle))
  const app = answering('app', files, { accounts, locale })
  const console = answering('console', files, { accounts, locale })
  const missing = once(async () => pageOf('text/html', new Blob([notFoundPage((await files()).pages.app.style)])))
  const manifest = once(() => pageOf('application/manifest+json', new Blob([webManifest])))
  const picture = once(() => pageOf('image/svg+xml', new Blob([icon])))
  const routes = new Elysia({ detail: { hide: true } })
    .get('/assets/:name', async ({ request, params }) => {
      const asset = (await files()).assets.get(params.name)
      if (!asset) throw new ChatError('not_found')
      return answerAsset(request, asset, { 'cache-control': CACHING.always })
    })
    // For pages of other sites: which of them may talk to this server, the allowlist of origins says.
    .get('/widget.js', async ({ request }) =>
      answerAsset(request, (await files()).widget, { ...ASKING, 'cross-origin-resource-policy': 'cross-origin' }),
    )
    .get('/service-worker.js', async ({ request }) =>
      answerAsset(request, (await files()).serviceWorker, { ...ASKING, 'content-security-policy': WORKER_CSP }),
    )
    .get('/manifest.webmanifest', async ({ request }) => answerPage(request, await manifest(), ASKING))
    .get('/icon.svg', async ({ request }) => answerPage(request, await picture(), ASKING))
    .get('/*', async ({ request }) => {
      const isForPerson = request.headers.get('accept')?.includes('text/html')
      if (!isForPerson) throw new ChatError('not_found')
      const { content, type } = await missing()
      return new Response(content, { status: 404, headers: { 'content-type': type, 'content-security-policy': CSP } })
    })
  for (const path of APP_PATHS) routes.get(path, app)
  for (const path of CONSOLE_PATHS) routes.get(path, console)
  return routes
}

/** What answers with a page: one for whoever has shown a session, and one for everybody else. */
function answering(name: keyof Bundle['pages'], files: () => Promise<Files>, settings: Deps) {
  const made = (hasSession: boolean) =>
    once(async () => {
      const html = startPage(name, (await files()).pages[name], { ...settings, hasSession })
      return pageOf('text/html', new Blob([html]))
    })
  const [ofNobody, ofSomebody] = [made(false), made(true)]
  return async ({ request }: { request: Request }) => {
    const hasSession = httpCredential(request)?.by === 'cookie'
    return answerPage(request, await (hasSession ? ofSomebody : ofNobody)(), PAGE_HEADERS)
  }
}

interface Files {
  assets: ReadonlyMap<string, Compressed>
  pages: Bundle['pages']
  widget: Compressed
  serviceWorker: Compressed
}

/** As it is, for whoever can't take it compressed, and compressed. */
interface Compressed {
  plain: Page
  gzip: Page
}

async function filesOf({ assets, pages, widget, serviceWorker }: Bundle): Promise<Files> {
  const entries = Object.entries(assets).map(async ([name, asset]) => [name, await compressed(asset)] as const)
  return {
    assets: new Map(await Promise.all(entries)),
    pages,
    widget: await compressed(widget),
    serviceWorker: await compressed(serviceWorker),
  }
}

async function compressed({ type, gzip }: Asset): Promise<Compressed> {
  const bytes = Buffer.from(gzip, 'base64')
  return { plain: await pageOf(type, new Blob([Bun.gunzipSync(bytes)])), gzip: await pageOf(type, new Blob([bytes])) }
}

function answerAsset(request: Request, { plain, gzip }: Compressed, headers: Record<string, string>): Response {
  const varying = { ...headers, vary: 'accept-encoding' }
  const takesGzip = request.headers.get('accept-encoding')?.includes('gzip')
  if (!takesGzip) return answerPage(request, plain, varying)
  return answerPage(request, gzip, { ...varying, 'content-encoding': 'gzip' })
}
