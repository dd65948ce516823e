import { expect, setDefaultTimeout, test } from 'bun:test'
import { becomes, ChatPage } from '../support/chat-page.ts'
import type { Person } from '../support/person.ts'
import { startParley } from '../support/server.ts'

setDefaultTimeout(120_000)

const MESSAGES = 2000
const AT_ONCE = 40

/** In which order they are stored is the server's. */
async function talkAtLength(people: [Person, Person], roomId: number) {
  for (let sent = 0; sent < MESSAGES; sent += AT_ONCE)
    await Promise.all(
      Array.from({ length: AT_ONCE }, (_, at) => people[at % 2]?.send(roomId, `This is number ${sent + at}.`)),
    )
}

/** Holds back each page of earlier messages until it is let through. */
async function holdPages({ page }: ChatPage) {
  const held: (() => Promise<void>)[] = []
  await page.route(/[?&]before=/, (route) => {
    held.push(() => route.continue())
  })
  return {
    held,
    /** Lets it through, and all that are asked for later. */
    async release() {
      await page.unroute(/[?&]before=/)
      for (const go of held.splice(0)) await go()
    },
    async next() {
      await becomes(() => held.length > 0, true)
      await held.shift()?.()
    },
  }
}

/** The first line that is wholly in view, and where. */
const firstInView = (chat: ChatPage) =>
  chat.timeline.evaluate((list) => {
    const top = list.getBoundingClientRect().top
    const first = [...list.querySelectorAll('.line')].find((line) => line.getBoundingClientRect().top >= top)
    return { text: first?.querySelector('.bubble')?.textContent ?? '', y: first?.getBoundingClientRect().y ?? 0 }
  })

const placeOf = async (chat: ChatPage, text: string) =>
  chat.message(text).evaluate((line) => line.getBoundingClientRect().y)

test(`${MESSAGES} messages are scrolled through to the first, each there once and none jumping`, async () => {
  await using server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  const { owner, customer, roomId } = await server.pair()
  await talkAtLength([owner, customer], roomId)
  const said = (await owner.history(roomId)).map(({ text }) => text)
  await owner.put(`/api/rooms/${roomId}/read-mark`, { seq: MESSAGES })
  await using minji = await ChatPage.open(server, { person: owner, path: `/rooms/${roomId}`, serviceWorkers: 'block' })
  await minji.hears(...said.slice(-50))
  const count = () => minji.timeline.locator('.bubble').count()
  const top = () => minji.timeline.evaluate((list) => list.scrollTop)

  const pages = await holdPages(minji)
  await minji.timeline.hover()
  for (let page = 1; page <= 5; page++) {
    await minji.page.mouse.wheel(0, -100_000)
    await becomes(top, 0)
    // Every other time a little below the very top.
    if (page % 2 === 0) {
      await minji.page.mouse.wheel(0, 250)
      await becomes(top, 250)
    }
    const { text, y } = await firstInView(minji)
    await pages.next()
    await becomes(count, 50 + 50 * page)
    expect(Math.abs((await placeOf(minji, text)) - y)).toBeLessThanOrEqual(2)
  }
  await pages.release()

  await minji.timeline.focus()
  const isAtStart = async () =>
    (await minji.timeline.locator('.start').textContent()) === 'The conversation starts here'
  while (!(await isAtStart())) {
    const known = await count()
    await minji.page.keyboard.press('Home')
    await becomes(async () => (await count()) > known, true)
  }
  await minji.page.keyboard.press('Home')
  expect(await minji.texts()).toEqual(said)

  await becomes(top, 0)
  await customer.send(roomId, 'And one more')
  const toNewest = minji.page.locator('.to-newest', { hasText: '1 unread' })
  await toNewest.waitFor()
  expect(await top()).toBe(0)
  await toNewest.click()
  await becomes(async () => (await owner.inbox()).items[0]?.unread, 0)
  const newest = minji.timeline.locator('.line').last()
  expect(await newest.locator('.bubble').textContent()).toBe('And one more')
  const { y, height } = (await newest.boundingBox()) ?? { y: 0, height: 0 }
  const list = await minji.timeline.boundingBox()
  expect(y + height).toBeLessThanOrEqual((list?.y ?? 0) + (list?.height ?? 0))
})
