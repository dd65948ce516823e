import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { becomes, ChatPage } from '../support/chat-page.ts'
import { type RunningParley, startParley } from '../support/server.ts'

setDefaultTimeout(60_000)

let server: RunningParley
beforeAll(async () => {
  server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
})
afterAll(() => server[Symbol.asyncDispose]())

const phone = (width: number, height: number) => ({ viewport: { width, height }, hasTouch: true, isMobile: true })

async function fits(chat: ChatPage) {
  const sizes = await chat.page.evaluate<{ content: number; screen: number }>(
    '({ content: document.documentElement.scrollWidth, screen: innerWidth })',
  )
  expect({ path: new URL(chat.page.url()).pathname, ...sizes }).toMatchObject({ content: sizes.screen })
  expect(sizes.screen).toBe(chat.page.viewportSize()?.width ?? 0)
}

test('on a phone one thing is seen at a time, and Enter begins a line', async () => {
  const { owner, customer, roomId } = await server.pair()
  await owner.send(roomId, 'Hello')
  await using joon = await ChatPage.open(server, { person: customer, ...phone(390, 844) })
  const [inbox, main] = [joon.page.locator('.side'), joon.page.locator('#main')]
  await joon.row('Minji').waitFor()
  expect(await main.isVisible()).toBe(false)
  await joon.row('Minji').tap()
  await joon.hears('Hello')
  expect(await inbox.isVisible()).toBe(false)
  const { y, height } = (await joon.composer.boundingBox()) ?? { y: 0, height: 0 }
  expect(y).toBeGreaterThan(700)
  expect(y + height).toBeLessThanOrEqual(844)

  await joon.composer.tap()
  await joon.page.keyboard.type('Is it free?')
  await joon.page.keyboard.press('Enter')
  await joon.page.keyboard.type('On Saturday?')
  expect(await joon.composer.inputValue()).toBe('Is it free?\nOn Saturday?')
  await joon.button('Send').tap()
  await joon.hears('Hello', 'Is it free?\nOn Saturday?')
  await joon.link('Back to conversations').tap()
  await joon.row('Minji').getByText('You: Is it free?').waitFor()
  expect(await main.isVisible()).toBe(false)
  await joon.page.locator('.top-link').tap()
  await joon.page.getByRole('heading', { name: 'Browse' }).waitFor()
  await joon.link('Back to conversations').tap()
  await joon.row('Minji').waitFor()
})

test.each([[390], [320]])('nothing is wider than a screen of %d points', async (width) => {
  const owner = await server.person('Wilhelmina-Constantia of the Long Names and More')
  const customer = await server.person('Joon')
  const price = { priceMinor: 123_456_789, currency: 'KRW', url: 'https://shop.example/bike' }
  const { id: productId } = await owner.offer(`Bicycle ${'W'.repeat(180)}`, price)
  const { id: roomId } = await customer.openRoom(productId)
  for (const text of ['W'.repeat(300), 'Hello']) await owner.send(roomId, text)
  await using nobody = await ChatPage.open(server, phone(width, 640))
  await fits(nobody)
  await nobody.button('New here? Create an account').tap()
  await fits(nobody)
  await using joon = await ChatPage.open(server, { person: customer, ...phone(width, 640) })
  await joon.row('Wilhelmina').waitFor()
  await fits(joon)
  await joon.goTo(`/rooms/${roomId}`)
  await joon.message('Hello').waitFor()
  await fits(joon)
  await joon.button('Emoji').tap()
  const grid = await joon.page.getByRole('group', { name: 'Emoji' }).boundingBox()
  expect((grid?.x ?? 0) + (grid?.width ?? width)).toBeLessThanOrEqual(width)
  for (const path of ['/browse', '/offer', '/account']) {
    await joon.goTo(path)
    await becomes(() => joon.page.locator('main .loading').count(), 0)
    await fits(joon)
  }
})
