import { expect, test } from 'bun:test'
import type { Person } from './support/person.ts'
import { type RunningParley, startParley } from './support/server.ts'

/** A request of which the server has the head and half of the body. */
async function askSlowly({ url }: RunningParley, { token }: Person, roomId: number) {
  const body = JSON.stringify({ text: 'still stored' })
  let answer = ''
  const { hostname, port } = new URL(url)
  const ended = Promise.withResolvers<string>()
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data(_, data) {
        answer += data.toString()
        if (answer.includes('"seq"')) ended.resolve(answer)
      },
      close: () => ended.resolve(answer),
    },
  })
  const head = [
    `POST /api/rooms/${roomId}/messages HTTP/1.1`,
    'Host: parley',
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n${body.slice(0, 9)}`)
  // Another request that is answered was read after this one.
  await fetch(`${url}/livez`)
  return {
    rest() {
      socket.write(body.slice(9))
      return ended.promise
    },
    async [Symbol.asyncDispose]() {
      socket.end()
    },
  }
}

test('[LV7] [LV32] while it stops, sockets go a few at a time, nobody new comes, and what was asked before is answered', async () => {
  await using server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  const { owner, customer, roomId } = await server.pair()
  const sockets = await Promise.all(Array.from({ length: 600 }, () => customer.connect(roomId)))
  await owner.send(roomId, 'all are here')
  await Promise.all(sockets.map((socket) => socket.next()))
  let open = sockets.length
  for (const socket of sockets) void socket.closed.then(() => open--)

  await using asked = await askSlowly(server, owner, roomId)
  const stopped = server.stop('SIGTERM')
  const codes = await Promise.all(sockets.slice(0, 1).map(async (socket) => (await socket.closed).code))
  expect(codes).toEqual([1012])
  // The first have gone; others are still there, and are spared until their turn.
  expect(open).toBeGreaterThan(0)
  expect(await fetch(`${server.url}/readyz`).catch(({ code }) => code)).toBe('ECONNREFUSED')
  expect(await asked.rest()).toMatch(/^HTTP\/1.1 201 .*"seq":2/s)

  expect(new Set(await Promise.all(sockets.map(async ({ closed }) => (await closed).code)))).toEqual(new Set([1012]))
  expect(await stopped).toBe(0)
})

test('a second signal ends it at once', async () => {
  await using server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  const { customer, roomId } = await server.pair()
  using socket = await customer.connect(roomId)
  // It does not end, and holds the first signal up for some seconds.
  await using _ = await askSlowly(server, customer, roomId)
  const first = server.stop('SIGTERM')
  await socket.closed
  expect(await server.stop('SIGTERM')).toBe(143)
  expect(await first).toBe(143)
})
