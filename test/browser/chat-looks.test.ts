import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { AxeResults } from 'axe-core'
import { becomes, ChatPage, NO_LINE, REFUSED } from '../support/chat-page.ts'
import type { Person } from '../support/person.ts'
import { ResetProxy } from '../support/reset-proxy.ts'
import { type RunningParley, startParley } from '../support/server.ts'

setDefaultTimeout(60_000)

const AXE = await Bun.file(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url)).text()
const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } }

let server: RunningParley
let owner: Person
let customer: Person
let roomId: number
beforeAll(async () => {
  server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  ;({ owner, customer, roomId } = await server.pair())
  await owner.offer('Tent', { priceMinor: 20_000, currency: 'KRW' })
  await owner.send(roomId, 'Hello 👋 see https://shop.example/bike')
  await customer.send(roomId, 'Is it free?')
  await customer.send(roomId, '👍')
})
afterAll(() => server[Symbol.asyncDispose]())

interface Fault {
  where: string
  rule: string
  nodes: string[]
}

/** What keeps people from using it, by axe: in both sizes, light and dark. */
async function faults({ page }: ChatPage): Promise<Fault[]> {
  const found: Fault[] = []
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewportSize(viewport)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      const isThere = await page.evaluate<boolean>("'axe' in globalThis")
      if (!isThere) await page.evaluate(`${AXE};0`)
      const { violations } = await page.evaluate<AxeResults>('axe.run(document, { resultTypes: ["violations"] })')
      for (const { id, impact, nodes } of violations)
        if (impact === 'serious' || impact === 'critical')
          found.push({ where: `${size} ${colorScheme}`, rule: id, nodes: nodes.map(({ html }) => html) })
    }
  }
  await page.setViewportSize(SIZES.desktop)
  return found
}

describe('axe finds nothing serious', () => {
  test('at the gate, at sign-up, and where it tells what is wrong', async () => {
    await using chat = await ChatPage.open(server, { expected: REFUSED })
    expect(await faults(chat)).toEqual([])
    await chat.field('E-mail').fill('nobody@example.com')
    await chat.field('Password').fill('wrong horse battery')
    await chat.button('Sign in').click()
    await chat.page.getByRole('alert').waitFor()
    expect(await faults(chat)).toEqual([])
    await chat.button('New here? Create an account').click()
    expect(await faults(chat)).toEqual([])
  })

  test('in an empty inbox', async () => {
    await using chat = await ChatPage.open(server, { person: await server.person('Eve') })
    await chat.sees('Nothing that you want to rent yet')
    expect(await faults(chat)).toEqual([])
  })

  test('in an inbox with something unread, and in a room with all that can be in it', async () => {
    await using chat = await ChatPage.open(server, { person: owner })
    await chat.page.getByRole('tab', { name: 'Renting out' }).click()
    await chat.row('Joon').getByText('2 unread').waitFor()
    expect(await faults(chat)).toEqual([])
    await chat.row('Joon').click()
    await chat.page.getByRole('heading', { name: 'New', exact: true }).waitFor()
    expect(await faults(chat)).toEqual([])
    await chat.composer.fill('A bell: \u0007')
    await chat.button('Send').click()
    await chat.timeline.locator('.refused').waitFor()
    await chat.button('Emoji').click()
    expect(await faults(chat)).toEqual([])
  })

  test('in a room without a line', async () => {
    await using line = await ResetProxy.to(server)
    await using chat = await ChatPage.open(line, { person: customer, path: `/rooms/${roomId}`, expected: NO_LINE })
    await chat.message('Is it free?').waitFor()
    line.cut()
    await chat.say('Hello?')
    await chat.message('Hello?').getByText('Sending').waitFor()
    await chat.page.getByRole('status').getByText('Connecting…').waitFor()
    expect(await faults(chat)).toEqual([])
  })

  test('on the page that the browser has kept', async () => {
    await using line = await ResetProxy.to(server)
    await using chat = await ChatPage.open(line, { person: customer, expected: NO_LINE })
    await chat.isKept()
    line.cut()
    await chat.page.reload()
    await chat.page.getByRole('alert').waitFor()
    expect(await faults(chat)).toEqual([])
  })

  test.each([
    ['where there is no such room', '/rooms/987654', 'There is no such conversation'],
    ['at what is offered', '/browse', 'Tent'],
    ['where one offers something', '/offer', 'What is it?'],
    ['at the account', '/account', 'Hide when I am here'],
    ['where nothing is', '/nowhere', 'Nothing is here'],
  ])('%s', async (_, path, words) => {
    await using chat = await ChatPage.open(server, { person: customer, path, expected: REFUSED })
    await chat.sees(words)
    expect(await faults(chat)).toEqual([])
  })
})

const groundOf = ({ page }: ChatPage) => page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
const [LIGHT, DARK] = ['rgb(255, 255, 255)', 'rgb(18, 22, 28)']

test('it is dark where the device is, until somebody chooses', async () => {
  await using chat = await ChatPage.open(server, { person: customer, path: '/account', colorScheme: 'dark' })
  expect(await groundOf(chat)).toBe(DARK)
  await chat.field('Appearance').selectOption('Light')
  await becomes(() => groundOf(chat), LIGHT)
  await chat.page.reload()
  await chat.field('Appearance').waitFor()
  expect(await groundOf(chat)).toBe(LIGHT)
  await chat.page.emulateMedia({ colorScheme: 'light' })
  await chat.field('Appearance').selectOption('Dark')
  await becomes(() => groundOf(chat), DARK)
  await chat.field('Appearance').selectOption('As the device')
  await becomes(() => groundOf(chat), LIGHT)
})
