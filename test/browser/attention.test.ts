import { afterAll, beforeAll, expect, test } from 'bun:test'
import { openBrowser } from '../support/browser.ts'
import type { Person } from '../support/person.ts'
import { until } from '../support/redis.ts'
import { type RunningParley, startParley } from '../support/server.ts'

let parley: RunningParley
let minji: Person
let joon: Person
let roomId: number
beforeAll(async () => {
  parley = await startParley()
  const pair = await parley.pair()
  minji = pair.owner
  joon = pair.customer
  roomId = pair.roomId
})
afterAll(() => parley[Symbol.asyncDispose]())

/** Minji's browser: she lets the page notify her, and looks at another window. */
async function openUnseen() {
  const open = await openBrowser(parley.url)
  const { page } = open
  await page.context().grantPermissions(['notifications'], { origin: parley.url })
  await page.context().addCookies([{ name: 'parley_session', value: minji.token, url: parley.url }])
  // A browser without a window never hides a page by itself.
  await page.addInitScript({
    content: `Object.defineProperty(document, 'hidden', { get: () => globalThis.isSeen !== true })`,
  })
  await page.goto(parley.url)
  await page.locator('.shell').waitFor()
  return open
}

const NOTIFICATIONS = `navigator.serviceWorker.ready
  .then((registration) => registration.getNotifications())
  .then((all) => all.map(({ title, body, data }) => [title, body, data.path]))`

test('a page that is out of sight says in its title, on its icon and in a notification that somebody has written', async () => {
  await using open = await openUnseen()
  const { page } = open
  await page.evaluate('navigator.serviceWorker.ready.then(() => undefined)')
  await joon.send(roomId, 'Is it free on Saturday?')
  await until(async () => (await page.title()) === '(1) Parley')
  await page.locator('link[rel=icon][href^="data:image/png"]').waitFor({ state: 'attached' })
  await until(async () => (await page.evaluate<string[][]>(NOTIFICATIONS)).length > 0)
  expect(await page.evaluate<string[][]>(NOTIFICATIONS)).toEqual([
    ['Joon · Road bike', 'Is it free on Saturday?', `/rooms/${roomId}`],
  ])

  // What is read is no news any more.
  await page.evaluate('globalThis.isSeen = true')
  await page.locator('.row').click()
  await page.locator('.bubble').waitFor()
  await until(async () => (await page.title()) === 'Parley')
  await page.locator('link[rel=icon][href$="/icon.svg"]').waitFor({ state: 'attached' })
  expect(open.complaints).toEqual([])
})

test('a clicked notification leads to its room', async () => {
  await using open = await openUnseen()
  const { page } = open
  await page.evaluate('navigator.serviceWorker.ready.then(() => undefined)')
  // As the service worker tells the page of it.
  await page.evaluate(
    `navigator.serviceWorker.dispatchEvent(new MessageEvent('message', { data: { path: '/rooms/${roomId}' } }))`,
  )
  await page.locator('.bubble').waitFor()
  expect(new URL(page.url()).pathname).toBe(`/rooms/${roomId}`)
  expect(open.complaints).toEqual([])
})
