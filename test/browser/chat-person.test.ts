import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { COOKIE_NAME } from '../../src/auth/credentials.ts'
import { becomes, ChatPage, NO_LINE } from '../support/chat-page.ts'
import type { Person } from '../support/person.ts'
import { type RunningParley, startParley } from '../support/server.ts'

setDefaultTimeout(60_000)

/** Two people in one browser: the session of one takes the place of the other's. */
let server: RunningParley
let minji: Person
let joon: Person
let roomId: number
beforeAll(async () => {
  server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  const pair = await server.pair()
  ;[minji, joon, roomId] = [pair.owner, pair.customer, pair.roomId]
  await joon.send(roomId, 'Is it free on Saturday?')
})
afterAll(() => server[Symbol.asyncDispose]())

const becomesOf = (chat: ChatPage, { token }: Person) =>
  chat.page.context().addCookies([{ name: COOKIE_NAME, value: token, url: server.url, httpOnly: true }])
const KEPT = `Object.keys(localStorage).filter((name) => name.startsWith('parley:outbox')).map((name) => name.split(':')[2])`
const said = async () => {
  const { items } = (await (await joon.get(`/api/rooms/${roomId}/messages`)).json()) as { items: { text: string }[] }
  return items.map(({ text }) => text)
}

test('what one person wrote without a line goes out under nobody else’s name, and waits for them', async () => {
  await using chat = await ChatPage.open(server, { person: minji, path: `/rooms/${roomId}`, expected: NO_LINE })
  await chat.hears('Is it free on Saturday?')
  await chat.page.context().setOffline(true)
  await chat.say('Minji wrote this')
  await chat.sees('Sending')
  await chat.composer.fill('and this is not finished')
  await becomesOf(chat, joon)
  await chat.page.context().setOffline(false)

  await chat.row('Minji').waitFor()
  await becomes(() => chat.composer.inputValue(), '')
  await chat.hears('Is it free on Saturday?')
  await chat.say('Joon wrote this')
  await chat.reaches('Joon wrote this', 'Sent')
  expect(await said()).toEqual(['Is it free on Saturday?', 'Joon wrote this'])
  expect(await chat.page.evaluate<string[]>(KEPT)).toEqual([minji.id])

  await becomesOf(chat, minji)
  await chat.goTo(`/rooms/${roomId}`)
  await chat.hears('Is it free on Saturday?', 'Joon wrote this', 'Minji wrote this')
  expect(await chat.composer.inputValue()).toBe('and this is not finished')
  await becomes(said, ['Is it free on Saturday?', 'Joon wrote this', 'Minji wrote this'])
})

test('an open app is another’s as soon as somebody looks at it', async () => {
  await using chat = await ChatPage.open(server, { person: minji, path: `/rooms/${roomId}` })
  await chat.row('Joon').waitFor()
  await becomesOf(chat, joon)
  await chat.page.evaluate(`dispatchEvent(new Event('focus'))`)
  await chat.row('Minji').waitFor()
  await chat.link('Account').click()
  await becomes(() => chat.field('Name').inputValue(), 'Joon')
})
