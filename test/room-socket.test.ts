import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { RawSocket } from './support/raw-socket.ts'
import { type RunningParley, startParley } from './support/server.ts'
import { openSocket } from './support/socket.ts'

let server: RunningParley
beforeAll(async () => {
  server = await startParley({ env: { PARLEY_LIMITS: 'off', PARLEY_ALLOWED_ORIGINS: 'https://shop.example' } })
})
afterAll(() => server[Symbol.asyncDispose]())

const path = (roomId: number | string) => `${server.wsUrl}/ws/room/${roomId}/messages`

describe('a conversation', () => {
  test('[LV20] [LV21] both sockets get each message, in the same order, with the same seq', async () => {
    const { owner, customer, roomId } = await server.pair()
    using minji = await owner.connect(roomId)
    using joon = await customer.connect(roomId)

    for (let n = 1; n <= 20; n++) (n % 2 ? minji : joon).send({ message: `number ${n}` })
    const [seenByMinji, seenByJoon] = await Promise.all([minji.take(20), joon.take(20)])

    expect(seenByMinji).toEqual(seenByJoon)
    expect(seenByMinji.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1))
    const stored = await owner.history(roomId)
    expect(stored.map(({ seq, text }) => ({ seq, text }))).toEqual(
      seenByJoon.map(({ seq = 0, message = '' }) => ({ seq, text: message })),
    )
  })

  test('a frame says who, where, when, and which client id', async () => {
    const { owner, customer, roomId } = await server.pair('Hana')
    using joon = await customer.connect(roomId)

    joon.send({ message: 'Is it free?', client_id: 'c-1' })

    const frame = await joon.next()
    expect(frame).toEqual({
      message: 'Is it free?',
      sender_username: 'Joon',
      sender_id: customer.id,
      room_id: roomId,
      seq: 1,
      sent_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      client_id: 'c-1',
    })
    expect((await owner.inbox()).items[0]).toMatchObject({
      id: roomId,
      unread: 1,
      lastMessage: { text: 'Is it free?' },
    })
  })

  test('a message that was sent over REST arrives on the socket', async () => {
    const { owner, customer, roomId } = await server.pair()
    using joon = await customer.connect(roomId)

    await owner.send(roomId, 'from the app')

    expect(await joon.next()).toMatchObject({ message: 'from the app', sender_id: owner.id, seq: 1 })
  })

  test('a new name is on the next message, also from a socket that is open', async () => {
    const { owner, customer, roomId } = await server.pair()
    using joon = await customer.connect(roomId)
    using minji = await owner.connect(roomId)

    await owner.call('PATCH', '/api/me', { username: 'Minji the owner' })
    minji.send({ message: 'hi' })

    expect(await joon.next()).toMatchObject({ sender_username: 'Minji the owner' })
  })

  test('[LV13] [LV22] a message for another room of the sender goes there, and its frame comes back alone', async () => {
    const { owner, customer, roomId } = await server.pair()
    const tent = await owner.offer('Tent')
    const other = await customer.openRoom(tent.id)
    using minjiHere = await owner.connect(roomId)
    using minjiThere = await owner.connect(other.id)
    using joon = await customer.connect(roomId)

    joon.send({ message: 'about the tent', room_id: String(other.id) })
    const answer = await joon.next()
    joon.send({ message: 'about the bike', room_id: roomId })

    expect(answer).toMatchObject({ message: 'about the tent', room_id: other.id, seq: 1 })
    expect(await minjiThere.next()).toEqual(answer)
    expect(await minjiHere.next()).toMatchObject({ message: 'about the bike', room_id: roomId, seq: 1 })
  })

  test('[LV14] [LV22] a repeated client id is answered with the stored frame, to its sender alone', async () => {
    const { owner, customer, roomId } = await server.pair()
    using joon = await customer.connect(roomId)
    using minji = await owner.connect(roomId)

    joon.send({ message: 'once', client_id: 'same' })
    joon.send({ message: 'once', client_id: 'same' })
    joon.send({ message: 'other text', client_id: 'same' })
    joon.send({ message: 'after' })

    const [first, repeat, refusal] = await joon.take(3)
    expect(repeat).toEqual(first ?? {})
    expect(refusal).toMatchObject({ code: 'client_id_reused', client_id: 'same' })
    expect((await minji.take(2)).map(({ message }) => message)).toEqual(['once', 'after'])
  })
})

