import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { openBrowser } from '../support/browser.ts'
import { freePort } from '../support/free-port.ts'
import { BY_SECRET, backend, hostPerson, mint } from '../support/marketplace.ts'
import type { Person } from '../support/person.ts'
import { type RunningParley, startParley } from '../support/server.ts'

const DOC = readFileSync(join(import.meta.dir, '../../docs/embed.md'), 'utf8')
/** The block of docs/embed.md that has this in it. */
const blockWith = (mark: string): string =>
  [...DOC.matchAll(/^```\w*\n((?:.*\n)*?)```$/gm)].map(([, text = '']) => text).find((text) => text.includes(mark)) ??
  ''

/** The marketplace: its page as the guide has it, under the policy that the guide names. */
let shop: ReturnType<typeof startShop>
let parley: RunningParley
let minji: Person
/** Who is signed in at the shop; nobody for 401. */
let visitor: string | undefined = 'joon'
let tokenLifeSeconds = 3600

function startShop(port: number) {
  const policy = () => {
    const socket = parley.url.replace('http', 'ws')
    return `default-src 'self'; script-src 'self' ${parley.url}; connect-src 'self' ${parley.url} ${socket}`
  }
  const html = (body: string) =>
    new Response(body, { headers: { 'content-type': 'text/html', 'content-security-policy': policy() } })
  const ours = (text: string) => text.replaceAll('https://chat.example', parley.url)
  const styled = (text: string) =>
    text.replace(
      '<h1>',
      '<link rel="stylesheet" href="/chat.css"><script src="/unread.js"></script><b id="unread"></b><h1>',
    )
  return Bun.serve({
    port,
    hostname: '127.0.0.1',
    routes: {
      '/product.html': () => html(ours(blockWith('product.html'))),
      '/styled.html': () => html(styled(ours(blockWith('product.html')))),
      '/room.html': ({ url }) => {
        const { searchParams } = new URL(url)
        const attributes = [...searchParams].map(([name, value]) => `${name}="${value}"`).join(' ')
        return html(`<script src="${parley.url}/widget.js" defer></script><parley-chat ${attributes}></parley-chat>`)
      },
      '/blank.html': () => html('<title>Blank</title><body></body>'),
      '/chat.css': () => new Response(blockWith('chat.css'), { headers: { 'content-type': 'text/css' } }),
      '/unread.js': () => new Response(blockWith('unread.js'), { headers: { 'content-type': 'text/javascript' } }),
      '/favicon.ico': () => new Response(null, { status: 204 }),
      '/chat-token': async () => {
        if (visitor === undefined) return new Response(null, { status: 401 })
        const exp = Math.floor(Date.now() / 1000) + tokenLifeSeconds
        return Response.json({ token: await mint({ sub: visitor, name: 'Joon', exp }) })
      },
    },
  })
}

beforeAll(async () => {
  const port = await freePort()
  parley = await startParley({ env: { ...BY_SECRET, PARLEY_ALLOWED_ORIGINS: `http://127.0.0.1:${port}` } })
  shop = startShop(port)
  minji = await hostPerson(parley, 'minji', 'Minji')
  await minji.get('/api/me')
  await backend(parley).put('/api/products/bike-1', { ownerId: 'minji', title: 'Road bike, 54 cm' })
})
afterAll(async () => {
  await shop.stop(true)
  await parley[Symbol.asyncDispose]()
})

/** A page of the shop's; whatever it loads comes from the shop or from Parley, and nothing is amiss on it. */
async function openPage(path: string) {
  const open = await openBrowser(parley.url)
  await open.page.goto(new URL(path, shop.url).href)
  return {
    page: open.page,
    async [Symbol.asyncDispose]() {
      expect(open.complaints).toEqual([])
      expect(open.foreignRequests.filter((url) => !url.startsWith(shop.url.href))).toEqual([])
      await open[Symbol.asyncDispose]()
    },
  }
}

const styleOf = (found: Locator, name: string): Promise<string> =>
  found.evaluate((element, property) => element.ownerDocument.defaultView.getComputedStyle(element)[property], name)
const composer = (page: Page) => page.getByRole('textbox', { name: 'Write a message' })
const bubble = (page: Page, text: string) => page.locator('.bubble', { hasText: text })

async function roomOfJoon(): Promise<number> {
  const { items } = (await (await minji.get('/api/rooms?productId=bike-1')).json()) as { items: { id: number }[] }
  const [room] = items
  if (!room) throw new Error('no room')
  return room.id
}

test('on a page of another origin, as the guide has it: asks the owner, and hears what they answer', async () => {
  await using open = await openPage('/product.html')
  const { page } = open
  await page.getByText('Say hello').waitFor()
  await composer(page).fill('Is it free on Saturday?')
  await composer(page).press('Enter')
  await bubble(page, 'Is it free on Saturday?').waitFor()
  await page.getByRole('img', { name: 'Sent' }).waitFor()
  const roomId = await roomOfJoon()
  await minji.send(roomId, 'Yes, from nine.')
  await bubble(page, 'Yes, from nine.').waitFor()
  await minji.put(`/api/rooms/${roomId}/read-mark`, { seq: 2 })
  await page.getByRole('img', { name: 'Read' }).waitFor()
})

