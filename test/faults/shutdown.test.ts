import { expect, test } from 'bun:test'
import type { Person } from '../support/person.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { type RunningParley, startParley } from '../support/server.ts'

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

test('[LV32] by SIGTERM a slow client gets what waits for it, then 1012; one that never reads holds nobody up', async () => {
  await using server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  const { owner, customer, roomId } = await server.pair()
  using minji = await owner.connect(roomId)
  const say = async () => {
    minji.send({ message: '한'.repeat(4000) })
    return minji.next()
  }
  const hasLeft = async (sockets: number) =>
    (await (await fetch(`${server.url}/metrics`)).text()).includes(`parley_connections ${sockets}\n`)
  const path = `${server.url}/ws/room/${roomId}/messages`
  const notReading = async () => {
    const socket = await RawSocket.open(path, customer.token)
    await say()
    await socket.text()
    socket.stopReading()
    return socket
  }

  // How much fills the kernel's buffers and the server's MiB for a client: with half a MiB less, much still waits there.
  using full = await notReading()
  let count = 0
  while (!(await hasLeft(1))) {
    await say()
    count += 1
  }
  full[Symbol.dispose]()
  using slow = await notReading()
  // In the middle of its replay.
  using stuck = await RawSocket.open(`${path}?after=0`, customer.token)
  stuck.stopReading()
  const sent: unknown[] = []
  for (let n = 0; n < count - 40; n++) sent.push((await say()).seq)
  expect(await hasLeft(3)).toBe(true)

  const stoppedAt = performance.now()
  const ended = server.stop('SIGTERM')
  slow.readOn()
  const received: unknown[] = []
  for (const _ of sent) received.push(JSON.parse(await slow.text()).seq)
  expect(received).toEqual(sent)
  expect((await slow.closed).code).toBe(1012)
  expect(await ended).toBe(0)
  // Whoever stops a container waits ten seconds, and then kills.
  expect(performance.now() - stoppedAt).toBeLessThan(10_000)
  expect(stuck.head).toStartWith('HTTP/1.1 101')
})