describe('the handshake', () => {
  test('[LV1] [LV2] a subprotocol token gets in, and is not sent back', async () => {
    const { customer, roomId } = await server.pair()
    using joon = await openSocket(path(roomId), { protocols: [`parley.bearer.${customer.token}`, 'parley.v1'] })

    joon.send({ message: 'hi' })

    expect(await joon.next()).toMatchObject({ message: 'hi' })
    expect(joon.protocol).toBe('parley.v1')
  })

  test.each([
    ['of nobody', 'chat, json'],
    ['with a token that is spelled otherwise', 'PARLEY.BEARER.TOKEN'],
  ])('[LV2] subprotocols %s are answered with none', async (_, offered) => {
    const { customer, roomId } = await server.pair()
    const protocols = { 'Sec-WebSocket-Protocol': offered.replace('TOKEN', customer.token) }
    using joon = await RawSocket.open(path(roomId), customer.token, protocols)
    expect(joon.head).toStartWith('HTTP/1.1 101')
    expect(joon.head.toLowerCase()).not.toContain('sec-websocket-protocol')
  })

  test.each(['[::1', 'a b', 'x@y', ''])('is nobody’s fault but the client’s with %p as its Host', async (host) => {
    const { customer, roomId } = await server.pair()
    using joon = await RawSocket.open(`${path(roomId)}?after=0`, customer.token, { Host: host })
    expect(joon.head).toMatch(/^HTTP\/1\.1 (101|400)/)
  })

  test('[LV1] a cookie gets in from the own origin', async () => {
    const { customer, roomId } = await server.pair()
    const headers = { cookie: `theme=dark; parley_session=${customer.token}`, origin: server.url }
    using joon = await openSocket(path(roomId), { headers })

    joon.send({ message: 'hi' })

    expect(await joon.next()).toMatchObject({ message: 'hi', sender_id: customer.id })
  })

  test('[LV1] a ticket gets in once', async () => {
    const { customer, roomId } = await server.pair()
    const { ticket } = (await (await customer.post('/api/tickets')).json()) as { ticket: string }

    const sockets = await Promise.all(Array.from({ length: 4 }, () => openSocket(`${path(roomId)}?ticket=${ticket}`)))
    for (const socket of sockets) socket.send({ message: 'hi' })
    const answers = await Promise.all(sockets.map((socket) => socket.next()))

    expect(answers.filter(({ message }) => message === 'hi')).toHaveLength(1)
    expect(answers.filter(({ code }) => code === 'unauthenticated')).toHaveLength(3)
    for (const socket of sockets) socket.close()
  })

  test.each([
    ['a foreign one', 'https://evil.example'],
    ['null', 'null'],
    ['an allowed one with more behind it', 'https://shop.example.evil.example'],
    ['an allowed one with more before it', 'https://evilshop.example'],
    ['an allowed one on another port', 'https://shop.example:8443'],
    ['an allowed one without TLS', 'http://shop.example'],
    ['the own one on another port', 'http://127.0.0.1:1'],
  ])('[LV3] an Origin gets 403 and no upgrade: %s', async (_, origin) => {
    const { customer, roomId } = await server.pair()
    const refused = await upgrade(roomId, { authorization: `Bearer ${customer.token}`, origin })
    expect(refused.status).toBe(403)
    expect(await refused.json()).toMatchObject({ code: 'origin_not_allowed' })
  })

  test('[LV3] an allowed Origin gets in', async () => {
    const { customer, roomId } = await server.pair()
    using joon = await customer.connect(roomId, '', { origin: 'https://shop.example' })
    joon.send({ message: 'hi' })
    expect(await joon.next()).toMatchObject({ message: 'hi' })
  })

  test.each([
    [
      '[LV3] a cookie without an Origin',
      403,
      'origin_not_allowed',
      (token: string) => ({ cookie: `parley_session=${token}` }),
    ],
    [
      '[LV2] a subprotocol token without parley.v1',
      400,
      'bad_request',
      (token: string) => ({ 'sec-websocket-protocol': `parley.bearer.${token}` }),
    ],
  ])('%s is refused before the upgrade', async (_, status, code, headersFor) => {
    const { customer, roomId } = await server.pair()
    const refused = await upgrade(roomId, headersFor(customer.token))
    expect(refused.status).toBe(status)
    expect(await refused.json()).toMatchObject({ code })
  })

  test('[LV7] a request that is no upgrade gets 426', async () => {
    const { customer, roomId } = await server.pair()
    const answer = await customer.get(`/ws/room/${roomId}/messages`)
    expect(answer.status).toBe(426)
    expect(await answer.json()).toMatchObject({ code: 'upgrade_required' })
  })

  test.each([
    ['no credential', '', {}],
    ['an unknown token', '', { authorization: 'Bearer pls_nobody' }],
    ['a token in the query string', '?token=TOKEN&access_token=TOKEN', {}],
    ['an unknown ticket', '?ticket=plt_nobody', {}],
  ])('[LV4] %s is told on the socket, then it is closed with 4401', async (_, query, headers) => {
    const { customer, roomId } = await server.pair()
    const socket = await openSocket(path(roomId) + query.replaceAll('TOKEN', customer.token), { headers })
    expect(await socket.next()).toMatchObject({ code: 'unauthenticated' })
    expect((await socket.closed).code).toBe(4401)
  })

  test('[LV4] a room that is not mine and one that does not exist look the same', async () => {
    const { roomId } = await server.pair()
    const stranger = await server.person('Eve')
    const answers = []
    for (const room of [roomId, 999_999, 0, -1, 'abc', '1e3', '9'.repeat(30)]) {
      const socket = await stranger.connect(room)
      answers.push({ frame: await socket.next(), ...(await socket.closed) })
    }
    expect(answers[0]).toMatchObject({ frame: { code: 'room_not_found' }, code: 4404 })
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
  })

  test('[LV6] signing out closes the sockets of that session, and no other', async () => {
    const { customer, roomId } = await server.pair()
    const again = await customer.post('/api/sessions', { email: customer.email, password: customer.password })
    const { token } = (await again.json()) as { token: string }
    const first = await customer.connect(roomId)
    using second = await openSocket(path(roomId), { headers: { authorization: `Bearer ${token}` } })
    // Both are in the room once both have seen a message.
    await customer.send(roomId, 'here')
    await Promise.all([first.next(), second.next()])

    await customer.call('DELETE', '/api/sessions/current')

    expect((await first.closed).code).toBe(4401)
    second.send({ message: 'still here' })
    expect(await second.next()).toMatchObject({ message: 'still here' })
  })
})

