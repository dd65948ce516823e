import type { Locale } from '../lib/texts.ts'
import type { Start } from './bundle.ts'

interface Settings {
  accounts: 'open' | 'closed' | 'off'
  locale: Locale
  /** Whether the browser has shown a session: else the script need not ask whose it is. */
  hasSession: boolean
}

const HEAD = `<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="/icon.svg">`

const PAGES = {
  app: {
    title: 'Parley',
    head: '<link rel="manifest" href="/manifest.webmanifest">',
    withoutScript: 'Parley is a chat, and needs JavaScript.',
  },
  console: {
    title: 'Console · Parley',
    head: '<meta name="robots" content="noindex">',
    withoutScript: 'The console needs JavaScript.',
  },
}

/** What the chat app and the console start from; their scripts read the settings from the element itself. */
export function startPage(name: keyof typeof PAGES, { script, shared, style }: Start, settings: Settings): string {
  const { title, head, withoutScript } = PAGES[name]
  const { accounts, locale, hasSession } = settings
  return `<!doctype html>
<html lang="${locale}" data-accounts="${accounts}" data-session="${hasSession}">
<head>
${HEAD}
<meta name="theme-color" content="#ffffff" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#12161c" media="(prefers-color-scheme: dark)">
${head}
<link rel="stylesheet" href="/assets/${style}">
${shared.map((name) => `<link rel="modulepreload" href="/assets/${name}">\n`).join('')}<script type="module" src="/assets/${script}"></script>
<title>${title}</title>
</head>
<body>
<div id="app"><noscript>${withoutScript}</noscript></div>
</body>
</html>
`
}

export const notFoundPage = (style: string): string => `<!doctype html>
<html lang="en">
<head>
${HEAD}
<link rel="stylesheet" href="/assets/${style}">
<title>Not found · Parley</title>
</head>
<body>
<main class="state state-page">
<h1>Nothing is here</h1>
<p>The address may be wrong, or what was here has gone.</p>
<p lang="ko">주소가 잘못되었거나 페이지가 없어졌습니다.</p>
<p><a class="button" href="/">To your conversations</a></p>
</main>
</body>
</html>
`

/** So that a phone can put it on its home screen. */
export const webManifest = JSON.stringify({
  name: 'Parley',
  short_name: 'Parley',
  start_url: '/',
  display: 'standalone',
  background_color: '#ffffff',
  theme_color: '#1f6f5c',
  icons: [{ src: '/icon.svg', sizes: 'any', type: 'image/svg+xml', purpose: 'any' }],
})
