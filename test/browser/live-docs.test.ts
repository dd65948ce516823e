import { expect, setDefaultTimeout, test } from 'bun:test'
import { openBrowser } from '../support/browser.ts'
import { startParley } from '../support/server.ts'

// A browser on a busy machine takes its time.
setDefaultTimeout(60_000)

test('the page about the sockets opens without an error, and asks nobody but the server', async () => {
  await using parley = await startParley()
  await using browser = await openBrowser(parley.url)
  const { page } = browser
  await page.goto(`${parley.url}/docs/live`)
  const chapters = await page.locator('main h2').allTextContents()
  expect(chapters).toEqual([
    ...['Handshake', 'The plain room socket', 'The app socket'],
    ...['A room’s channel', 'A person’s own channel', 'Shapes'],
  ])
  expect(await page.title()).toBe('Parley sockets')
  expect(browser.complaints).toEqual([])
  expect(browser.foreignRequests).toEqual([])
})

test.each([
  ['a phone', 390],
  ['a desk', 1280],
])('on %s nothing is wider than the screen, and the contents lead to each command', async (_, width) => {
  await using parley = await startParley()
  await using browser = await openBrowser(parley.url)
  const { page } = browser
  await page.setViewportSize({ width, height: 800 })
  await page.goto(`${parley.url}/docs/live`)
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
  // A phone has no third level in its contents.
  const link = width > 1000 ? 'subscribe' : 'Commands'
  await page.getByRole('navigation').getByRole('link', { name: link, exact: true }).click()
  const heading = width > 1000 ? '#subscribe' : '#commands'
  expect(await page.evaluate(`document.querySelector('${heading}').getBoundingClientRect().top`)).toBeWithin(0, 100)
  expect(browser.complaints).toEqual([])
})

test('in the dark it is dark', async () => {
  await using parley = await startParley()
  await using browser = await openBrowser(parley.url)
  const { page } = browser
  const paper = 'getComputedStyle(document.body).backgroundColor'
  await page.goto(`${parley.url}/docs/live`)
  expect(await page.evaluate(paper)).toBe('rgb(255, 255, 255)')
  await page.emulateMedia({ colorScheme: 'dark' })
  expect(await page.evaluate(paper)).toBe('rgb(20, 23, 28)')
})
