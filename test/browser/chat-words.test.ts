import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { ChatPage } from '../support/chat-page.ts'
import { type RunningParley, startParley } from '../support/server.ts'

setDefaultTimeout(60_000)

let server: RunningParley
beforeAll(async () => {
  server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
})
afterAll(() => server[Symbol.asyncDispose]())

async function openRoomWith(...texts: string[]) {
  const { owner, customer, roomId } = await server.pair()
  for (const text of texts) await customer.send(roomId, text)
  const chat = await ChatPage.open(server, { person: owner, path: `/rooms/${roomId}` })
  await chat.hears(...texts)
  return chat
}

test('a long word is broken, and nothing is wider than its place', async () => {
  await using chat = await openRoomWith('W'.repeat(600), `https://shop.example/${'a'.repeat(600)}`)
  const excess = (place: string) =>
    chat.page.locator(place).evaluate((element) => element.scrollWidth - element.clientWidth)
  for (const place of ['html', '[role=log]']) expect(await excess(place)).toBe(0)
})

test('right-to-left text is set from the right, what stands beside it is not', async () => {
  await using chat = await openRoomWith('مرحبا، هل الدراجة متاحة؟', 'Yes')
  const directions = () =>
    chat.timeline
      .locator('.bubble')
      .evaluateAll((bubbles) => bubbles.map((bubble) => (bubble.matches(':dir(rtl)') ? 'rtl' : 'ltr')))
  expect(await directions()).toEqual(['rtl', 'ltr'])
})

test('addresses become links, and only those of the web', async () => {
  await using chat = await openRoomWith(
    'See https://shop.example/bike?a=1&b=2#top. Or (http://shop.example/a_(b)), HTTPS://SHOP.EXAMPLE!',
    'javascript:alert(1) data:text/html,hi file:///etc/passwd //shop.example www.shop.example',
    'https:// http://[ ahttps://shop.example',
  )
  const links = chat.timeline.getByRole('link')
  expect(await links.evaluateAll((all) => all.map((link) => link.getAttribute('href')))).toEqual([
    'https://shop.example/bike?a=1&b=2#top',
    'http://shop.example/a_(b)',
    'HTTPS://SHOP.EXAMPLE',
  ])
  expect(await links.evaluateAll((all) => all.map((link) => link.getAttribute('target')))).toEqual(
    Array(3).fill('_blank'),
  )
  for (const rel of await links.evaluateAll((all) => all.map((link) => link.getAttribute('rel'))))
    expect(rel?.split(' ')).toEqual(expect.arrayContaining(['noopener', 'noreferrer', 'nofollow', 'ugc']))
})

test('markup is shown as it was written, wherever it stands', async () => {
  const markup = '<img src=x onerror="document.title=1"><script>document.title=2</script><b>bold</b>'
  const owner = await server.person('<i>Minji</i>')
  const customer = await server.person('Joon')
  const { id: productId } = await owner.offer(markup)
  const { id: roomId } = await customer.openRoom(productId)
  await owner.send(roomId, markup)
  await using chat = await ChatPage.open(server, { person: customer, path: `/rooms/${roomId}` })
  await chat.hears(markup)
  await chat.page.getByRole('heading', { name: '<i>Minji</i>' }).waitFor()
  for (const place of ['.product-strip .title', '.row-product', '.row-last'])
    expect(await chat.page.locator(place).textContent()).toBe(markup)
  await chat.page.locator('.top-link').click()
  await chat.page.getByRole('heading', { name: markup }).waitFor()
  expect(await chat.page.locator('i, img[src=x], h2 b, p b, script:not([src])').count()).toBe(0)
})

test('three emoji and no more stand large', async () => {
  await using chat = await openRoomWith('👍', '👨‍👩‍👧 🇰🇷', '👍👍👍👍', '123')
  expect(await chat.timeline.locator('.large').allTextContents()).toEqual(['👍', '👨‍👩‍👧 🇰🇷'])
})
