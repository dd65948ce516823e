// Takes the pictures of docs/images anew, of the demo: bun test/browser/screenshots.ts

import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { PROGRAM, startParley } from '../support/server.ts'

const IMAGES = join(import.meta.dir, '../../docs/images')

const SCREENS = {
  desktop: { viewport: { width: 1200, height: 760 } },
  phone: { viewport: { width: 390, height: 780 }, deviceScaleFactor: 1.5, isMobile: true, hasTouch: true },
} as const
type Screen = keyof typeof SCREENS

interface View {
  name: string
  path: string
  /** There when the view is. */
  shown: string
  prepare?: (page: Page) => Promise<unknown>
}

/** Of whoever is signed in. */
const VIEWS: View[] = [
  { name: 'inbox', path: '/', shown: '.row' },
  { name: 'room', path: '/', shown: '.row', prepare: openLongRoom },
  { name: 'browse', path: '/browse', shown: '.card' },
  { name: 'offer', path: '/offer', shown: '.form' },
  { name: 'account', path: '/account', shown: '.form' },
]

const CONSOLE: View[] = [
  { name: 'console-figures', path: '/admin', shown: 'svg' },
  { name: 'console-people', path: '/admin/people', shown: 'tbody tr' },
  { name: 'console-rooms', path: '/admin/rooms', shown: 'tbody tr' },
  { name: 'console-audit', path: '/admin/audit', shown: 'tbody tr' },
]

const EMAIL = 'joon@demo.example'
const PASSWORD = 'for pictures only'

await using parley = await startParley({ args: ['--demo'] })
Bun.spawnSync([...PROGRAM, 'user', 'password', EMAIL, '--data-dir', parley.dataDir], { stdin: Buffer.from(PASSWORD) })
await using browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
for (const screen of ['desktop', 'phone'] as const) {
  for (const colorScheme of ['light', 'dark'] as const) await takeAll(browser, screen, colorScheme)
}

async function takeAll(browser: Browser, screen: Screen, colorScheme: 'light' | 'dark') {
  const context = await browser.newContext({ ...SCREENS[screen], colorScheme, locale: 'en-US' })
  const page = await context.newPage()
  const take = async (name: string) => {
    await page.waitForLoadState('networkidle')
    const png = await page.screenshot()
    const file = join(IMAGES, `${name}-${screen}-${colorScheme}.webp`)
    await Bun.write(file, await new Bun.Image(png).webp({ quality: 78 }).bytes())
    console.log(file)
  }
  await page.goto(parley.url)
  await page.waitForSelector('form')
  await take('sign-in')
  await signIn(page)
  for (const { name, path, shown, prepare } of VIEWS) {
    await page.goto(parley.url + path)
    await page.waitForSelector(shown)
    await prepare?.(page)
    await take(name)
  }
  await page.goto(`${parley.url}/admin#${linkOf()}`)
  await page.waitForSelector('nav')
  for (const { name, path, shown } of CONSOLE) {
    await page.goto(parley.url + path)
    await page.waitForSelector(shown)
    await take(name)
  }
  await context.close()
}

/** The token of a new link to the console. */
function linkOf(): string {
  const { stdout } = Bun.spawnSync([...PROGRAM, 'admin', 'link', '--data-dir', parley.dataDir])
  return stdout.toString().trim().split('#')[1] ?? ''
}

async function signIn(page: Page) {
  await page.fill('[name=email]', EMAIL)
  await page.fill('[name=password]', PASSWORD)
  await page.click('[type=submit]')
  await page.waitForSelector('.shell')
}

async function openLongRoom(page: Page) {
  await page.click('.row >> text=Road bike')
  await page.waitForSelector('.bubble')
  await page.getByRole('textbox', { name: 'Write a message' }).fill('Shall I bring a helmet, or do you')
}