test('the styles of the page stay out, and the properties of the guide go in', async () => {
  await using open = await openPage('/styled.html')
  const { page } = open
  await bubble(page, 'Yes, from nine.').waitFor()
  const mine = page.locator('.mine .bubble').first()
  const styles = ['backgroundColor', 'borderRadius', 'fontFamily']
  const look = await Promise.all(styles.map((name) => styleOf(mine, name)))
  expect(look).toEqual(['rgb(122, 63, 176)', '6px', 'Georgia, serif'])
  expect(await page.locator('parley-chat').evaluate((element) => element.clientHeight)).toBe(384)
})

test('the page is told what is unread', async () => {
  await using open = await openPage('/styled.html')
  const { page } = open
  await bubble(page, 'Yes, from nine.').waitFor()
  await backend(parley).put('/api/products/tent-1', { ownerId: 'minji', title: 'Tent' })
  const other = (await (
    await backend(parley).post('/api/rooms', { productId: 'tent-1', customerId: 'joon' })
  ).json()) as { id: number }
  await minji.send(other.id, 'The tent is free too.')
  await page.locator('#unread', { hasText: '1' }).waitFor()
})

test('a token that runs out is replaced, and nothing is lost meanwhile', async () => {
  tokenLifeSeconds = 2
  await using open = await openPage('/product.html')
  const { page } = open
  await bubble(page, 'Yes, from nine.').waitFor()
  await page.waitForRequest('**/chat-token')
  tokenLifeSeconds = 3600
  await minji.send(await roomOfJoon(), 'Still there?')
  await bubble(page, 'Still there?').waitFor()
})

test('whoever is not signed in at the shop is told so', async () => {
  visitor = undefined
  const open = await openBrowser(parley.url)
  await open.page.goto(`${shop.url}product.html`)
  await open.page.getByRole('alert').getByText('Sign in to talk here').waitFor()
  visitor = 'joon'
  await open.page.getByRole('button', { name: 'Try again' }).click()
  await bubble(open.page, 'Yes, from nine.').waitFor()
  await open[Symbol.asyncDispose]()
})

test('by the id of a room and with a token on the element, in Korean and dark; and no room of others', async () => {
  const token = await mint({ sub: 'joon', name: 'Joon' })
  await using open = await openPage(`/room.html?room=${await roomOfJoon()}&token=${token}&lang=ko&theme=dark`)
  await open.page.getByRole('textbox', { name: '메시지 쓰기' }).waitFor()
  const ground = await styleOf(open.page.locator('.widget'), 'backgroundColor')
  expect(ground).toBe('rgb(18, 22, 28)')
})

test.each([
  ['the owner of the product', 'minji', 'bike-1', /your own/],
  ['who asks for a product that nobody has', 'joon', 'nothing', /nothing here/],
])('%s is told why there is no conversation', async (_, sub, product, why) => {
  const token = await mint({ sub, name: sub })
  const open = await openBrowser(parley.url)
  await open.page.goto(new URL(`/room.html?product=${product}&token=${token}`, shop.url).href)
  await open.page.getByRole('alert').getByText(why).waitFor()
  await open[Symbol.asyncDispose]()
})

test('what one person wrote without a line goes out under nobody else’s name', async () => {
  const open = await openBrowser(parley.url)
  const { page } = open
  tokenLifeSeconds = 5
  await page.goto(new URL('/product.html', shop.url).href)
  await bubble(page, 'Yes, from nine.').waitFor()
  await page.context().setOffline(true)
  await composer(page).fill('Joon wrote this')
  await composer(page).press('Enter')
  await page.getByText('Sending').waitFor()
  await composer(page).fill('and this is not finished')
  visitor = 'sofia'
  tokenLifeSeconds = 3600
  await page.context().setOffline(false)
  await page.getByText('Say hello').waitFor()
  expect(await composer(page).inputValue()).toBe('')
  await composer(page).fill('Sofia wrote this')
  await composer(page).press('Enter')
  await page.getByRole('img', { name: 'Sent' }).waitFor()
  expect(await page.locator('.bubble').allTextContents()).toEqual(['Sofia wrote this'])
  visitor = 'joon'
  await open[Symbol.asyncDispose]()
})

test('a script of the page may give the token, also before the widget’s own is there', async () => {
  await using open = await openPage('/blank.html')
  const asText = JSON.stringify(await mint({ sub: 'joon', name: 'Joon' }))
  await open.page.evaluate(`{
    const chat = document.createElement('parley-chat')
    chat.getToken = async () => ${asText}
    chat.setAttribute('product', 'bike-1')
    const script = Object.assign(document.createElement('script'), { src: '${parley.url}/widget.js' })
    document.body.append(chat, script)
  }`)
  await bubble(open.page, 'Yes, from nine.').waitFor()
})

test('the size of the page’s root leaves the texts as they are', async () => {
  await using open = await openPage(`/room.html?product=bike-1&token-url=/chat-token`)
  await open.page.evaluate(`document.documentElement.style.fontSize = '6px'`)
  const name = open.page.locator('.who h1')
  await name.waitFor()
  expect(await styleOf(name, 'fontSize')).toBe('16.8px')
})

test('a page that is not allowed gets nothing', async () => {
  const port = await freePort()
  using other = startShop(port)
  const { page, ...open } = await openBrowser(parley.url)
  await page.goto(`${other.url}product.html`)
  await page.getByText('The conversation can’t be loaded').waitFor()
  await open[Symbol.asyncDispose]()
})
