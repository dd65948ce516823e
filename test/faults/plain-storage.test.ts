import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Ticket } from '../../src/auth/model.ts'
import type { SessionStore } from '../../src/auth/store.ts'
import { createLog } from '../../src/lib/log.ts'
import { Connections } from '../../src/live/connections.ts'
import type { LiveSocket } from '../../src/live/line/line.ts'
import { RoomSession } from '../../src/live/plain/session.ts'
import type { UserStore } from '../../src/users/store.ts'
import { serveOn } from '../support/in-process.ts'
import { BY_SECRET, mint, personBy, seconds } from '../support/marketplace.ts'
import { Person } from '../support/person.ts'
import { signUp } from '../support/server.ts'
import { openSocket } from '../support/socket.ts'

/** What goes wrong now. */
const fault: { append?: Error; lastSeq?: Error; find?: typeof found; user?: (user: FoundUser) => FoundUser } = {}
/** How far the clock of the server is ahead. */
let aheadMs = 0

type Found = Awaited<ReturnType<SessionStore['find']>>
/** A session as it is, if nothing goes wrong. */
const found = (record: Found): Found => record

type FoundUser = Awaited<ReturnType<UserStore['find']>>

let server: Awaited<ReturnType<typeof serveOn>>
beforeAll(async () => {
  server = await serveOn(
    ({ messages, sessions, users }) => ({
      messages: {
        ...messages,
        async append(draft) {
          if (fault.append) throw fault.append
          return messages.append(draft)
        },
        async lastSeq(roomId) {
          if (fault.lastSeq) throw fault.lastSeq
          return messages.lastSeq(roomId)
        },
      },
      sessions: {
        ...sessions,
        async find(tokenHash) {
          return (fault.find ?? found)(await sessions.find(tokenHash))
        },
      },
      users: {
        ...users,
        async find(userId) {
          const user = await users.find(userId)
          return fault.user ? fault.user(user) : user
        },
      },
    }),
    () => Date.now() + aheadMs,
    BY_SECRET,
  )
})
afterAll(() => server[Symbol.asyncDispose]())

async function pair() {
  const both = await Promise.all([signUp(server.url, 'Minji'), signUp(server.url, 'Joon')])
  const [owner, customer] = both.map((signedUp) => new Person(server, signedUp))
  if (!owner || !customer) throw new Error('nobody signed up')
  const { id: roomId } = await customer.openRoom((await owner.offer('Road bike')).id)
  return { owner, customer, roomId }
}

test('[LV25] a send that fails for no reason of its own is told as internal and logged; the socket stays open', async () => {
  const { customer, roomId } = await pair()
  using joon = await customer.connect(roomId)
  fault.append = new TypeError('the-cause is not a function')
  joon.send({ message: 'lost', client_id: 'c1' })
  const told = await joon.next()
  delete fault.append
  joon.send({ message: 'still here' })

  expect(told).toEqual({ error: expect.any(String), code: 'internal', client_id: 'c1' })
  expect(JSON.stringify(told)).not.toContain('the-cause')
  expect(await joon.next()).toMatchObject({ message: 'still here', seq: 1 })
  const line = server.lines.find((each) => each.includes('frame_failed')) ?? ''
  expect(JSON.parse(line)).toMatchObject({ level: 'error', error: 'TypeError: the-cause is not a function' })
})

test('[LV6] a session that ends between the check of the upgrade and the opening of the socket does not slip through', async () => {
  const { customer, roomId } = await pair()
  let looks = 0
  // The second look is the one that the open socket takes.
  fault.find = (record) => (++looks > 1 ? undefined : record)
  const joon = await customer.connect(roomId)
  expect(await joon.next()).toMatchObject({ code: 'unauthenticated' })
  expect((await joon.closed).code).toBe(4401)
  delete fault.find
  expect(looks).toBe(2)
})

test.each<[string, string, number, (user: NonNullable<FoundUser>) => FoundUser]>([
  ['is disabled', 'forbidden', 4403, (user) => ({ ...user, disabledAt: Date.now() })],
  ['is signed out everywhere', 'unauthenticated', 4401, (user) => ({ ...user, tokensFrom: Date.now() + 1 })],
])('[LV6] nor does a person of the marketplace’s who %s in that moment', async (_, code, closing, change) => {
  const { owner } = await pair()
  const dan = personBy(server, await mint({ sub: `dan-${code}`, name: 'Dan' }))
  const { id } = await dan.openRoom((await owner.offer('Tent')).id)
  let looks = 0
  fault.user = (user) => (user && ++looks > 1 ? change(user) : user)
  const socket = await dan.connect(id)
  expect(await socket.next()).toMatchObject({ code })
  expect((await socket.closed).code).toBe(closing)
  delete fault.user
  expect(looks).toBe(2)
})

test('[LV6] a token of the marketplace’s is good to the second, however lately it was checked', async () => {
  const { owner } = await pair()
  const dan = personBy(server, await mint({ sub: 'brief', name: 'Dan', exp: seconds(600) }))
  const { id } = await dan.openRoom((await owner.offer('Tent')).id)
  using socket = await dan.connect(id)
  aheadMs = 590_000
  server.services.connections.tick()
  expect((await dan.get('/api/me')).status).toBe(200)
  socket.send({ message: 'still here' })
  expect(await socket.next()).toMatchObject({ message: 'still here' })
  aheadMs = 600_000
  expect((await dan.get('/api/me')).status).toBe(401)
  server.services.connections.tick()
  expect((await socket.closed).code).toBe(4401)
  aheadMs = 0
})

