import { expect, setDefaultTimeout, test } from 'bun:test'
import { ChatPage } from '../support/chat-page.ts'
import { startParley } from '../support/server.ts'

setDefaultTimeout(60_000)

/** Of the page: the tests have no types of its world. */
declare const getComputedStyle: (element: unknown) => { outlineStyle: string; outlineWidth: string }

/** Somebody without a mouse. */
class Keyboard {
  readonly #page: ChatPage['page']

  constructor({ page }: ChatPage) {
    this.#page = page
  }

  /** Goes on with Tab, and tells where that leads; each place can be seen to have the focus. */
  async tab(key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<string> {
    await this.#page.keyboard.press(key)
    const { name, isSeen } = await this.#focused()
    if (!isSeen) throw new Error(`the focus on ${name} can't be seen`)
    return name
  }

  async tabs(times: number): Promise<string[]> {
    const names: string[] = []
    while (names.length < times) names.push(await this.tab())
    return names
  }

  press(...keys: string[]): Promise<void> {
    return keys.reduce((before, key) => before.then(() => this.#page.keyboard.press(key)), Promise.resolve())
  }

  type(text: string): Promise<void> {
    return this.#page.keyboard.type(text)
  }

  async at(): Promise<string> {
    return (await this.#focused()).name
  }

  #focused() {
    return this.#page.locator(':focus').evaluate((element) => {
      const { outlineStyle, outlineWidth } = getComputedStyle(element)
      const { top, bottom, width } = element.getBoundingClientRect()
      const label = element.labels?.[0]?.textContent
      return {
        name: element.getAttribute('aria-label') ?? label ?? element.textContent?.trim() ?? '',
        isSeen: outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2 && width > 0 && bottom > 0 && top >= 0,
      }
    })
  }
}

test('from signing in to a sent message, and back to the conversations, without a mouse', async () => {
  await using server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  const { owner, customer, roomId } = await server.pair()
  await customer.send(roomId, 'Hi')
  await using minji = await ChatPage.open(server)
  const keys = new Keyboard(minji)
  expect(await keys.tab()).toBe('E-mail')
  await keys.type(owner.email)
  expect(await keys.tab()).toBe('Password')
  await keys.type(owner.password)
  await keys.press('Enter')
  await minji.row('Joon').waitFor()

  const top = ['Skip to the conversation', 'Parley', 'Browse', 'Account']
  expect(await keys.tabs(4)).toEqual(top)
  expect(await keys.tab()).toStartWith('Renting out')
  await keys.press('ArrowLeft')
  expect(await keys.at()).toBe('Renting')
  await keys.press('ArrowRight')
  expect(await keys.at()).toStartWith('Renting out')
  expect(await keys.tab()).toContain('Joon')
  await keys.press('Enter')
  await minji.hears('Hi')

  expect(await keys.tabs(3)).toEqual(['Messages', 'Emoji', 'Write a message'])
  await keys.type('Hello')
  await keys.tab('Shift+Tab')
  await keys.press('Enter')
  expect(await keys.at()).toBe('😀')
  await keys.press('ArrowDown')
  await keys.press('ArrowUp')
  await keys.press('ArrowLeft')
  expect(await keys.at()).toBe('😀')
  await keys.press('ArrowRight')
  expect(await keys.at()).toBe('😄')
  await keys.press('Escape')
  expect(await keys.at()).toBe('Emoji')
  expect(await minji.button('😀').count()).toBe(0)
  await keys.press('Enter')
  await keys.press('ArrowRight')
  await keys.press('Enter')
  expect(await keys.at()).toBe('Write a message')
  await keys.press('Enter')
  await minji.reaches('Hello😄', 'Sent')
  expect(await keys.at()).toBe('Write a message')

  for (let back = 0; back < 3; back++) await keys.tab('Shift+Tab')
  expect(await keys.at()).toContain('Joon')
  await keys.tab('Shift+Tab')
  await keys.press('ArrowLeft')
  expect(await keys.at()).toBe('Renting')
  await minji.sees('Nothing that you want to rent yet')
})

test('the skip link leads to the conversation', async () => {
  await using server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  const { customer, roomId } = await server.pair()
  await using joon = await ChatPage.open(server, { person: customer, path: `/rooms/${roomId}` })
  await joon.composer.waitFor()
  const keys = new Keyboard(joon)
  expect(await keys.tab()).toBe('Skip to the conversation')
  await keys.press('Enter')
  expect(await keys.tab()).toBe('Emoji')
})
