import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { SessionGrant } from '../src/accounts/model.ts'
import { AppSocket, refused } from './support/app-socket.ts'
import { runCommand } from './support/command.ts'
import { BY_SECRET, backend, hostPerson, mint, personBy, seconds } from './support/marketplace.ts'
import type { Person } from './support/person.ts'
import { RawSocket } from './support/raw-socket.ts'
import { type RunningParley, signIn, startParley } from './support/server.ts'

// How one comes in by the app socket, and how one is sent away: frame by frame.

const SHOP = 'https://shop.example'

let server: RunningParley
let shop: Person
beforeAll(async () => {
  server = await startParley({ env: { ...BY_SECRET, PARLEY_LIMITS: 'off', PARLEY_ALLOWED_ORIGINS: SHOP } })
  shop = backend(server)
})
afterAll(() => server[Symbol.asyncDispose]())

let people = 0
const byHost = (name: string) => hostPerson(server, `${name.toLowerCase()}-${++people}`, name)

async function ticketOf(person: Person, origin?: string): Promise<string> {
  const answer = await person.post('/api/tickets', origin === undefined ? {} : { origin })
  return ((await answer.json()) as { ticket: string }).ticket
}

/** Another session of the same person. */
async function signInAgain(person: Person): Promise<Person> {
  const { user, token } = (await (await signIn(server.url, person)).json()) as SessionGrant
  return personBy(server, token, { id: user.id, name: user.username })
}

const EXPIRED = refused(1, 109, 'token_expired')

