import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { becomes, ChatPage } from '../support/chat-page.ts'
import { type RunningParley, startParley } from '../support/server.ts'

setDefaultTimeout(60_000)

let server: RunningParley
beforeAll(async () => {
  server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
})
afterAll(() => server[Symbol.asyncDispose]())

async function signUp(chat: ChatPage, name: string) {
  await chat.button('New here? Create an account').click()
  await chat.field('Name').fill(name)
  await chat.field('E-mail').fill(`${name.toLowerCase()}@example.com`)
  await chat.field('Password').fill('correct horse battery')
  await chat.button('Create an account').click()
  await chat.sees('Choose a conversation')
}

const titleOf = (chat: ChatPage) => chat.page.title()
const iconOf = (chat: ChatPage) => chat.page.locator('link[rel=icon]').getAttribute('href')

test('two people sign up, one offers something, the other asks for it, and they talk', async () => {
  await using minji = await ChatPage.open(server)
  await using joon = await ChatPage.open(server)
  await signUp(minji, 'Minji')
  await minji.page.getByRole('navigation').getByText('Nothing that you want to rent yet').waitFor()
  await minji.page.goto(`${server.url}/offer`)
  await minji.field('What is it?').fill('Four-person tent')
  await minji.field('Price (optional)').fill('20.5')
  await minji.field('Currency').selectOption('USD')
  await minji.button('Offer it').click()
  const hers = minji.page.locator('.card', { hasText: 'Four-person tent' })
  await hers.getByText('Yours').waitFor()
  expect(await hers.locator('.price').textContent()).toBe('$20.50')

  await signUp(joon, 'Joon')
  await joon.page.locator('.top-bar').getByRole('link', { name: 'Browse' }).click()
  await joon.field('Search').fill('person tent')
  await joon.button('Ask the owner: Four-person tent').click()
  await joon.sees('Ask \u2068Minji\u2069 about “\u2068Four-person tent\u2069”.')
  await joon.say('Is it free on Saturday?')
  // She has it on her device, and has not looked at it.
  await joon.reaches('Is it free on Saturday?', 'Delivered')

  await minji.page.getByRole('tab', { name: 'Renting out 1 unread' }).click()
  await becomes(() => titleOf(minji), '(1) Parley')
  expect(await iconOf(minji)).toStartWith('data:image/png')
  await minji.row('Joon').filter({ hasText: 'Is it free on Saturday?' }).filter({ hasText: '1 unread' }).click()
  await joon.reaches('Is it free on Saturday?', 'Read')
  await becomes(() => titleOf(minji), 'Parley')
  await becomes(() => iconOf(minji), '/icon.svg')
  await becomes(() => minji.page.locator('.badge').count(), 0)

  await minji.composer.pressSequentially('Yes, from')
  await joon.page.locator('.room-head').getByText('Minji is writing…').waitFor()
  await minji.composer.pressSequentially(' nine.')
  await minji.button('Send').click()
  for (const chat of [minji, joon]) await chat.hears('Is it free on Saturday?', 'Yes, from nine.')
  await joon.page.locator('.room-head').getByText('Online').waitFor()
  await minji.reaches('Yes, from nine.', 'Read')
  expect(await minji.composer.inputValue()).toBe('')
})

test('a message is sent, then delivered when the other one opens the app, then read', async () => {
  const { owner, customer, roomId } = await server.pair()
  await using joon = await ChatPage.open(server, { person: customer, path: `/rooms/${roomId}` })
  await joon.say('Hello!')
  await joon.reaches('Hello!', 'Sent')
  await using minji = await ChatPage.open(server, { person: owner })
  await joon.reaches('Hello!', 'Delivered')
  await minji.page.getByRole('tab', { name: 'Renting out' }).click()
  await minji.row('Joon').click()
  await joon.reaches('Hello!', 'Read')
})

test('messages of one person stand together, each day has its heading, and what is new has one too', async () => {
  const { owner, customer, roomId } = await server.pair()
  await customer.send(roomId, 'Hi')
  await owner.send(roomId, 'Hello')
  await owner.put(`/api/rooms/${roomId}/read-mark`, { seq: 2 })
  for (const text of ['Is it free?', 'On Saturday?']) await customer.send(roomId, text)
  await using minji = await ChatPage.open(server, { person: owner, path: `/rooms/${roomId}` })
  await minji.hears('Hi', 'Hello', 'Is it free?', 'On Saturday?')
  const headings = () => minji.timeline.getByRole('heading').allTextContents()
  expect(await headings()).toEqual(['Today', 'New'])
  await minji.timeline.locator('h3.new + .line', { hasText: 'Is it free?' }).waitFor()
  expect(await minji.timeline.locator('.next .bubble').allTextContents()).toEqual(['On Saturday?'])
  expect(await minji.timeline.locator('time').count()).toBe(3)

  await minji.say('Yes')
  await becomes(headings, ['Today'])
})

test('to whom it is tomorrow, what was said today was said yesterday', async () => {
  const { owner, customer, roomId } = await server.pair()
  await customer.send(roomId, 'Hi')
  await using minji = await ChatPage.open(server, { person: owner })
  await minji.page.clock.setFixedTime(Date.now() + 24 * 3600 * 1000)
  await minji.goTo(`/rooms/${roomId}`)
  await minji.page.getByRole('heading', { name: 'Yesterday' }).waitFor()
  await minji.page.getByRole('tab', { name: 'Renting out' }).click()
  expect(await minji.row('Joon').locator('time').textContent()).toBe('Yesterday')
})

test('who has scrolled up is not pulled down by what is new, and gets to it', async () => {
  const { owner, customer, roomId } = await server.pair()
  for (let at = 1; at <= 60; at++) await customer.send(roomId, `Message ${at}`)
  await owner.put(`/api/rooms/${roomId}/read-mark`, { seq: 60 })
  await using minji = await ChatPage.open(server, { person: owner, path: `/rooms/${roomId}` })
  await minji.message('Message 60').waitFor()
  await minji.timeline.hover()
  await minji.page.mouse.wheel(0, -600)
  await minji.button('To the newest ↓').waitFor()
  const place = () => minji.timeline.evaluate((list) => Math.round(list.scrollTop))
  const before = await place()
  await customer.send(roomId, 'Are you there?')
  await minji.button('1 unread ↓').waitFor()
  expect(await place()).toBe(before)
  await minji.button('1 unread ↓').click()
  await becomes(() => minji.page.locator('.to-newest').count(), 0)
  await becomes(async () => (await owner.inbox()).items[0]?.unread, 0)
})
