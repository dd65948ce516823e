import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { becomes, ChatPage, NO_LINE } from '../support/chat-page.ts'
import type { Person } from '../support/person.ts'
import { ResetProxy } from '../support/reset-proxy.ts'
import { type RunningParley, startParley } from '../support/server.ts'

setDefaultTimeout(60_000)

const env = { PARLEY_LIMITS: 'off' }
let server: RunningParley
beforeAll(async () => {
  server = await startParley({ env })
})
afterAll(() => server[Symbol.asyncDispose]())

const stored = async (person: Person, roomId: number) => (await person.history(roomId)).map(({ text }) => text)

test('what is written without a line waits, and goes out once and in order when it is back', async () => {
  await using line = await ResetProxy.to(server)
  const { owner, customer, roomId } = await server.pair()
  const path = `/rooms/${roomId}`
  await using joon = await ChatPage.open(line, { person: customer, path, expected: NO_LINE })
  await using minji = await ChatPage.open(server, { person: owner, path })
  await joon.say('Hi')
  await joon.reaches('Hi', 'Read')

  line.cut()
  for (const text of ['Is it free?', 'On Saturday?']) await joon.say(text)
  for (const text of ['Is it free?', 'On Saturday?']) await joon.message(text).getByText('Sending').waitFor()
  const notice = joon.page.getByRole('status').getByText('Connecting…')
  await notice.waitFor()
  await minji.say('Are you there?')
  await minji.hears('Hi', 'Are you there?')

  line.mend()
  const all = ['Hi', 'Are you there?', 'Is it free?', 'On Saturday?']
  await joon.hears(...all)
  await minji.hears(...all)
  await notice.waitFor({ state: 'hidden' })
  await joon.reaches('On Saturday?', 'Read')
  expect(await stored(owner, roomId)).toEqual(all)
})

test('a message whose acknowledgement is lost with the line is there once', async () => {
  await using line = await ResetProxy.to(server)
  const { owner, customer, roomId } = await server.pair()
  const path = `/rooms/${roomId}`
  await using joon = await ChatPage.open(line, { person: customer, path, expected: NO_LINE })
  await joon.say('Hi')
  await joon.reaches('Hi', 'Sent')
  // The first piece is the message, which gets through whole.
  line.breakAt([{ pieces: 1, part: 1 }])
  await joon.say('Is it free?')
  await becomes(() => line.breaks, 1)
  await joon.reaches('Is it free?', 'Sent')
  await joon.hears('Hi', 'Is it free?')
  expect(await stored(owner, roomId)).toEqual(['Hi', 'Is it free?'])
})

test('a blink of the line is not spoken of, and that the device is offline is said as such', async () => {
  const { customer, roomId } = await server.pair()
  await using joon = await ChatPage.open(server, { person: customer, path: `/rooms/${roomId}`, expected: NO_LINE })
  await joon.say('Hi')
  await joon.reaches('Hi', 'Sent')
  const notice = joon.page.locator('.line-state')
  const context = joon.page.context()
  // Whether it was ever shown, the page itself notes: nobody looks so often.
  await joon.page.evaluate(`new MutationObserver(() => { globalThis.wasShown ||= !document.querySelector('.line-state').hidden })
    .observe(document.querySelector('.line-state'), { attributes: true })`)
  await joon.page.clock.install()
  await context.setOffline(true)
  await context.setOffline(false)
  await joon.say('Still there')
  await joon.reaches('Still there', 'Sent')
  expect(await joon.page.evaluate<boolean>('globalThis.wasShown === true')).toBe(false)

  await context.setOffline(true)
  await joon.say('In the tunnel')
  await notice.getByText('You are offline. What you write is sent when you are back.').waitFor()
  await context.setOffline(false)
  await joon.reaches('In the tunnel', 'Sent')
  await notice.waitFor({ state: 'hidden' })
})

test('an unsent message outlives a reload, also one without a line', async () => {
  await using line = await ResetProxy.to(server)
  const { owner, customer, roomId } = await server.pair()
  const path = `/rooms/${roomId}`
  await using joon = await ChatPage.open(line, { person: customer, path, expected: NO_LINE })
  await joon.say('Hi')
  await joon.reaches('Hi', 'Sent')
  await joon.isKept()
  const context = joon.page.context()

  line.cut()
  await context.setOffline(true)
  await joon.say('Is it free?')
  await joon.message('Is it free?').getByText('Sending').waitFor()
  await joon.composer.fill('And on Sun')
  await joon.page.reload()
  await joon.page.getByRole('heading', { name: 'You are offline' }).waitFor()
  await joon.sees('What you wrote is kept, and sent when you are back.')

  line.mend()
  await context.setOffline(false)
  await joon.reaches('Is it free?', 'Sent')
  await joon.hears('Hi', 'Is it free?')
  expect(await joon.composer.inputValue()).toBe('And on Sun')
  expect(await stored(owner, roomId)).toEqual(['Hi', 'Is it free?'])
})

test('who comes in while the server is away gets in when it is back', async () => {
  await using line = await ResetProxy.to(server)
  const { owner, customer, roomId } = await server.pair()
  await owner.send(roomId, 'Hello?')
  await using joon = await ChatPage.open(line, { person: customer, expected: NO_LINE })
  await joon.isKept()
  line.cut()
  await joon.page.goto(`${line.url}/rooms/${roomId}`)
  await joon.sees('The server can’t be reached. Try again in a moment.')
  line.mend()
  await joon.hears('Hello?')
})

test('the server is killed and started again, and the conversation goes on', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-'))
  try {
    await using first = await startParley({ env, dataDir })
    const { owner, customer, roomId } = await first.pair()
    const path = `/rooms/${roomId}`
    await using joon = await ChatPage.open(first, { person: customer, path, expected: NO_LINE })
    await using minji = await ChatPage.open(first, { person: owner, path, expected: NO_LINE })
    await joon.say('Hi')
    await joon.reaches('Hi', 'Read')
    await first.stop('SIGKILL')
    await joon.say('Is it free?')
    await joon.message('Is it free?').getByText('Sending').waitFor()

    const { port } = new URL(first.url)
    await using _ = await startParley({ env, dataDir, args: ['--port', port] })
    await joon.reaches('Is it free?', 'Read')
    await minji.say('Yes')
    for (const chat of [joon, minji]) await chat.hears('Hi', 'Is it free?', 'Yes')
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
})