describe('[LV40] a credential of the upgrade', () => {
  const ways: [string, (person: Person) => Promise<Parameters<typeof AppSocket.dial>[1]>][] = [
    ['a bearer token', async ({ token }) => ({ headers: { authorization: `Bearer ${token}` } })],
    ['a subprotocol', async ({ token }) => ({ protocols: [`parley.bearer.${token}`, 'parley.v1'] })],
    ['a ticket', async (person) => ({ query: `?ticket=${await ticketOf(person)}` })],
    [
      'a cookie from the own origin',
      async ({ token }) => ({ headers: { cookie: `parley_session=${token}`, origin: server.url } }),
    ],
    [
      'a cookie from an allowed origin',
      async ({ token }) => ({ headers: { cookie: `parley_session=${token}`, origin: SHOP } }),
    ],
  ]

  test.each(ways)('lets in who shows %s', async (_, wayOf) => {
    const minji = await server.person('Minji')
    using socket = await AppSocket.dial(server, await wayOf(minji))
    const { connect } = await socket.connect()
    expect(connect?.data.user).toEqual({ id: minji.id, username: 'Minji' })
    // Nothing for the client to renew.
    expect(connect).not.toHaveProperty('expires')
    expect(connect).not.toHaveProperty('ttl')
  })

  test('lets in with a token of the marketplace’s too', async () => {
    const dan = await byHost('Dan')
    using socket = await AppSocket.dial(server, { headers: { authorization: `Bearer ${dan.token}` } })
    expect((await socket.connect()).connect?.data.user).toEqual({ id: dan.id, username: 'Dan' })
  })

  test('is outranked by the token in connect: a good one by a good one', async () => {
    const [minji, joon] = await Promise.all([server.person('Minji'), server.person('Joon')])
    using socket = await AppSocket.dial(server, { headers: { authorization: `Bearer ${minji.token}` } })
    expect((await socket.connect(joon.token)).connect?.data.user.username).toBe('Joon')
  })

  test.each([
    ['a bearer token', { headers: { authorization: 'Bearer pls_nobody' } }],
    ['a ticket', { query: '?ticket=plt_nobody' }],
    ['a server key', { headers: { authorization: 'Bearer plk_nobody' } }],
  ])('is outranked by the token in connect: %s that is good for nothing', async (_, dial) => {
    const minji = await server.person('Minji')
    using socket = await AppSocket.dial(server, dial)
    expect((await socket.connect(minji.token)).connect?.data.user.id).toBe(minji.id)
  })

  test('is outranked by the token in connect: a good one by a bad one, which does not fall back to it', async () => {
    const minji = await server.person('Minji')
    using socket = await AppSocket.dial(server, { headers: { authorization: `Bearer ${minji.token}` } })
    expect(await socket.connect('pls_nobody')).toEqual(EXPIRED)
    expect((await socket.connect()).connect?.data.user.id).toBe(minji.id)
  })

  test('[LV2] is never answered with: the server takes parley.v1, or no subprotocol', async () => {
    const { token } = await server.person('Minji')
    const open = async (offered: string) => {
      const headers = { 'Sec-WebSocket-Protocol': offered }
      using raw = await RawSocket.open(`${server.wsUrl}/connection/websocket`, token, headers)
      return {
        is101: raw.head.startsWith('HTTP/1.1 101'),
        answer: /^sec-websocket-protocol: (.*)$/im.exec(raw.head)?.[1],
      }
    }
    expect(await open(`parley.bearer.${token}, parley.v1`)).toEqual({ is101: true, answer: 'parley.v1' })
    expect(await open('centrifuge-json')).toEqual({ is101: true, answer: undefined })
  })

  test.each([
    ['a foreign one', 'https://evil.example'],
    ['null', 'null'],
    ['an allowed one with more behind it', `${SHOP}.evil.example`],
    ['an allowed one with more before it', 'https://evilshop.example'],
    ['an allowed one on another port', `${SHOP}:8443`],
    ['the own one on another port', 'http://127.0.0.1:1'],
  ])('[LV3] does not help with an Origin that is foreign: %s', async (_, origin) => {
    const { token } = await server.person('Minji')
    const answer = await upgrade({ authorization: `Bearer ${token}`, origin })
    expect([answer.status, await codeOf(answer)]).toEqual([403, 'origin_not_allowed'])
  })

  test('[LV3] that is a cookie needs an Origin', async () => {
    const { token } = await server.person('Minji')
    const answer = await upgrade({ cookie: `parley_session=${token}` })
    expect([answer.status, await codeOf(answer)]).toEqual([403, 'origin_not_allowed'])
  })

  test('[LV2] that is a subprotocol needs parley.v1 beside it', async () => {
    const { token } = await server.person('Minji')
    const answer = await upgrade({ 'sec-websocket-protocol': `parley.bearer.${token}` })
    expect([answer.status, await codeOf(answer)]).toEqual([400, 'bad_request'])
  })

  test('does not make up for asking for protobuf, which is not spoken here', async () => {
    const { token } = await server.person('Minji')
    const answer = await upgrade({ authorization: `Bearer ${token}`, 'sec-websocket-protocol': 'centrifuge-protobuf' })
    expect([answer.status, await codeOf(answer)]).toEqual([400, 'bad_request'])
  })

  test('[LV7] and an upgrade are two things: without the second it is 426', async () => {
    const minji = await server.person('Minji')
    const answer = await minji.get('/connection/websocket')
    expect([answer.status, await codeOf(answer)]).toEqual([426, 'upgrade_required'])
  })

  const codeOf = async (answer: Response) => ((await answer.json()) as { code: string }).code
  const upgrade = (headers: Record<string, string>) =>
    fetch(`${server.url}/connection/websocket`, {
      headers: {
        ...{ connection: 'Upgrade', upgrade: 'websocket' },
        ...{ 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version': '13' },
        ...headers,
      },
    })
})

describe('[LV41] the reply to connect', () => {
  test('says who one is, what is unread, how the connection is kept, and names the own channel', async () => {
    const { owner, customer, roomId } = await server.pair()
    await customer.send(roomId, 'Is it free on Saturday?')
    using socket = await AppSocket.dial(server)
    expect(await socket.connect(owner.token)).toEqual({
      id: 1,
      connect: {
        client: expect.stringMatching(/^[0-9a-f-]{36}$/),
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        ...{ expires: true, ttl: expect.any(Number) },
        subs: { [`user:${owner.id}`]: {} },
        ...{ ping: 25, pong: true },
        data: { user: { id: owner.id, username: 'Minji' }, totalUnread: 1 },
      },
    })
  })

  test('says in seconds how long the token is good', async () => {
    const dan = await byHost('Dan')
    const brief = await mint({ sub: dan.id, name: 'Dan', exp: seconds(100) })
    using socket = await AppSocket.dial(server)
    expect((await socket.connect(brief)).connect?.ttl).toBeWithin(90, 102)
  })

  test('is another id for each connection', async () => {
    const minji = await server.person('Minji')
    const ids = []
    for (let n = 0; n < 3; n++) {
      using socket = await AppSocket.dial(server)
      ids.push((await socket.connect(minji.token)).connect?.client)
    }
    expect(new Set(ids).size).toBe(3)
  })

  test('comes before anything on the own channel, and what is published there comes from then on', async () => {
    const { owner, customer, roomId } = await server.pair()
    using socket = await AppSocket.open(server, owner)
    await customer.send(roomId, 'hi')
    expect(await socket.next()).toMatchObject({
      channel: `user:${owner.id}`,
      pub: { data: { type: 'room.changed', room: { id: roomId, unread: 1 }, totalUnread: 1 } },
    })
    expect(socket.lines[0]).toStartWith('{"id":1,"connect":')
  })
})

describe('[LV42] a connect', () => {
  test('without any credential is error 101; another try on the same socket goes well', async () => {
    const minji = await server.person('Minji')
    using socket = await AppSocket.dial(server)
    expect(await socket.connect()).toEqual(refused(1, 101, 'unauthenticated'))
    expect((await socket.connect(minji.token)).connect?.data.user.id).toBe(minji.id)
  })

  test('with an empty token is one without a token', async () => {
    const minji = await server.person('Minji')
    using socket = await AppSocket.dial(server)
    expect(await socket.connect('')).toEqual(refused(1, 101, 'unauthenticated'))
    using known = await AppSocket.dial(server, { headers: { authorization: `Bearer ${minji.token}` } })
    expect((await known.connect('')).connect?.data.user.id).toBe(minji.id)
  })

  const dead: [string, () => Promise<string>][] = [
    ['an unknown session', async () => 'pls_nobody'],
    ['an unknown ticket', async () => 'plt_nobody'],
    ['an unknown server key', async () => 'plk_nobody'],
    ['nonsense', async () => 'nonsense'],
    ['a session that was ended', async () => ended(await server.person('Minji'))],
    ['the ticket of a session that was ended', async () => ticketOfEnded(await server.person('Minji'))],
    ['a ticket that was spent', async () => spentTicket(await server.person('Minji'))],
    ['a token of the marketplace’s that ran out', async () => mint({ sub: 'late', name: 'Dan', exp: seconds(-120) })],
    [
      'a token with another signature',
      () => mint({ sub: 'x', name: 'X' }, { key: new TextEncoder().encode('x'.repeat(40)) }),
    ],
    ['a token of the marketplace’s that was revoked', async () => revoked(await byHost('Dan'))],
  ]
  test.each(dead)('with %s is error 109; another try on the same socket goes well', async (_, tokenOf) => {
    const minji = await server.person('Minji')
    using socket = await AppSocket.dial(server)
    expect(await socket.connect(await tokenOf())).toEqual(EXPIRED)
    expect((await socket.connect(await ticketOf(minji))).connect?.data.user.id).toBe(minji.id)
  })

  async function ended(person: Person) {
    await person.call('DELETE', '/api/sessions/current')
    return person.token
  }

  async function ticketOfEnded(person: Person) {
    const ticket = await ticketOf(person)
    await ended(person)
    return ticket
  }

  async function spentTicket(person: Person) {
    const ticket = await ticketOf(person)
    using _ = await AppSocket.open(server, { token: ticket })
    return ticket
  }

  async function revoked(person: Person) {
    await person.get('/api/me')
    await shop.post(`/api/users/${person.id}/disconnect`)
    return person.token
  }

  test.each<[string, (person: Person) => Promise<unknown>]>([
    ['a session that has ended', ({ token }) => Promise.resolve({ headers: { authorization: `Bearer ${token}` } })],
    [
      'the cookie of a session that has ended',
      ({ token }) => Promise.resolve({ headers: { cookie: `parley_session=${token}`, origin: server.url } }),
    ],
    [
      'a ticket of a session that has ended',
      async () => ({ query: `?ticket=${await spentTicket(await byHost('Dan'))}` }),
    ],
  ])('on an upgrade that showed %s is error 109 as well', async (_, dialOf) => {
    const minji = await server.person('Minji')
    await ended(minji)
    using socket = await AppSocket.dial(server, (await dialOf(minji)) as object)
    expect(await socket.connect()).toEqual(EXPIRED)
  })

  const barred: [string, () => Promise<string>][] = [
    ['somebody who was disabled', async () => disabled(await byHost('Dan'))],
    ['somebody who was erased', async () => erased(await byHost('Dan'))],
    ['a server key', async () => shop.token],
  ]
  test.each(barred)('of %s is error 103; another try on the same socket goes well', async (_, tokenOf) => {
    const minji = await server.person('Minji')
    const token = await tokenOf()
    using socket = await AppSocket.dial(server)
    expect(await socket.connect(token)).toEqual(refused(1, 103, 'forbidden'))
    expect((await socket.connect(minji.token)).connect?.data.user.id).toBe(minji.id)
    using other = await AppSocket.dial(server, { headers: { authorization: `Bearer ${token}` } })
    expect(await other.connect()).toEqual(refused(1, 103, 'forbidden'))
  })

  async function disabled({ id, token }: Person) {
    expect((await shop.put(`/api/users/${id}`, { username: 'Dan', disabled: true })).status).toBeOneOf([200, 201])
    return token
  }

  async function erased({ id, token }: Person) {
    expect((await shop.call('DELETE', `/api/users/${id}`)).status).toBe(204)
    return token
  }

  test('[LV5] with a ticket lets in one of four who show it at once', async () => {
    const ticket = await ticketOf(await server.person('Minji'))
    const sockets = await Promise.all(Array.from({ length: 4 }, () => AppSocket.dial(server)))
    const replies = await Promise.all(sockets.map((socket) => socket.connect(ticket)))
    expect(replies.filter(({ connect }) => connect)).toHaveLength(1)
    expect(replies.filter(({ error }) => error?.code === 109)).toHaveLength(3)
    for (const socket of sockets) socket.close()
  })

  test('[LV5] with a ticket that is bound to an Origin asks for that one, and spends it wherever it was shown', async () => {
    const minji = await server.person('Minji')
    const [first, second] = await Promise.all([ticketOf(minji, SHOP), ticketOf(minji, SHOP)])
    using atShop = await AppSocket.dial(server, { headers: { origin: SHOP } })
    using atHome = await AppSocket.dial(server, { headers: { origin: server.url } })
    using native = await AppSocket.dial(server)
    expect((await atShop.connect(first)).connect?.data.user.id).toBe(minji.id)
    expect(await atHome.connect(second)).toEqual(EXPIRED)
    expect(await native.connect(second)).toEqual(EXPIRED)
    using late = await AppSocket.dial(server, { headers: { origin: SHOP } })
    expect(await late.connect(second)).toEqual(EXPIRED)
  })

  test('a second time, when one is in, is refused, and changes nothing', async () => {
    const [minji, joon] = await Promise.all([server.person('Minji'), server.person('Joon')])
    using socket = await AppSocket.open(server, minji)
    expect(await socket.connect(joon.token)).toEqual(refused(2, 107, 'bad_request'))
    const { rpc } = await socket.rpc('presence.status', { userIds: [] })
    expect(rpc?.data).toEqual({ items: [] })
    const product = await joon.offer('Tent')
    const room = await minji.openRoom(product.id)
    expect((await socket.say(room.id, 'hi')).sender?.id).toBe(minji.id)
  })
})

describe('[LV44] refresh', () => {
  test.each<[string, (dan: Person) => Promise<string>, number]>([
    ['a token of the marketplace’s', ({ id }) => mint({ sub: id, name: 'Dan', exp: seconds(500) }), 500],
    ['a ticket', async (dan) => ticketOf(dan), 3600],
  ])('with %s of the same person is answered with its ttl', async (_, tokenOf, ttl) => {
    const dan = await byHost('Dan')
    using socket = await AppSocket.open(server, dan)
    const reply = await socket.ask('refresh', { token: await tokenOf(dan) })
    expect(reply.refresh?.ttl).toBeWithin(ttl - 15, ttl + 2)
    expect(reply).toMatchObject({ id: 2, refresh: { expires: true } })
  })

  test('spends a ticket, whoever’s it is', async () => {
    const [minji, joon] = await Promise.all([server.person('Minji'), server.person('Joon')])
    for (const person of [minji, joon]) {
      using socket = await AppSocket.open(server, minji)
      const ticket = await ticketOf(person)
      socket.send({ id: 9, refresh: { token: ticket } })
      if (person === minji) expect((await socket.reply(9)).refresh).toBeDefined()
      else expect((await socket.closed).code).toBe(3500)
      using late = await AppSocket.dial(server)
      expect(await late.connect(ticket)).toEqual(EXPIRED)
    }
  })

  test('binds the connection to the new session: the old one may end', async () => {
    const minji = await server.person('Minji')
    const again = await signInAgain(minji)
    using socket = await AppSocket.open(server, minji)
    using beside = await AppSocket.open(server, minji)
    expect((await socket.ask('refresh', { token: again.token })).refresh).toBeDefined()
    await minji.call('DELETE', '/api/sessions/current')
    expect(await beside.closed).toEqual({ code: 3005, reason: 'connection expired' })
    expect((await socket.ask('ping')).ping).toEqual({})
    await again.call('DELETE', '/api/sessions/current')
    expect((await socket.closed).code).toBe(3005)
  })

  test.each<[string, number, string, () => Promise<string>]>([
    ['somebody else’s token', 3500, 'invalid token', async () => (await server.person('Joon')).token],
    ['somebody else’s ticket', 3500, 'invalid token', async () => ticketOf(await server.person('Joon'))],
    ['a server key', 3503, 'force disconnect', async () => shop.token],
    ['an unknown token', 3005, 'connection expired', async () => 'pls_nobody'],
    ['a token that ran out', 3005, 'connection expired', () => mint({ sub: 'late', name: 'Dan', exp: seconds(-120) })],
  ])('with %s closes with %p', async (_, code, reason, tokenOf) => {
    using socket = await AppSocket.open(server, await server.person('Minji'))
    const token = await tokenOf()
    socket.send([
      { id: 9, refresh: { token } },
      { id: 10, ping: {} },
    ])
    expect(await socket.closed).toEqual({ code, reason })
    expect(socket.lines).toHaveLength(1)
  })
})

describe('[LV45] what ends closes its sockets within a second', () => {
  test('signing out: those of that session, by whatever it came in, and no other', async () => {
    const minji = await server.person('Minji')
    const again = await signInAgain(minji)
    using stays = await AppSocket.open(server, again)
    const byHeader = await AppSocket.dial(server, { headers: { authorization: `Bearer ${minji.token}` } })
    await byHeader.connect()
    const own = [
      byHeader,
      await AppSocket.open(server, minji),
      await AppSocket.open(server, { token: await ticketOf(minji) }),
    ]
    await within(1000, own, () => minji.call('DELETE', '/api/sessions/current'))
    for (const { closed } of own) expect(await closed).toEqual({ code: 3005, reason: 'connection expired' })
    expect((await stays.ask('ping')).ping).toEqual({})
    // Upon that a client comes again.
    using back = await AppSocket.dial(server)
    expect(await back.connect(minji.token)).toEqual(EXPIRED)
  })

  test('a new password: those of every other session', async () => {
    const minji = await server.person('Minji')
    const again = await signInAgain(minji)
    using stays = await AppSocket.open(server, minji)
    const other = await AppSocket.open(server, again)
    const change = { current: minji.password, next: 'another horse battery' }
    await within(1000, [other], () => minji.put('/api/me/password', change))
    expect((await other.closed).code).toBe(3005)
    expect((await stays.ask('ping')).ping).toEqual({})
  })

  test('signed out everywhere by the marketplace: those by its tokens and by tickets from them', async () => {
    const dan = await byHost('Dan')
    const sockets = [await AppSocket.open(server, dan), await AppSocket.open(server, { token: await ticketOf(dan) })]
    await within(1000, sockets, () => shop.post(`/api/users/${dan.id}/disconnect`))
    for (const { closed } of sockets) expect((await closed).code).toBe(3005)
  })

  test.each<[string, (person: Person) => Promise<unknown> | unknown]>([
    ['disabled by the marketplace', ({ id, username }) => shop.put(`/api/users/${id}`, { username, disabled: true })],
    ['disabled by a command', ({ id }) => runCommand(['user', 'disable', id], server)],
    ['erased', ({ id }) => shop.call('DELETE', `/api/users/${id}`)],
  ])('who is %s is told to stay out', async (_, remove) => {
    const [minji, dan] = [await server.person('Minji'), await byHost('Dan')]
    for (const person of [minji, dan]) {
      using stays = await AppSocket.open(server, await server.person('Joon'))
      const sockets = [
        await AppSocket.open(server, person),
        await AppSocket.open(server, { token: await ticketOf(person) }),
      ]
      await within(1000, sockets, () => remove(person))
      for (const { closed } of sockets) expect(await closed).toEqual({ code: 3503, reason: 'force disconnect' })
      expect((await stays.ask('ping')).ping).toEqual({})
    }
    using back = await AppSocket.dial(server)
    expect(await back.connect(dan.token)).toEqual(refused(1, 103, 'forbidden'))
  })

  /** The time that it takes from the end of the act. */
  async function within(ms: number, sockets: AppSocket[], act: () => unknown) {
    await act()
    const since = performance.now()
    await Promise.all(sockets.map(({ closed }) => closed))
    expect(performance.now() - since).toBeLessThan(ms)
  }
})
