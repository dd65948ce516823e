import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { blocksOf, ChatShop, FrameTalk, LinesOf, ROOT } from './support/clients.ts'
import { BY_SECRET, backend, hostPerson } from './support/marketplace.ts'
import { startParley } from './support/server.ts'

// docs/clients.md promises that its scripts are run here, to the letter, but those for Python and Go: their libraries are in
// no registry that the tests may ask.

setDefaultTimeout(60_000)

const { snippets, talks } = blocksOf('docs/clients.md')
const MINJI = { sub: '4711', name: 'Minji' }
const JOON = { sub: '4712', name: 'Joon' }

test('every script of the page has a name, and is known here', () => {
  expect([...snippets.keys()]).toEqual([
    'thirty.html',
    'chat.js',
    'chat.html',
    'page.js',
    'away.mjs',
    'room.py',
    'main.go',
  ])
})

test('the Python of the page can be read', () => {
  const { stderr } = Bun.spawnSync(['/usr/bin/python3', '-c', 'import ast, sys; ast.parse(sys.stdin.read())'], {
    stdin: Buffer.from(snippets.get('room.py') ?? ''),
  })
  expect(stderr.toString()).toBe('')
})

/** The shop with its page, and Parley with a room about a bike, in which Joon has asked something. */
async function openShop() {
  const shop = new ChatShop(snippets)
  const parley = await startParley({ env: { ...BY_SECRET, PARLEY_ALLOWED_ORIGINS: shop.url, PARLEY_LIMITS: 'off' } })
  shop.chatUrl = parley.url
  const owner = await hostPerson(parley, MINJI.sub, MINJI.name)
  const product = await owner.offer('Road bike')
  const customer = await hostPerson(parley, JOON.sub, JOON.name)
  const { id: roomId } = await customer.openRoom(product.id)
  await customer.send(roomId, 'Is it free on Saturday?')
  const end = async () => {
    await parley[Symbol.asyncDispose]()
    await shop[Symbol.asyncDispose]()
  }
  return { shop, parley, owner, customer, roomId, [Symbol.asyncDispose]: end }
}

test('thirty lines show two people what they say, what was said meanwhile, and what is unread', async () => {
  await using at = await openShop()
  const address = `thirty.html#${at.roomId}`
  await using minji = await at.shop.visit(MINJI, '', { address })
  await minji.reads('#messages', byJoon('Is it free on Saturday?'))
  await minji.reads('#unread', '0')
  await using joon = await at.shop.visit(JOON, '', { address })
  // What is typed before somebody is there, they are not told.
  await joon.reads('#messages', byJoon('Is it free on Saturday?'))
  await minji.types('Yes')
  await joon.reads('#note', 'is typing')
  await minji.says('Yes, from nine.')
  await joon.reads('#messages', `${byJoon('Is it free on Saturday?')}\nMinji: Yes, from nine.`)
  await joon.reads('#note', '')
  await joon.page.context().setOffline(true)
  await at.owner.send(at.roomId, 'Come by the garden door.')
  await joon.page.context().setOffline(false)
  await joon.reads(
    '#messages',
    `${byJoon('Is it free on Saturday?')}\nMinji: Yes, from nine.\nMinji: Come by the garden door.`,
  )
  await joon.says('  ')
  await joon.reads('#note', 'message_required: A message text is required.')
  expect(minji.complaints).toEqual([])
})

