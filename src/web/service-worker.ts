// Keeps the chat app in the browser, so that it opens without a line: what one writes then is sent later.

/** What this version of the app is made of; put in when it is bundled. */
declare const ASSETS: string[]

/** The part of a service worker's world that this one needs: TypeScript has it beside that of a page, or not at all. */
interface Worker {
  addEventListener(
    type: 'install' | 'activate',
    listener: (event: { waitUntil(done: Promise<unknown>): void }) => void,
  ): void
  addEventListener(
    type: 'fetch',
    listener: (event: { request: Request; respondWith(answer: Promise<Response>): void }) => void,
  ): void
  addEventListener(type: 'notificationclick', listener: (event: Click) => void): void
  skipWaiting(): Promise<void>
  clients: {
    claim(): Promise<void>
    matchAll(of: { type: 'window' }): Promise<Page[]>
    openWindow(path: string): Promise<unknown>
  }
}
interface Click {
  notification: { data: { path: string }; close(): void }
  waitUntil(done: Promise<unknown>): void
}
interface Page {
  url: string
  focus(): Promise<unknown>
  postMessage(message: { path: string }): void
}
const worker = globalThis as unknown as Worker

const CACHE = `parley-${ASSETS.join()}`
const SHELL = ['/', '/icon.svg', ...ASSETS.map((name) => `/assets/${name}`)]

worker.addEventListener('install', (event) =>
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(SHELL))
      .then(() => worker.skipWaiting()),
  ),
)

worker.addEventListener('activate', (event) => event.waitUntil(dropOld().then(() => worker.clients.claim())))

worker.addEventListener('fetch', (event) => {
  const { request } = event
  const { origin, pathname } = new URL(request.url)
  if (request.method !== 'GET' || origin !== location.origin || isConsole(pathname)) return
  // The server first: it knows what is not there, and of a newer version.
  if (request.mode === 'navigate') event.respondWith(fetch(request).catch(() => kept('/')))
  else if (pathname.startsWith('/assets/') || pathname === '/icon.svg')
    event.respondWith(kept(pathname).catch(() => fetch(request)))
})

worker.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(show(event.notification.data.path))
})

/** In the page that is open, or in a new one. */
async function show(path: string): Promise<void> {
  const pages = await worker.clients.matchAll({ type: 'window' })
  const page = pages.find(({ url }) => !isConsole(new URL(url).pathname))
  if (!page) return void (await worker.clients.openWindow(path))
  page.postMessage({ path })
  await page.focus()
}

/** Of the console nothing is kept: it shows what is there now, and whoever has the browser next is to see nothing. */
const isConsole = (pathname: string) => pathname === '/admin' || pathname.startsWith('/admin/')

async function kept(path: string): Promise<Response> {
  const found = await caches.match(path)
  if (!found) throw new Error(`${path} is not kept`)
  return found
}

async function dropOld(): Promise<void> {
  const names = await caches.keys()
  await Promise.all(
    names.filter((name) => name.startsWith('parley-') && name !== CACHE).map((name) => caches.delete(name)),
  )
}
