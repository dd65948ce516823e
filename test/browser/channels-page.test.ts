import { expect, setDefaultTimeout, test } from 'bun:test'
import { type OpenBrowser, openBrowser } from '../support/browser.ts'
import type { Person } from '../support/person.ts'
import { type RunningParley, startParley } from '../support/server.ts'

setDefaultTimeout(60_000)

/** As it stands in a Django template of a Channels chat, with the room's id and the user's e-mail filled in. */
const channelsPage = (roomId: number, email: string) => `<!doctype html>
<textarea id="chat-log" cols="100" rows="20"></textarea><br>
<input id="chat-message-input" type="text" size="100"><input id="chat-message-submit" type="button" value="Send">
<script>
  const roomId = "${roomId}"
  const chatSocket = new WebSocket('ws://' + window.location.host + '/ws/room/' + roomId + '/messages')
  chatSocket.onmessage = function (e) {
    const data = JSON.parse(e.data)
    if (data.error) { document.querySelector('#chat-log').value += ('! ' + data.error + '\\n'); return }
    document.querySelector('#chat-log').value += (data.sender_username + ': ' + data.message + '\\n')
  }
  chatSocket.onopen = function () { document.title = 'open' }
  chatSocket.onclose = function (e) { document.title = 'closed ' + e.code }
  document.querySelector('#chat-message-submit').onclick = function () {
    const input = document.querySelector('#chat-message-input')
    chatSocket.send(JSON.stringify({ 'message': input.value, 'sender_email': '${email}', 'room_id': roomId }))
    input.value = ''
  }
</script>`

/** The shop serves the page at the chat's own address, as behind one proxy; the browser has the session cookie. */
async function openShopPage({ page }: OpenBrowser, server: RunningParley, person: Person, roomId: number) {
  const body = channelsPage(roomId, person.email)
  await page.route('**/shop/room', (route) => route.fulfill({ contentType: 'text/html', body }))
  await page.goto(`${server.url}/docs`)
  const status = await page.evaluate(
    async ({ email, password }) => {
      const headers = { 'content-type': 'application/json' }
      return (await fetch('/api/sessions', { method: 'POST', headers, body: JSON.stringify({ email, password }) }))
        .status
    },
    { email: person.email, password: person.password },
  )
  expect(status).toBe(201)
  await page.goto(`${server.url}/shop/room`)
  return {
    title: (text: string) => page.waitForFunction(`document.title === ${JSON.stringify(text)}`),
    say: async (text: string) => {
      await page.locator('#chat-message-input').fill(text)
      await page.locator('#chat-message-submit').click()
    },
    reads: (text: string) =>
      page.waitForFunction(`document.querySelector('#chat-log').value === ${JSON.stringify(text)}`),
  }
}

test('a page that was written for a Channels chat works unchanged, for both people', async () => {
  await using server = await startParley()
  const { owner, customer, roomId } = await server.pair()
  await using hers = await openBrowser(server.url)
  await using his = await openBrowser(server.url)
  const minji = await openShopPage(hers, server, owner, roomId)
  const joon = await openShopPage(his, server, customer, roomId)
  await Promise.all([minji.title('open'), joon.title('open')])

  await joon.say('토요일에 가능한가요?')
  await Promise.all([minji.reads('Joon: 토요일에 가능한가요?\n'), joon.reads('Joon: 토요일에 가능한가요?\n')])
  await minji.say('네!')
  const both = 'Joon: 토요일에 가능한가요?\nMinji: 네!\n'
  await Promise.all([minji.reads(both), joon.reads(both)])
  await joon.say('')
  await joon.reads(`${both}! A message text is required.\n`)

  expect(hers.complaints).toEqual([])
  expect(his.complaints).toEqual([])
})

test('a browser can read why it was not let in', async () => {
  await using server = await startParley()
  const { roomId } = await server.pair()
  const stranger = await server.person('Eve')
  await using browser = await openBrowser(server.url)
  const eve = await openShopPage(browser, server, stranger, roomId)
  await eve.title('closed 4404')
  await eve.reads('! There is no such room, or it is not yours.\n')
})