describe('the page', () => {
  test.each([
    ['over WebSockets', ''],
    ['where one of them has no WebSocket', 'WebSocket'],
  ])('shows two people what they say, %s', async (_, missing) => {
    await using at = await openShop()
    await using minji = await at.shop.visit(MINJI)
    await using joon = await at.shop.visit(JOON, missing)
    await minji.reads('#unread', '1')
    await minji.reads('nav', 'Joon: Road bike (1)')
    await joon.enter('Minji: Road bike')
    const talk = ['Joon: Is it free on Saturday?']
    await joon.reads('#messages', talk.join('\n'))

    await minji.enter('Joon: Road bike')
    await minji.reads('#messages', talk.join('\n'))
    await minji.reads('#unread', '')
    await minji.reads('nav', 'Joon: Road bike')
    await joon.reads('#messages', `${talk} ✓✓`)

    await minji.types('Yes')
    await joon.reads('#note', 'is typing')
    await minji.says('Yes, from nine.')
    await joon.reads('#note', '')
    talk.push('Minji: Yes, from nine.')
    await minji.reads('#messages', `${talk.join('\n')} ✓✓`)
    await joon.says('I fetch it.')
    talk.push('Joon: I fetch it.')
    await minji.reads('#messages', talk.map((line) => (line.startsWith('Minji') ? `${line} ✓✓` : line)).join('\n'))
    await joon.reads('#messages', talk.map((line) => (line.startsWith('Joon') ? `${line} ✓✓` : line)).join('\n'))
    expect([...minji.complaints, ...joon.complaints]).toEqual([])
  })

  test('sends again what got no answer, and it is there once', async () => {
    await using at = await openShop()
    await using joon = await at.shop.visit(JOON, '', { isFirstAnswerLost: true })
    await joon.enter('Minji: Road bike')
    await joon.says('Hello?')
    await joon.says('Is anybody there?')
    await joon.reads('#messages', ['Is it free on Saturday?', 'Hello?', 'Is anybody there?'].map(byJoon).join('\n'))
    expect(joon.lost).toHaveLength(1)
    const texts = (await at.owner.history(at.roomId)).map(({ text }) => text)
    expect(texts).toEqual(['Is it free on Saturday?', 'Hello?', 'Is anybody there?'])
  })

  test('says what was refused, and why', async () => {
    await using at = await openShop()
    await using joon = await at.shop.visit(JOON)
    await joon.enter('Minji: Road bike')
    await joon.says('  ')
    await joon.holds('#messages', '   … message_required: ')
  })

  test('gets another token when it has to, and what was said meanwhile', async () => {
    await using at = await openShop()
    await using joon = await at.shop.visit(JOON)
    await joon.enter('Minji: Road bike')
    await joon.reads('#messages', byJoon('Is it free on Saturday?'))
    await backend(at.parley).post(`/api/users/${JOON.sub}/disconnect`)
    await at.owner.send(at.roomId, 'Yes, from nine.')
    await joon.reads('#messages', `${byJoon('Is it free on Saturday?')} ✓✓\nMinji: Yes, from nine.`)
  })

  test('comes back after a while: what was missed is there; and after a long one: the newest is', async () => {
    await using at = await openShop()
    await using joon = await at.shop.visit(JOON)
    await joon.enter('Minji: Road bike')
    await joon.reads('#messages', byJoon('Is it free on Saturday?'))
    await joon.away(async () => {
      await at.owner.send(at.roomId, 'Yes.')
    })
    await joon.reads('#messages', `${byJoon('Is it free on Saturday?')} ✓✓\nMinji: Yes.`)

    const small = Array.from({ length: 50 }, (_, index) => `${index}`)
    await joon.away(async () => {
      // More than the 256 KiB that are recovered.
      for (let sent = 0; sent < 23; sent += 1) await at.owner.send(at.roomId, '가'.repeat(4000))
      for (const text of small) await at.owner.send(at.roomId, text)
    })
    await joon.reads('#messages', small.map((text) => `Minji: ${text}`).join('\n'))
  })
})

const byJoon = (text: string) => `Joon: ${text}`

test.each([
  ['Bun', [process.execPath, '--no-env-file', 'away.mjs']],
  // The one that is installed may be older than 22.
  ['Node', ['node', '--experimental-websocket', 'away.mjs']],
])('the script answers each message once, in %s', async (_, command) => {
  await using parley = await startParley()
  const { owner, customer, roomId } = await parley.pair()
  const directory = mkdtempSync(join(tmpdir(), 'parley-clients-'))
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'))
  writeFileSync(join(directory, 'away.mjs'), snippets.get('away.mjs') ?? '')
  const env = { PATH: process.env.PATH ?? '', CHAT_URL: parley.url, CHAT_TOKEN: owner.token }
  const start = () => new LinesOf(command, directory, env)

  await customer.send(roomId, 'Hello?')
  {
    await using away = start()
    expect(await away.next()).toBe(`room ${roomId}: 2 answers 1`)
    await customer.send(roomId, 'When are you back?')
    expect(await away.next()).toBe(`room ${roomId}: 4 answers 3`)
  }
  await customer.send(roomId, 'I see.')
  await using again = start()
  expect(await again.next()).toBe(`room ${roomId}: 6 answers 5`)
  await owner.call('DELETE', '/api/sessions/current')
  expect(await again.ended).toBe(1)
  expect((await customer.history(roomId)).map(({ text }) => text)).toEqual([
    ...['Hello?', 'I am away until Monday.', 'When are you back?', 'I am away until Monday.'],
    ...['I see.', 'I am away until Monday.'],
  ])
  rmSync(directory, { recursive: true })
})

test('the frames are what is sent and what comes', async () => {
  await using parley = await startParley()
  const { owner, customer, roomId } = await parley.pair()
  expect(roomId).toBe(1)
  const real = { token: customer.token, userId: customer.id, epoch: '' }
  const [first = [], next = []] = talks
  expect(talks).toHaveLength(2)
  const [connect = '', connected = ''] = first
  {
    using talk = await FrameTalk.open(parley, real)
    for (const line of first) await talk.follow(line)
    real.epoch = talk.epoch
  }
  await owner.send(roomId, 'Yes.')
  using talk = await FrameTalk.open(parley, real)
  for (const line of [connect, connected.replace('"totalUnread":0', '"totalUnread":1'), ...next])
    await talk.follow(line)
})