test('[LV6] a new password closes the sockets of the other sessions, and not of this one', async () => {
  const { customer, roomId } = await server.pair()
  const again = await customer.post('/api/sessions', { email: customer.email, password: customer.password })
  const { token } = (await again.json()) as { token: string }
  const other = await openSocket(path(roomId), { headers: { authorization: `Bearer ${token}` } })
  using own = await customer.connect(roomId)
  await customer.send(roomId, 'here')
  await Promise.all([own.next(), other.next()])

  await customer.put('/api/me/password', { current: customer.password, next: 'another good one' })

  expect((await other.closed).code).toBe(4401)
  own.send({ message: 'still here' })
  expect(await own.next()).toMatchObject({ message: 'still here' })
})

describe('[LV10] a frame that is refused leaves the socket open', () => {
  const other = { message: 'hi', sender_email: 'someone@else.example' }
  test.each([
    ['no JSON', '{', 'bad_frame'],
    ['a number', '123', 'bad_frame'],
    ['a boolean', 'true', 'bad_frame'],
    ['null', 'null', 'bad_frame'],
    ['a string', '"x"', 'bad_frame'],
    ['an array', '[]', 'bad_frame'],
    ['arrays 30,000 deep', '['.repeat(30_000), 'bad_frame'],
    ['binary', new Uint8Array([1, 2, 3]), 'bad_frame'],
    ['1e400', '1e400', 'bad_frame'],
    ['a name twice', '{"message":"hi","message":"ho"}', 'bad_frame'],
    ['17 levels', `{"message":${'['.repeat(16)}${']'.repeat(16)}}`, 'bad_frame'],
    ['no message', '{}', 'message_required'],
    ['a prototype in place of a message', '{"__proto__":{"message":"hi"}}', 'message_required'],
    ['a message that is a number', { message: 5 }, 'message_required'],
    ['an empty message', { message: '' }, 'message_required'],
    ['only white space', { message: ' \n\t ' }, 'message_required'],
    ['4,001 characters', { message: 'x'.repeat(4001) }, 'message_too_long'],
    ['NUL', '{"message":"a\\u0000b"}', 'invalid'],
    ['a lone surrogate', '{"message":"a\\ud800"}', 'invalid'],
    ["somebody else's e-mail", other, 'sender_mismatch'],
    ['an e-mail that is no string', { message: 'hi', sender_email: {} }, 'sender_mismatch'],
    ['a room that is not mine', { message: 'hi', room_id: 999_999 }, 'room_not_found'],
    ['a room that is no number', { message: 'hi', room_id: ['1'] }, 'room_not_found'],
    ['a room that has no text form', { message: 'hi', room_id: { toString: 0, valueOf: 0 } }, 'room_not_found'],
    ['a client id that is too long', { message: 'hi', client_id: 'x'.repeat(129) }, 'invalid'],
  ])('%s', async (_, frame, code) => {
    const { owner, customer, roomId } = await lasting()
    using joon = await customer.connect(roomId)

    joon.send(frame)
    expect(await joon.next()).toEqual({ error: expect.any(String), code })

    joon.send({ message: 'still here', sender_email: customer.email.toUpperCase() })
    expect(await joon.next()).toMatchObject({ message: 'still here' })
    expect((await owner.history(roomId)).every(({ text }) => text === 'still here')).toBe(true)
  })

  let shared: ReturnType<RunningParley['pair']> | undefined
  const lasting = () => {
    shared ??= server.pair()
    return shared
  }

  test('[LV24] in Korean for who asks for it, naming the client id', async () => {
    const { customer, roomId } = await server.pair()
    using joon = await customer.connect(roomId, '', { 'accept-language': 'fr, ko-KR;q=0.9, en;q=0.5' })
    joon.send({ message: '', client_id: 'c-9' })
    expect(await joon.next()).toEqual({
      error: '메시지 텍스트가 필요합니다.',
      code: 'message_required',
      client_id: 'c-9',
    })
  })
})

const upgrade = (roomId: number, headers: Record<string, string>) =>
  fetch(path(roomId).replace(/^ws/, 'http'), {
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-version': '13',
      ...headers,
    },
  })
