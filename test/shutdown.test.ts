import { expect, test } from 'bun:test'
import { startParley } from './support/server.ts'

const upgrade = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-version': '13',
}

test('[LV7] [LV32] while it stops, sockets go a few at a time, no new one comes, and it is not ready; REST goes on', async () => {
  await using server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  const { owner, customer, roomId } = await server.pair()
  const sockets = await Promise.all(Array.from({ length: 300 }, () => customer.connect(roomId)))
  await owner.send(roomId, 'all are here')
  await Promise.all(sockets.map((socket) => socket.next()))
  let open = sockets.length
  for (const socket of sockets) void socket.closed.then(() => open--)

  const stopped = server.stop('SIGTERM')
  const codes = await Promise.all(sockets.slice(0, 1).map(async (socket) => (await socket.closed).code))
  expect(codes).toEqual([1012])
  // The first have gone; most are still there, and are spared until their turn.
  expect(open).toBeGreaterThan(150)
  const ready = await fetch(`${server.url}/readyz`)
  expect({ status: ready.status, text: await ready.text() }).toEqual({ status: 503, text: 'draining\n' })
  const refused = await fetch(`${server.url}/ws/room/${roomId}/messages`, {
    headers: { ...upgrade, authorization: `Bearer ${customer.token}` },
  })
  expect(refused.status).toBe(503)
  expect(await refused.json()).toMatchObject({ code: 'unavailable', detail: expect.stringContaining('is stopping') })
  expect(await owner.send(roomId, 'still stored')).toMatchObject({ seq: 2 })

  expect(new Set(await Promise.all(sockets.map(async ({ closed }) => (await closed).code)))).toEqual(new Set([1012]))
  expect(await stopped).toBe(0)
  // Whoever had not been told to go yet got the message as well.
  expect(sockets.filter(({ received }) => received.length === 2).length).toBeGreaterThan(0)
})

test('a second signal ends it at once', async () => {
  await using server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  const { customer, roomId } = await server.pair()
  // So many that the first signal takes its time.
  const sockets = await Promise.all(Array.from({ length: 200 }, () => customer.connect(roomId)))
  const first = server.stop('SIGTERM')
  await server.log.event('stopping')
  await sockets[0]?.closed
  expect(await server.stop('SIGTERM')).toBe(143)
  expect(await first).toBe(143)
})
