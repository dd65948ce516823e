import { expect, setDefaultTimeout, test } from 'bun:test'
import type { Welcome } from '../../src/live/app/protocol-pushes.ts'
import type { Message } from '../../src/messages/model.ts'
import { type OpenBrowser, openBrowser } from '../support/browser.ts'
import type { Person } from '../support/person.ts'
import { type RunningParley, startParley } from '../support/server.ts'

setDefaultTimeout(60_000)

const BUNDLE = new URL('../../node_modules/centrifuge/dist/centrifuge.js', import.meta.url)

type Transport = 'websocket' | 'http_stream'

/** A page of the shop, which notes what it sees. Where the chat is and who is there stand behind the #. */
const PAGE = `<!doctype html><title>Shop</title><link rel="icon" href="data:,">
<script src="/centrifuge.js"></script>
<script>
  const { chat, token, transport } = JSON.parse(decodeURIComponent(location.hash.slice(1)))
  const seen = { errors: [], inbox: [], rooms: {} }
  const endpoint = transport === 'websocket'
    ? chat.replace('http', 'ws') + '/connection/websocket'
    : [{ transport, endpoint: chat + '/connection/http_stream' }]
  const app = new Centrifuge(endpoint, { emulationEndpoint: chat + '/emulation', getToken: async () => token })
  app.on('connected', ({ transport, data }) => { seen.transport = transport; seen.welcome = data })
  app.on('error', ({ error }) => seen.errors.push(error))
  app.on('publication', ({ data }) => seen.inbox.push(data))
  app.connect()
  async function listen(roomId) {
    const room = seen.rooms[roomId] = { texts: [], typing: [], receipts: [], joins: [] }
    const wishes = { recoverable: true, positioned: true, joinLeave: true }
    const subscription = app.newSubscription('room:' + roomId, wishes)
    subscription.on('publication', ({ data }) => {
      if (data.type === 'typing') room.typing.push(data.userId)
      else if (data.type === 'receipt') room.receipts.push(data)
      else room.texts.push(data.message.text)
    })
    subscription.on('join', ({ info }) => room.joins.push(info.user))
    subscription.subscribe()
    await subscription.ready()
  }
  const call = async (method, data) => (await app.rpc(method, data)).data
</script>`

/** The shop's own server: another origin than the chat's. */
function openShop() {
  const routes = {
    '/': new Response(PAGE, { headers: { 'content-type': 'text/html' } }),
    '/centrifuge.js': new Response(Bun.file(BUNDLE)),
  }
  const shop = Bun.serve({ hostname: '127.0.0.1', port: 0, routes })
  return { origin: shop.url.origin, [Symbol.asyncDispose]: () => shop.stop(true) }
}

/** A person at a page of the shop. Expressions are JavaScript of the page. */
class Visit {
  readonly #browser: OpenBrowser

  constructor(browser: OpenBrowser) {
    this.#browser = browser
  }

  static async to(
    shop: string,
    chat: RunningParley,
    { token }: Person,
    transport: Transport,
  ): Promise<Visit & AsyncDisposable> {
    const browser = await openBrowser(chat.url)
    await browser.page.goto(`${shop}/#${encodeURIComponent(JSON.stringify({ chat: chat.url, token, transport }))}`)
    return Object.assign(new Visit(browser), { [Symbol.asyncDispose]: () => browser[Symbol.asyncDispose]() })
  }

  get complaints(): string[] {
    return this.#browser.complaints
  }

  does<T = void>(expression: string): Promise<T> {
    return this.#browser.page.evaluate<T>(expression)
  }

  call<T>(method: string, data: object): Promise<T> {
    return this.does<T>(`call(${JSON.stringify(method)}, ${JSON.stringify(data)})`)
  }

  /** Resolves when the page's expression is this value. */
  async sees(expression: string, value: unknown): Promise<void> {
    await this.#browser.page.waitForFunction(
      `JSON.stringify(${expression}) === ${JSON.stringify(JSON.stringify(value))}`,
    )
  }

  async waitsFor(condition: string): Promise<void> {
    await this.#browser.page.waitForFunction(condition)
  }
}

test.each<[Transport, string]>([
  ['websocket', 'over a WebSocket'],
  ['http_stream', '[LV95] over HTTP alone, from another origin than the chat’s'],
])('%s: a page of the shop has two rooms, messages, typing, receipts and presence, %s', async (transport) => {
  await using shop = openShop()
  await using chat = await startParley({ env: { PARLEY_ALLOWED_ORIGINS: shop.origin } })
  const { owner, customer, roomId } = await chat.pair()
  const { id: otherId } = await customer.openRoom((await owner.offer('Helmet')).id)
  await customer.send(otherId, 'Which size?')
  await using minji = await Visit.to(shop.origin, chat, owner, transport)
  await using joon = await Visit.to(shop.origin, chat, customer, transport)

  await minji.waitsFor('seen.welcome')
  expect(await minji.does<string>('seen.transport')).toBe(transport)
  expect(await minji.does<Welcome>('seen.welcome')).toEqual({
    user: { id: owner.id, username: 'Minji' },
    totalUnread: 1,
  })
  for (const visit of [minji, joon]) for (const id of [roomId, otherId]) await visit.does(`listen(${id})`)
  await minji.sees(`seen.rooms[${roomId}].joins`, [customer.id])

  const sent = await joon.call<Message>('message.send', { roomId, text: '토요일에 가능한가요?', clientId: 'c-1' })
  expect(sent).toMatchObject({ roomId, seq: 1, sender: { username: 'Joon' }, clientId: 'c-1' })
  await minji.call('message.send', { roomId, text: '네!' })
  await minji.does(`app.publish('room:${otherId}', { text: 'M' })`)
  for (const visit of [minji, joon]) {
    await visit.sees(`seen.rooms[${roomId}].texts`, ['토요일에 가능한가요?', '네!'])
    await visit.sees(`seen.rooms[${otherId}].texts`, ['M'])
  }

  await minji.call('room.typing', { roomId })
  await joon.sees(`seen.rooms[${roomId}].typing`, [owner.id])
  await joon.call('room.read', { roomId, seq: 2 })
  await minji.sees(`seen.rooms[${roomId}].receipts.map(({ userId, readSeq }) => [userId, readSeq])`, [[customer.id, 2]])
  await minji.sees('seen.inbox.at(-1)?.totalUnread', 0)

  expect(await joon.call('presence.status', { userIds: [owner.id] })).toMatchObject({ items: [{ online: true }] })
  expect(await joon.does<object>(`app.presenceStats('room:${roomId}')`)).toEqual({ numClients: 2, numUsers: 2 })
  for (const visit of [minji, joon]) {
    expect(await visit.does<unknown[]>('seen.errors')).toEqual([])
    expect(visit.complaints).toEqual([])
  }
})

test.each<[Transport]>([['websocket'], ['http_stream']])(
  '[LV3] %s: a page of a site that is not on the list is not let in',
  async (transport) => {
    await using shop = openShop()
    await using chat = await startParley({ env: { PARLEY_ALLOWED_ORIGINS: 'https://shop.example' } })
    await using eve = await Visit.to(shop.origin, chat, await chat.person('Minji'), transport)
    await eve.waitsFor('seen.errors.length > 1')
    expect(await eve.does<boolean>("'welcome' in seen")).toBe(false)
  },
)
