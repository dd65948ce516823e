import { describe, expect, test } from 'bun:test'
import { DISCONNECT, DISCONNECT_REASON } from '../src/live/app/protocol.ts'
import { metric } from './support/app-client.ts'
import { AppSocket, seqs, until } from './support/app-socket.ts'
import { RawSocket } from './support/raw-socket.ts'
import { startParley } from './support/server.ts'
import { failure } from './support/storage.ts'

const LIMITS_OFF = { PARLEY_LIMITS: 'off' }
const urlOf = ({ wsUrl }: { wsUrl: string }) => `${wsUrl}/connection/websocket`

describe('[LV90] with a short interval', () => {
  test('who answers stays, who does not is closed with 3012, and who is not connected is not asked', async () => {
    await using server = await startParley({ env: { PARLEY_PING_INTERVAL: '1' } })
    const minji = await server.person('Minji')
    const silent = await AppSocket.open(server, minji)
    silent.answersPings = false
    using answers = await AppSocket.open(server, minji)
    using stranger = await AppSocket.dial(server)
    expect(await silent.closed).toEqual({ code: 3012, reason: 'no pong' })
    expect(silent.pings).toBe(1)
    await until(() => answers.pings >= 3)
    expect((await answers.ask('ping')).ping).toEqual({})
    expect(stranger.lines).toEqual([])
    expect((await stranger.connect(minji.token)).connect).toMatchObject({ ping: 1, pong: true })
    expect(await metric(server, 'parley_sockets_closed_total\\{code="3012"\\}')).toBe(1)
  })
})

test('[LV91] a client that never reads in a busy room is cut off; nobody else is, and its recovery has no gap', async () => {
  await using server = await startParley({ env: LIMITS_OFF })
  const { owner, customer, roomId } = await server.pair()
  using witness = await AppSocket.open(server, owner)
  const place = (await witness.subscribe(roomId)).subscribe
  using hung = await RawSocket.open(urlOf(server), owner.token)
  hung.sendTexts([`{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"room:${roomId}"}}`])
  for (const id of [1, 2]) expect(await hung.text()).toStartWith(`{"id":${id},`)
  hung.stopReading()

  using talker = await AppSocket.open(server, customer)
  const cut = () => metric(server, 'parley_sockets_closed_total\\{code="1006"\\}').then((closed) => closed === 1)
  let sent = 0
  const text = 'x'.repeat(4000)
  while (!(await cut())) {
    const clientIds = seqs(sent + 1, sent + 50)
    await Promise.all(clientIds.map((n) => talker.say(roomId, text, `c${n}`)))
    sent += 50
    if (sent > 5000) throw new Error('not cut off')
  }
  expect(await witness.entries(sent)).toEqual(seqs(1, sent))
  expect((await talker.ask('ping')).ping).toEqual({})

  // What it has missed is more than a recovery gives: it pages up to a place near the end, and goes on from there.
  expect((await owner.history(roomId)).map(({ seq }) => seq)).toEqual(seqs(1, sent))
  using again = await AppSocket.open(server, owner)
  const wish = { recover: true, offset: sent - 20, epoch: place?.epoch }
  const { subscribe } = await again.subscribe(roomId, wish)
  expect(subscribe?.publications?.map(({ offset }) => offset)).toEqual(seqs(sent - 19, sent))
  await talker.say(roomId, 'new')
  expect(await again.entries(1)).toEqual([sent + 1])
})

describe('[LV92] on SIGTERM', () => {
  test('what was sent is stored and acknowledged, and each is closed with 3001; meanwhile none comes in', async () => {
    await using server = await startParley({ env: LIMITS_OFF })
    const { owner, customer, roomId } = await server.pair()
    const hers = await AppSocket.open(server, owner)
    const his = await AppSocket.open(server, customer)
    await his.subscribe(roomId)
    const stranger = await AppSocket.dial(server)
    // Each waits for a commit of its own: the end has to wait for all of them.
    const texts = seqs(1, 300).map((n) => `number ${n}`)
    const say = (text: string, at: number) => ({
      id: 1000 + at,
      rpc: { method: 'message.send', data: { roomId, text } },
    })
    const commands = texts.map(say)
    for (let at = 0; at < 300; at += 2) hers.send(commands.slice(at, at + 2))
    // They are there: the first of them is answered.
    await hers.reply(1000)
    const stopped = server.stop('SIGTERM')
    await server.log.event('stopping')
    // Whoever comes now comes to the next server.
    expect(await failure(AppSocket.dial(server))).toBeInstanceOf(Error)

    const ends = await Promise.all([hers, his, stranger].map(({ closed }) => closed))
    expect(ends).toEqual(Array(3).fill({ code: 3001, reason: 'shutdown' }))
    expect(await stopped).toBe(0)
    const answered = hers.lines.flatMap((line) => (line.includes('"rpc"') ? [JSON.parse(line).rpc.data.text] : []))
    expect(answered).toEqual(texts)
    await using again = await startParley({ dataDir: server.dataDir, env: LIMITS_OFF })
    expect((await owner.at(again).history(roomId)).map(({ text }) => text)).toEqual(texts)
  })

  test('[LV81] marks that wait are stored and told first', async () => {
    await using server = await startParley({ env: LIMITS_OFF })
    const { owner, customer, roomId } = await server.pair()
    await customer.send(roomId, 'one')
    const hers = await AppSocket.open(server, owner)
    await hers.rpc('room.delivered', { roomId, seq: 1 })
    await server.stop('SIGTERM')
    await using again = await startParley({ dataDir: server.dataDir, env: LIMITS_OFF })
    expect((await customer.at(again).inbox()).items[0]).toMatchObject({ peerDeliveredSeq: 1, peerReadSeq: 0 })
  })
})

test('[LV93] codes say whether a client comes back, and reasons are no advice that it would read', () => {
  const comesBack = Object.entries(DISCONNECT).filter(([, code]) => code < 3500)
  expect(comesBack.map(([why]) => why).sort()).toEqual(['noPong', 'restart', 'tooMuch', 'unauthenticated'])
  for (const code of Object.values(DISCONNECT)) expect(code).toBeWithin(3000, 4000)
  for (const reason of Object.values(DISCONNECT_REASON)) expect(() => JSON.parse(reason)).toThrow()
})
