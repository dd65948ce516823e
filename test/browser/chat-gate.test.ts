import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { COOKIE_NAME } from '../../src/auth/credentials.ts'
import type { Problem } from '../../src/lib/http/problem.ts'
import { becomes, ChatPage, REFUSED } from '../support/chat-page.ts'
import { runCommand } from '../support/command.ts'
import { JWT_SECRET } from '../support/marketplace.ts'
import { type RunningParley, signIn, startParley } from '../support/server.ts'

setDefaultTimeout(60_000)

let server: RunningParley
beforeAll(async () => {
  server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
})
afterAll(() => server[Symbol.asyncDispose]())

const expected = REFUSED

test('a wrong password is answered in the server’s words', async () => {
  const { email } = await server.person('Minji')
  const refusal = (await (await signIn(server.url, { email, password: 'wrong horse battery' })).json()) as Problem
  await using minji = await ChatPage.open(server, { expected })
  await minji.field('E-mail').fill(email)
  await minji.field('Password').fill('wrong horse battery')
  await minji.button('Sign in').click()
  await becomes(() => minji.page.getByRole('alert').textContent(), refusal.detail)
})

test('an e-mail that is taken, and a name that is none, are told where they were wrong', async () => {
  const { email } = await server.person('Minji')
  await using minji = await ChatPage.open(server, { expected })
  await minji.button('New here? Create an account').click()
  await minji.field('Name').fill('Minji')
  await minji.field('E-mail').fill(email)
  await minji.field('Password').fill('correct horse battery')
  await minji.button('Create an account').click()
  const alert = minji.page.getByRole('alert')
  await alert.waitFor()
  const taken = await alert.textContent()
  expect(taken).toContain('account')
  await minji.field('Name').fill(' ')
  await minji.button('Create an account').click()
  await alert.getByText(/^Name: /).waitFor()
  await minji.button('Have an account? Sign in').click()
  await alert.waitFor({ state: 'detached' })
})

test.each([
  ['closed', { PARLEY_ACCOUNTS: 'closed' }, 'Accounts are made by whoever runs this server.', 1],
  ['off', { PARLEY_JWT_SECRET: JWT_SECRET }, 'Here people sign in on the marketplace, and come from its pages.', 0],
])('where accounts are %s the gate says so, and nobody signs up', async (_, env, words, forms) => {
  await using other = await startParley({ env })
  await using chat = await ChatPage.open(other)
  await chat.sees(words)
  expect(await chat.button('New here? Create an account').count()).toBe(0)
  expect(await chat.button('Sign in').count()).toBe(forms)
})

test('who signs out elsewhere, or is disabled, is told that they were signed out', async () => {
  const { owner, customer, roomId } = await server.pair()
  await using minji = await ChatPage.open(server, { person: owner, path: `/rooms/${roomId}`, expected })
  await minji.composer.fill('Not finished')
  await owner.call('DELETE', '/api/sessions/current')
  await minji.sees('You were signed out.')
  await minji.page.reload()
  await minji.button('Sign in').waitFor()

  await using joon = await ChatPage.open(server, { person: customer, expected })
  await joon.row('Minji').waitFor()
  const disabled = await runCommand(['user', 'disable', customer.id], { dataDir: server.dataDir })
  expect(disabled).toMatchObject({ code: 0 })
  await joon.sees('You were signed out.')
  // The browser still shows the session: it is told why that does not let in, and somebody else may sign in.
  await joon.page.context().addCookies([{ name: COOKIE_NAME, value: customer.token, url: server.url }])
  await joon.page.reload()
  await joon.sees('This person may not come in any more.')
  await joon.field('E-mail').fill(customer.email)
  await joon.field('Password').fill(customer.password)
  await joon.button('Sign in').click()
  await joon.page.getByRole('alert').waitFor()
})

test('signing out leads to the gate, and ends the session', async () => {
  const { customer } = await server.pair()
  await using joon = await ChatPage.open(server, { person: customer, path: '/account', expected })
  await joon.button('Sign out').click()
  await joon.button('Sign in').waitFor()
  expect((await customer.get('/api/me')).status).toBe(401)
  await joon.goTo('/')
  await joon.button('Sign in').waitFor()
})

test('a room of others, or none at all, is missing', async () => {
  const { roomId } = await server.pair()
  const eve = await server.person('Eve')
  await using chat = await ChatPage.open(server, { person: eve, expected })
  for (const path of [`/rooms/${roomId}`, '/rooms/987654', '/rooms/none']) {
    await chat.goTo(path)
    await chat.sees('There is no such conversation')
  }
  await chat.page.goto(`${server.url}/nowhere`)
  await chat.page.getByRole('heading', { name: 'Nothing is here' }).waitFor()
})

test('a message that the server refuses says why, and is sent again or thrown away by its author', async () => {
  const { owner, customer, roomId } = await server.pair()
  await using joon = await ChatPage.open(server, { person: customer, path: `/rooms/${roomId}`, expected })
  await joon.composer.fill('A bell: \u0007')
  await joon.button('Send').click()
  const refused = joon.timeline.locator('.refused')
  await refused.getByText(/^Not sent: /).waitFor()
  await joon.say('Hello')
  await joon.reaches('Hello', 'Sent')
  await joon.page.reload()
  await refused.getByRole('button', { name: 'Send again' }).click()
  await refused.getByText(/^Not sent: /).waitFor()
  await refused.getByRole('button', { name: 'Discard' }).click()
  await joon.hears('Hello')
  expect((await owner.history(roomId)).map(({ text }) => text)).toEqual(['Hello'])
})

test('to a Korean browser all is Korean, and English for who chooses it', async () => {
  const { email, password } = await server.person('민지')
  await using minji = await ChatPage.open(server, { locale: 'ko-KR', expected })
  expect(await minji.page.locator('html').getAttribute('lang')).toBe('ko')
  await minji.field('이메일').fill(email)
  await minji.field('비밀번호').fill('wrong horse battery')
  await minji.button('로그인').click()
  await minji.page
    .getByRole('alert')
    .getByText(/[가-힣]/)
    .waitFor()
  await minji.field('비밀번호').fill(password)
  await minji.button('로그인').click()
  await minji.sees('대화를 고르세요')
  await minji.goTo('/account')
  await minji.field('언어').selectOption('en')
  await minji.page.getByRole('heading', { name: 'Account' }).waitFor()
  await becomes(() => minji.page.locator('html').getAttribute('lang'), 'en')
  await minji.page.reload()
  await minji.page.getByRole('heading', { name: 'Account' }).waitFor()
})
