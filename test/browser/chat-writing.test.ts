import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import type { CDPSession } from 'playwright-core'
import { becomes, ChatPage } from '../support/chat-page.ts'
import { type RunningParley, startParley } from '../support/server.ts'

setDefaultTimeout(60_000)

let server: RunningParley
beforeAll(async () => {
  server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
})
afterAll(() => server[Symbol.asyncDispose]())

/** An input method, as it reaches the browser: what is being composed, and at last what it came to. */
class InputMethod {
  readonly #cdp: CDPSession

  private constructor(cdp: CDPSession) {
    this.#cdp = cdp
  }

  static async of({ page }: ChatPage): Promise<InputMethod> {
    return new InputMethod(await page.context().newCDPSession(page))
  }

  async compose(...steps: string[]): Promise<void> {
    for (const text of steps)
      await this.#cdp.send('Input.imeSetComposition', { text, selectionStart: text.length, selectionEnd: text.length })
  }

  /** Enter, which the method takes for itself: browsers give it the number 229. */
  async enter(windowsVirtualKeyCode = 229): Promise<void> {
    const key = { key: 'Enter', code: 'Enter', windowsVirtualKeyCode }
    await this.#cdp.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', ...key })
    await this.#cdp.send('Input.dispatchKeyEvent', { type: 'keyUp', ...key })
  }

  async commit(text: string): Promise<void> {
    await this.#cdp.send('Input.insertText', { text })
  }
}

async function openRoom() {
  const { customer, roomId } = await server.pair()
  const chat = await ChatPage.open(server, { person: customer, path: `/rooms/${roomId}` })
  await chat.composer.focus()
  const texts = async () => (await customer.history(roomId)).map(({ text }) => text)
  return { chat, input: await InputMethod.of(chat), texts, [Symbol.asyncDispose]: () => chat[Symbol.asyncDispose]() }
}

test.each([
  [229, 'with the number of the input method'],
  [13, 'with its own number'],
])('Enter (%d) ends a Korean syllable and sends nothing, %s; the next one sends it whole, once', async (number) => {
  await using room = await openRoom()
  const { chat, input, texts } = room
  await input.compose('ㅎ', '하', '한')
  await input.commit('한')
  await input.compose('ㄱ', '그', '글')
  await input.enter(number)
  expect(await chat.composer.inputValue()).toBe('한글')
  await input.commit('글')
  expect(await chat.composer.inputValue()).toBe('한글')
  await chat.composer.press('Enter')
  await chat.reaches('한글', 'Sent')
  expect(await chat.composer.inputValue()).toBe('')
  expect(await texts()).toEqual(['한글'])
})

test('Enter that takes a Japanese conversion sends nothing, the next one does', async () => {
  await using room = await openRoom()
  const { chat, input, texts } = room
  await input.compose('に', 'にh', 'にほ', 'にほn', 'にほん', '日本')
  await input.enter()
  await input.commit('日本')
  await input.compose('へ', '屁', '部')
  await input.enter()
  await input.commit('部')
  expect(await chat.composer.inputValue()).toBe('日本部')
  await chat.composer.press('Enter')
  await chat.reaches('日本部', 'Sent')
  expect(await texts()).toEqual(['日本部'])
})

test('Safari tells of the Enter after the composition has ended: it sends nothing either', async () => {
  await using room = await openRoom()
  const { chat, input, texts } = room
  await input.compose('ㄴ', '네')
  await input.commit('네')
  await input.enter()
  expect(await chat.composer.inputValue()).toBe('네')
  await chat.composer.press('Enter')
  await chat.reaches('네', 'Sent')
  expect(await texts()).toEqual(['네'])
})

test('Shift and Enter begin a line, an emoji goes where the caret is, and a draft is kept', async () => {
  await using room = await openRoom()
  const { chat, texts } = room
  await chat.composer.pressSequentially('Hello')
  await chat.composer.press('Shift+Enter')
  await chat.composer.pressSequentially('there!')
  await chat.composer.press('ArrowLeft')
  await chat.button('Emoji').click()
  await chat.button('🚲').click()
  await chat.page.keyboard.type(' and you')
  expect(await chat.composer.inputValue()).toBe('Hello\nthere🚲 and you!')
  await chat.page.reload()
  expect(await chat.composer.inputValue()).toBe('Hello\nthere🚲 and you!')
  await chat.composer.press('Enter')
  await chat.hears('Hello\nthere🚲 and you!')
  expect(await texts()).toEqual(['Hello\nthere🚲 and you!'])
})

test('a message that is too long says by how much, and can be sent when it is not', async () => {
  await using room = await openRoom()
  const { chat, texts } = room
  await chat.composer.fill('a'.repeat(4003))
  await chat.page.getByRole('status').getByText('3 too many').waitFor()
  expect(await chat.button('Send').isDisabled()).toBe(true)
  await chat.composer.press('Enter')
  for (let at = 0; at < 3; at++) await chat.composer.press('Backspace')
  await chat.button('Send').click()
  await chat.reaches('a'.repeat(4000), 'Sent')
  expect(await texts()).toEqual(['a'.repeat(4000)])
  await becomes(() => chat.button('Send').isDisabled(), true)
})
