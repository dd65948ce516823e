import { expect, setDefaultTimeout, test } from 'bun:test'
import { openBrowser } from '../support/browser.ts'
import { signUp, startParley } from '../support/server.ts'

// A browser on a busy machine takes its time.
setDefaultTimeout(60_000)

test('Swagger UI opens without an error, and asks nobody but the server', async () => {
  await using parley = await startParley()
  await using browser = await openBrowser(parley.url)
  await browser.page.goto(`${parley.url}/docs`)
  await browser.page.locator('#operations-messages-postRoomsByRoomIdMessages').waitFor()
  expect(await browser.page.title()).toBe('Parley API')
  expect(browser.complaints).toEqual([])
  expect(browser.foreignRequests).toEqual([])
})

test('with a token pasted in, it tries a route out', async () => {
  await using parley = await startParley()
  await using browser = await openBrowser(parley.url)
  const { token } = await signUp(parley.url, 'Minji')
  const { page } = browser
  await page.goto(`${parley.url}/docs`)
  await page.locator('button.authorize').first().click()
  await page.locator('#auth-bearer-value').first().fill(token)
  await page.getByRole('button', { name: 'Apply credentials' }).first().click()
  await page.getByRole('button', { name: 'Close', exact: true }).first().click()

  const route = page.locator('#operations-accounts-getMe')
  await route.locator('.opblock-summary-control').click()
  await route.getByRole('button', { name: 'Try it out' }).click()
  await route.getByRole('button', { name: 'Execute' }).click()
  const answer = route.locator('.live-responses-table .response').first()
  await answer.waitFor()
  expect(await answer.locator('.response-col_status').textContent()).toStartWith('200')
  expect(await answer.textContent()).toContain('"username": "Minji"')
  expect(browser.complaints).toEqual([])
  expect(browser.foreignRequests).toEqual([])
})
