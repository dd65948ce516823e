import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import type { OpenBrowser } from '../support/browser.ts'
import { confirm, heading, openConsole, row, visit } from '../support/console-page.ts'
import { type RunningParley, startParley } from '../support/server.ts'

// A browser on a busy machine takes its time.
setDefaultTimeout(60_000)

let parley: RunningParley
let browser: OpenBrowser
beforeAll(async () => {
  parley = await startParley({ env: { PARLEY_LIMITS: 'off' } })
})
afterAll(() => parley[Symbol.asyncDispose]())
beforeEach(async () => {
  browser = await openConsole(parley)
})
afterEach(async () => {
  const { complaints, foreignRequests } = browser
  await browser[Symbol.asyncDispose]()
  expect({ complaints, foreignRequests }).toEqual({ complaints: [], foreignRequests: [] })
})

test('a person is found, shut out, and let in again; it says what it does, and asks', async () => {
  const { page } = browser
  const [joon] = await Promise.all([parley.person('Joon'), parley.person('Minji')])
  await visit(page, '/people')
  await page.getByRole('searchbox').fill(joon.email)
  await row(page, 'Minji').waitFor({ state: 'detached' })

  const found = row(page, 'Joon')
  await found.getByRole('button', { name: 'Disable' }).click()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  expect((await joon.get('/api/me')).status).toBe(200)

  expect(await confirm(page, 'Disable: Joon')).toContain('signed out everywhere at once')
  await found.getByText('disabled').waitFor()
  expect((await joon.get('/api/me')).status).toBe(403)

  await confirm(page, 'Enable: Joon')
  await found.getByRole('button', { name: 'Disable' }).waitFor()
  await visit(page, '/audit')
  const [enabled, disabled] = await page.getByRole('row').filter({ hasText: 'Joon' }).allTextContents()
  expect(enabled).toContain('Adminenabled')
  expect(disabled).toContain('Admindisabled')
})

test('a person gets a role, and is signed out everywhere; nobody does it to themselves', async () => {
  const { page } = browser
  const seoyeon = await parley.person('Seo-yeon')
  await visit(page, '/people')
  await page.getByRole('link', { name: 'Seo-yeon' }).click()
  await heading(page, 'Seo-yeon').waitFor()
  expect(await confirm(page, 'Make an admin')).toContain('make keys and other admins')
  await page.locator('.tag').getByText('admin', { exact: true }).waitFor()
  expect((await seoyeon.get('/api/admin/keys')).status).toBe(200)

  await confirm(page, 'Sign out everywhere')
  await page.getByText('No sessions').waitFor()
  expect((await seoyeon.get('/api/me')).status).toBe(401)

  await visit(page, '/people')
  await page.getByRole('link', { name: 'Admin', exact: true }).click()
  await page.getByText('This is you').waitFor()
  expect(await page.getByRole('button', { name: 'Disable' }).count()).toBe(0)
})

test('a key is shown once, works, and does not after it was revoked', async () => {
  const { page } = browser
  await visit(page, '/keys')
  await page.getByText('No keys yet').waitFor()
  await page.locator('summary', { hasText: 'Make a key' }).click()
  await page.getByLabel('Name').fill('shop')
  await page.getByLabel('users').check()
  await page.getByRole('button', { name: 'Make a key' }).click()
  const secret = page.getByRole('textbox', { name: 'The key “shop”' })
  const key = await secret.inputValue()
  // Its ids may have what an address has for itself.
  const upsert = () =>
    fetch(`${parley.url}/api/users/${encodeURIComponent('team/7?')}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'Hugo' }),
    })
  expect((await upsert()).status).toBe(201)

  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.getByRole('button', { name: 'Copy' }).click()
  await page.getByRole('button', { name: 'Copied' }).waitFor()
  expect(await page.evaluate<string>('navigator.clipboard.readText()')).toBe(key)
  await page.getByRole('button', { name: 'Done' }).click()
  await secret.waitFor({ state: 'detached' })
  expect(await page.content()).not.toContain(key)

  expect(await confirm(page, 'Revoke: shop')).toContain('refused from its next request on')
  await row(page, 'shop').getByText('revoked').waitFor()
  expect((await upsert()).status).toBe(401)

  await page.goto(`${parley.url}/admin/people/${encodeURIComponent('team/7?')}`)
  await heading(page, 'Hugo').waitFor()
})

test('a room says that reading it is written down, and it is, before a word is shown', async () => {
  const { page } = browser
  const { owner, customer, roomId } = await parley.pair('Ada', 'Grace')
  for (let n = 1; n <= 60; n++) await customer.send(roomId, `Question ${n}`)
  await owner.send(roomId, '<b>Yes</b>, from nine.')

  await visit(page, '/rooms')
  await page.getByRole('link', { name: `#${roomId}` }).click()
  await page.getByText('That you read it is written to the audit log').waitFor()
  const readings = async () => {
    await visit(page, '/audit')
    await page.getByText('came in by a link').first().waitFor()
    return page
      .getByRole('row')
      .filter({ hasText: `Room #${roomId}` })
      .count()
  }
  expect(await readings()).toBe(0)

  await page.goto(`${parley.url}/admin/rooms/${roomId}`)
  await page.getByRole('button', { name: 'Read the messages' }).click()
  await page.getByText('<b>Yes</b>, from nine.').waitFor()
  expect(await page.getByText('Question 1', { exact: true }).count()).toBe(0)
  await page.getByRole('button', { name: 'Earlier messages' }).click()
  await page.getByText('Question 1', { exact: true }).waitFor()
  expect(await page.locator('.said li').count()).toBe(61)
  expect(await readings()).toBe(1)
})

test('a product is withdrawn, and a session ended', async () => {
  const { page } = browser
  const linus = await parley.person('Linus')
  const { id } = await linus.offer('Tent for two')
  const roomId = (await (await parley.person('Ada')).openRoom(id)).id
  await visit(page, '/products')
  await confirm(page, 'Withdraw: Tent for two')
  await row(page, 'Tent for two').getByText('withdrawn').waitFor()
  await page.getByRole('link', { name: 'Tent for two' }).click()
  await row(page, `#${roomId}`).waitFor()

  await visit(page, '/sessions')
  await row(page, 'this one').waitFor()
  expect(await row(page, 'this one').getByRole('button').count()).toBe(0)
  await confirm(page, 'End: Linus')
  await page.getByRole('link', { name: 'Linus' }).waitFor({ state: 'detached' })
  expect((await linus.get('/api/me')).status).toBe(401)
})

test('figures come anew by themselves', async () => {
  const { page } = browser
  const { owner, roomId } = await parley.pair('Ines', 'Jan')
  const connections = page.getByRole('figure').filter({ hasText: 'Connections' }).locator('b')
  expect(await connections.textContent()).toContain('0')
  using _socket = await owner.connect(roomId)
  await connections.getByText('1', { exact: true }).waitFor()
})