test('a person who takes another name in that moment sends under the new one', async () => {
  const { customer, roomId } = await pair()
  let looks = 0
  fault.find = (record) =>
    record && ++looks > 1 ? { ...record, user: { ...record.user, username: 'Joon Kim' } } : record
  using joon = await customer.connect(roomId)
  joon.send({ message: 'hi' })
  expect(await joon.next()).toMatchObject({ sender_username: 'Joon Kim' })
  delete fault.find
})

test('[LV5] [LV6] a ticket runs out, and so does a session, whose sockets are closed then', async () => {
  const { customer, roomId } = await pair()
  const issue = async () => ((await (await customer.post('/api/tickets')).json()) as Ticket).ticket
  const open = async () => openSocket(`${server.wsUrl}/ws/room/${roomId}/messages?ticket=${await issue()}`)
  using inTime = await open()
  inTime.send({ message: 'hi' })
  expect(await inTime.next()).toMatchObject({ message: 'hi' })

  const late = await issue()
  aheadMs = 30_000
  const tooLate = await openSocket(`${server.wsUrl}/ws/room/${roomId}/messages?ticket=${late}`)
  expect(await tooLate.next()).toMatchObject({ code: 'unauthenticated' })
  server.services.connections.tick()
  inTime.send({ message: 'still here' })
  expect(await inTime.next()).toMatchObject({ message: 'still here' })

  aheadMs = 30 * 24 * 3600 * 1000
  server.services.connections.tick()
  expect((await inTime.closed).code).toBe(4401)
  expect((await customer.get('/api/me')).status).toBe(401)
  aheadMs = 0
})

test('[LV30] a client whose replay goes on is there, however late its pongs are', async () => {
  const { owner, customer, roomId } = await pair()
  for (const text of ['one', 'two']) await owner.send(roomId, text)
  const identity = (await server.services.identities.authenticate({ by: 'bearer', token: customer.token }))?.person
  if (!identity) throw new Error('not signed in')
  // Time and the socket's buffer are in our hands; all the rest is real.
  let [uptime, unsent] = [0, 100_000]
  const events: (string | number)[] = []
  const socket: LiveSocket = {
    send: (frame) => events.push(JSON.parse(String(frame)).message),
    cork: (send) => send(),
    subscribe: () => true,
    unsubscribe: () => true,
    ping: () => events.push('ping'),
    close: (code) => void events.push(code),
    getBufferedAmount: () => unsent,
  }
  const live = { ...server.services, onReplay() {}, onRefused() {}, frames: undefined, pingEveryMs: 25_000 }
  const clocks = { log: createLog({ level: 'error', format: 'json' }), now: Date.now, uptime: () => uptime }
  const session = new RoomSession({ ...live, ...clocks }, identity, {
    roomId,
    after: 0,
    locale: 'en',
    network: '192.0.2.1',
  })
  session.line.onOpen(socket)
  const at = (seconds: number) => {
    uptime = seconds * 1000
    session.tick()
  }
  at(25)
  // It reads, and its pong is still behind what it has not read yet.
  session.line.onDrain()
  at(35)
  expect(events).toEqual(['ping'])
  unsent = 0
  session.line.onDrain()
  while (events.length < 3) await new Promise((resolve) => setTimeout(resolve))
  at(50)
  at(60)
  expect(events).toEqual(['ping', 'one', 'two', 'ping', 4408])
  session.line.onClose()
})

test('a room whose history cannot be read closes its socket with 1012, and opens again when it can', async () => {
  const { customer, roomId } = await pair()
  fault.lastSeq = new Error('no')
  const first = await customer.connect(roomId)
  expect(await first.next()).toMatchObject({ code: 'internal' })
  expect((await first.closed).code).toBe(1012)
  expect(server.services.hub.liveRooms).toBe(0)
  delete fault.lastSeq
  using second = await customer.connect(roomId)
  second.send({ message: 'hi' })
  expect(await second.next()).toMatchObject({ message: 'hi' })
})

test('whoever is put out is out also where another node’s clock let them in later', async () => {
  const ended: string[] = []
  let isAdmitted = false
  const connections = new Connections(async () => isAdmitted)
  const open = (id: string) => {
    const user = { id, username: 'Joon', email: undefined }
    const identity = { user, role: 'user' as const, session: id, seenAt: 60_000, expiresAt: Number.MAX_SAFE_INTEGER }
    const end = (why: string) => ended.push(`${id} ${why}`)
    connections.add({ identity, network: '192.0.2.1', tick() {}, end, async retire() {} })
  }
  for (const id of ['joon', 'bora']) open(id)
  connections.publish({ type: 'user.removed', userId: 'joon', at: 30_000 })
  await new Promise(setImmediate)
  expect(ended).toEqual(['joon forbidden'])
  // Who was let in again in the meantime stays.
  isAdmitted = true
  connections.publish({ type: 'user.removed', userId: 'bora', at: 30_000 })
  await new Promise(setImmediate)
  expect(ended).toEqual(['joon forbidden'])
})

test('a socket that was upgraded just before the drain began is retired as well', async () => {
  const connections = new Connections(async () => true)
  const drained = connections.drain(0, 1000)
  let isRetired = false
  const user = { id: 'u', username: 'Joon', email: undefined }
  connections.add({
    identity: { user, role: 'user', session: 's', seenAt: 0, expiresAt: Number.MAX_SAFE_INTEGER },
    network: '192.0.2.1',
    tick() {},
    end() {},
    async retire() {
      isRetired = true
    },
  })
  await drained
  expect(isRetired).toBe(true)
})
