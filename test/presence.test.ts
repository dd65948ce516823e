import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { ChatEvent } from '../src/events.ts'
import { Attendance, type Attendee } from '../src/presence/attendance.ts'
import { Presence } from '../src/presence/service.ts'
import { Typing } from '../src/presence/typing.ts'
import { Products } from '../src/products/service.ts'
import { LocalRelays } from '../src/relay/local.ts'
import { Rooms } from '../src/rooms/service.ts'
import type { Storage } from '../src/storage/storage.ts'
import { refusal } from './support/answers.ts'
import { until } from './support/app-socket.ts'
import { BY_SECRET, backend } from './support/marketplace.ts'
import { type RunningParley, startParley } from './support/server.ts'
import { failure, openTestSqlite, roomIn } from './support/storage.ts'

const NOON = Date.UTC(2026, 10, 22, 12)
const MINUTE = 60_000

/** Both clocks, in our hands. */
class Clock {
  now = NOON + 20_000
  uptime = 1_000_000

  pass(seconds: number) {
    this.now += seconds * 1000
    this.uptime += seconds * 1000
  }
}

/** Presence and attendance of two people in a room, as the server wires them. */
async function here(change: (storage: Storage['presence']) => Partial<Storage['presence']> = () => ({})) {
  const opened = await openTestSqlite()
  const { storage } = opened
  const people = await roomIn(storage)
  const { owner, customer, roomId } = people
  // Nobody is shown to whoever only looks at what they offer.
  await storage.messages.append({ roomId, sender: customer, text: 'Is it free?', clientId: null, at: 1 })
  const clock = new Clock()
  const [events, errors, attendees]: [ChatEvent[], unknown[], Attendee[]] = [[], [], []]
  const publish = (event: ChatEvent) => {
    if (event.type.startsWith('room.')) events.push(event)
    attendance.publish(event)
  }
  const clocks = { now: () => clock.now, uptime: () => clock.uptime }
  const store = { ...storage.presence, ...change(storage.presence) }
  const others = { relay: new LocalRelays().join(), publish, onError: (error: unknown) => void errors.push(error) }
  const presence = new Presence({ presence: store, ...others, ...clocks })
  const attendance = new Attendance({
    ...{ presence, attendees: () => attendees, rooms: { knownSides: () => undefined }, roomIds: () => [roomId] },
    ...others,
    ...clocks,
  })
  /** A device of somebody: it is in the room, too. */
  const arrive = async (userId: string, client: string) => {
    await presence.came(userId)
    const attendee = { userId, client }
    attendees.push(attendee)
    attendance.entered(roomId, attendee)
    return () => {
      attendees.splice(attendees.indexOf(attendee), 1)
      attendance.exited(roomId, attendee)
      presence.went(userId)
    }
  }
  /** Time goes by, and the server looks, as it does twice a second: in its own order. */
  const pass = (seconds: number) => {
    clock.pass(seconds)
    presence.tick()
    attendance.tick()
  }
  return {
    ...people,
    ...{ storage, clock, presence, attendance, arrive, pass, events, errors, publish },
    /** How the owner sees the customer. */
    status: async () => (await presence.status(owner.id, [customer.id]))[0],
    /** What was told since the last time. */
    told: () => events.splice(0).map(({ type }) => type),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
}

const ONLINE = { online: true, lastSeenAt: null }
const UNSEEN = { online: false, lastSeenAt: null }
const seenAt = (ms: number) => ({ online: false, lastSeenAt: new Date(ms).toISOString() })

describe('[LV85] somebody', () => {
  test('is online with a socket, and for fifteen seconds after the last one', async () => {
    await using room = await here()
    const { customer, presence, pass, status } = room
    expect(await status()).toMatchObject(UNSEEN)
    await presence.came(customer.id)
    await presence.came(customer.id)
    expect(await status()).toMatchObject(ONLINE)
    presence.went(customer.id)
    pass(60)
    expect(await status()).toMatchObject(ONLINE)
    presence.went(customer.id)
    pass(14.9)
    expect(await status()).toMatchObject(ONLINE)
    pass(0.1)
    expect((await status())?.online).toBe(false)
  })

  test('who comes back within fifteen seconds was never away, however often', async () => {
    await using room = await here()
    const { customer, presence, pass, status } = room
    await presence.came(customer.id)
    for (let n = 0; n < 5; n++) {
      presence.went(customer.id)
      pass(14)
      await presence.came(customer.id)
      pass(14)
      expect(await status()).toMatchObject(ONLINE)
    }
    presence.went(customer.id)
    pass(15)
    expect((await status())?.online).toBe(false)
  })

  test('was last seen to the minute, which is written at most once a minute, for all at once', async () => {
    const notes: { userId: string; at: number }[][] = []
    await using room = await here((presence) => ({
      note: (seen) => {
        notes.push([...seen])
        return presence.note(seen)
      },
    }))
    const { owner, customer, presence, pass, status, clock } = room
    pass(60)
    await presence.came(customer.id)
    await presence.came(owner.id)
    for (let n = 0; n < 10; n++) {
      presence.went(customer.id)
      pass(1)
      await presence.came(customer.id)
    }
    presence.went(customer.id)
    const goneAt = clock.now
    pass(48.9)
    expect(notes).toEqual([])
    pass(0.1 + 1)
    expect(notes).toHaveLength(1)
    const written = new Map(notes[0]?.map(({ userId, at }) => [userId, at]))
    expect(written).toEqual(new Map([owner, customer].map(({ id }) => [id, goneAt - (goneAt % MINUTE)])))
    await until(async () => (await status())?.lastSeenAt !== null)
    expect(await status()).toMatchObject(seenAt(goneAt - (goneAt % MINUTE)))
    // Nothing new, and nothing is written.
    pass(120)
    expect(notes).toHaveLength(1)
  })

  test('is not last seen earlier because a clock was set back', async () => {
    await using room = await here()
    const { customer, presence, clock, status, pass } = room
    const visit = async () => {
      await presence.came(customer.id)
      presence.went(customer.id)
      pass(15)
      await presence.flush()
    }
    await visit()
    clock.now -= 3600_000
    await visit()
    expect(await status()).toMatchObject(seenAt(NOON))
    // Nor do fifteen seconds take an hour.
    expect((await status())?.online).toBe(false)
  })

  test('of whom the storage fails is told to nobody, and it is logged', async () => {
    let isBroken = true
    await using room = await here((presence) => ({
      isHidden: (userId) => (isBroken ? Promise.reject(new Error('no')) : presence.isHidden(userId)),
    }))
    const { customer, arrive, told, errors, presence } = room
    const leave = await arrive(customer.id, 'phone')
    expect([told(), errors.length]).toEqual([[], 1])
    expect(presence.isHidden(customer.id)).toBe(true)
    leave()
    isBroken = false
    room.pass(16)
    await arrive(customer.id, 'phone')
    expect(told()).toEqual(['room.joined'])
  })
})

describe('[LV83] coming and going', () => {
  test('is told of the first device, and fifteen seconds after the last one has gone', async () => {
    await using room = await here()
    const { customer, roomId, arrive, pass, events, told } = room
    const phone = await arrive(customer.id, 'phone')
    expect(events.splice(0)).toEqual([{ type: 'room.joined', roomId, userId: customer.id, client: 'phone' }])
    const tablet = await arrive(customer.id, 'tablet')
    phone()
    pass(60)
    expect(told()).toEqual([])
    tablet()
    pass(14.9)
    expect(told()).toEqual([])
    pass(0.1)
    expect(events.splice(0)).toEqual([{ type: 'room.left', roomId, userId: customer.id, client: 'tablet' }])
    pass(60)
    expect(told()).toEqual([])
  })

  test('is silent for who comes back within fifteen seconds, however often', async () => {
    await using room = await here()
    const { customer, arrive, pass, told } = room
    let leave = await arrive(customer.id, 'phone')
    expect(told()).toEqual(['room.joined'])
    for (let n = 0; n < 5; n++) {
      leave()
      pass(14)
      leave = await arrive(customer.id, `phone ${n}`)
      pass(14)
    }
    expect(told()).toEqual([])
    leave()
    pass(15)
    expect(told()).toEqual(['room.left'])
  })

  test('is told of each person by themselves, soonest first', async () => {
    await using room = await here()
    const { owner, customer, arrive, pass, events } = room
    const leaves = [await arrive(owner.id, 'a'), await arrive(customer.id, 'b')]
    leaves[0]?.()
    pass(5)
    leaves[1]?.()
    events.splice(0)
    pass(10)
    expect(events).toMatchObject([{ type: 'room.left', userId: owner.id }])
    pass(5)
    expect(events).toMatchObject([{ userId: owner.id }, { type: 'room.left', userId: customer.id }])
  })
})

describe('[LV86] whoever hides', () => {
  test('comes and goes unseen, by now and fifteen seconds later', async () => {
    await using room = await here()
    const { customer, arrive, presence, pass, told, status, attendance, roomId, owner } = room
    await presence.hide(customer.id, true)
    const phone = await arrive(customer.id, 'phone')
    expect(await status()).toMatchObject(UNSEEN)
    expect(await attendance.of(roomId, owner.id)).toEqual([])
    expect(await attendance.of(roomId, customer.id)).toEqual([{ userId: customer.id, client: 'phone' }])
    phone()
    for (const seconds of [0, 14, 1, 1, 60]) pass(seconds)
    expect(told()).toEqual([])
    await presence.flush()
    expect(await status()).toMatchObject(UNSEEN)
  })

  test('while they are in a room leaves it at once; their going later is silent', async () => {
    await using room = await here()
    const { customer, arrive, presence, pass, told, status } = room
    const phone = await arrive(customer.id, 'phone')
    await presence.hide(customer.id, true)
    expect(told()).toEqual(['room.joined', 'room.left'])
    expect(await status()).toMatchObject(UNSEEN)
    phone()
    pass(15)
    pass(15)
    expect(told()).toEqual([])
  })

  test('in the fifteen seconds after they went leaves in that moment, once', async () => {
    await using room = await here()
    const { customer, arrive, presence, pass, told } = room
    const phone = await arrive(customer.id, 'phone')
    phone()
    pass(5)
    await presence.hide(customer.id, true)
    expect(told()).toEqual(['room.joined', 'room.left'])
    pass(60)
    expect(told()).toEqual([])
  })

  test('and shows again joins, and leaves fifteen seconds after going', async () => {
    await using room = await here()
    const { customer, arrive, presence, pass, told, status } = room
    await presence.hide(customer.id, true)
    const phone = await arrive(customer.id, 'phone')
    await presence.hide(customer.id, false)
    expect(told()).toEqual(['room.joined'])
    expect(await status()).toMatchObject(ONLINE)
    phone()
    pass(15)
    expect(told()).toEqual(['room.left'])
  })

  test('says so more than once is told of once', async () => {
    await using room = await here()
    const { customer, arrive, presence, told } = room
    await arrive(customer.id, 'phone')
    for (const hidden of [false, true, true, false, false]) await presence.hide(customer.id, hidden)
    expect(told()).toEqual(['room.joined', 'room.left', 'room.joined'])
  })

  test('leaves no trace of when they were here, also when they show again before it was written', async () => {
    await using room = await here()
    const { customer, presence, pass, status } = room
    await presence.came(customer.id)
    presence.went(customer.id)
    pass(15)
    await presence.flush()
    await presence.hide(customer.id, true)
    expect(await status()).toMatchObject(UNSEEN)
    pass(120)
    await presence.came(customer.id)
    presence.went(customer.id)
    pass(16)
    await presence.hide(customer.id, false)
    await presence.flush()
    expect(await status()).toMatchObject(UNSEEN)
  })

  test('who is not here can hide, and is hidden when they come', async () => {
    await using room = await here()
    const { customer, presence, arrive, told } = room
    await presence.hide(customer.id, true)
    expect(await presence.setting(customer.id)).toEqual({ hidden: true })
    expect(presence.isHidden(customer.id)).toBe(false)
    await arrive(customer.id, 'phone')
    expect(presence.isHidden(customer.id)).toBe(true)
    expect(told()).toEqual([])
  })

  test('while the storage was asked whether they do is hidden, whichever answer comes last', async () => {
    const slow = Promise.withResolvers<void>()
    await using room = await here((presence) => ({
      async isHidden(userId) {
        const isHidden = await presence.isHidden(userId)
        await slow.promise
        return isHidden
      },
    }))
    const { customer, presence } = room
    const came = presence.came(customer.id)
    await presence.hide(customer.id, true)
    slow.resolve()
    await came
    expect(presence.isHidden(customer.id)).toBe(true)
  })
})

describe('[LV82] typing', () => {
  async function typing() {
    const opened = await openTestSqlite()
    const { storage } = opened
    const people = await roomIn(storage)
    const clock = new Clock()
    const events: ChatEvent[] = []
    const publish = (event: ChatEvent) => void events.push(event)
    const products = new Products({ ...storage, now: () => 1 })
    const newRooms = { take() {} } as never
    const rooms = new Rooms({ ...storage, products, newRooms, publish, now: () => 1 })
    const typing = new Typing({ rooms, publish, uptime: () => clock.uptime })
    const said = async (sender: typeof people.owner) => {
      const draft = { roomId: people.roomId, sender, text: 'hi', clientId: null, at: 1 }
      typing.publish({ type: 'message.created', message: (await storage.messages.append(draft)).message })
    }
    const told = () => events.splice(0).map((event) => ('userId' in event ? event.userId : ''))
    const dispose = () => opened[Symbol.asyncDispose]()
    return { ...people, storage, clock, typing, said, told, [Symbol.asyncDispose]: dispose }
  }

  test('is told at most every three seconds, for a person and a room', async () => {
    await using room = await typing()
    const { owner, customer, roomId, clock, typing: service, told } = room
    for (let n = 0; n < 10; n++) await service.note(owner.id, roomId)
    expect(told()).toEqual([owner.id])
    clock.pass(2.9)
    await service.note(owner.id, roomId)
    await service.note(customer.id, roomId)
    expect(told()).toEqual([customer.id])
    clock.pass(0.1)
    await service.note(owner.id, roomId)
    await service.note(customer.id, roomId)
    expect(told()).toEqual([owner.id])
    // For ever, if need be: at least thrice in the ten seconds for which it stands.
    for (let n = 0; n < 100; n++) {
      clock.pass(0.5)
      await service.note(owner.id, roomId)
    }
    expect(told()).toHaveLength(16)
  })

  test('ends with that person’s next message, and with nobody else’s', async () => {
    await using room = await typing()
    const { owner, customer, roomId, typing: service, said, told } = room
    await service.note(owner.id, roomId)
    await said(customer)
    await service.note(owner.id, roomId)
    expect(told()).toEqual([owner.id])
    await said(owner)
    await service.note(owner.id, roomId)
    expect(told()).toEqual([owner.id])
  })

  test('of somebody else’s room is refused', async () => {
    await using room = await typing()
    const eve = await roomIn(room.storage)
    expect(await failure(room.typing.note(eve.owner.id, room.roomId))).toMatchObject({ code: 'not_found' })
    expect(await failure(room.typing.note(room.owner.id, 999_999))).toMatchObject({ code: 'not_found' })
    expect(room.told()).toEqual([])
  })
})

describe('GET and PUT /api/me/presence', () => {
  let server: RunningParley
  beforeAll(async () => {
    server = await startParley({ env: { ...BY_SECRET, PARLEY_LIMITS: 'off' } })
  })
  afterAll(() => server[Symbol.asyncDispose]())

  const call = (method: string, headers: Record<string, string>, body?: unknown) =>
    fetch(`${server.url}/api/me/presence`, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })

  test('ask for a person', async () => {
    const unauthenticated = { status: 401, code: 'unauthenticated' }
    for (const headers of [{}, { authorization: 'Bearer pls_nobody' }]) {
      expect(await refusal(call('GET', headers))).toEqual(unauthenticated)
      expect(await refusal(call('PUT', headers, { hidden: true }))).toEqual(unauthenticated)
    }
    const shop = { authorization: `Bearer ${backend(server).token}` }
    expect(await refusal(call('GET', shop))).toEqual({ status: 403, code: 'forbidden' })
    expect(await refusal(call('PUT', shop, { hidden: true }))).toEqual({ status: 403, code: 'forbidden' })
  })

  test.each<[unknown, string]>([
    [{}, '/hidden'],
    [{ hidden: 'true' }, '/hidden'],
    [{ hidden: 1 }, '/hidden'],
    [{ hidden: null }, '/hidden'],
    [{ hidden: true, userId: 'x' }, '/userId'],
  ])('take no %j', async (body, path) => {
    const { token } = await server.person('Minji')
    const headers = { authorization: `Bearer ${token}` }
    expect(await refusal(call('PUT', headers, body))).toEqual({ status: 422, code: 'invalid', paths: [path] })
    expect(await (await call('GET', headers)).json()).toEqual({ hidden: false })
  })

  test('change nothing for a cookie from elsewhere', async () => {
    const { token } = await server.person('Minji')
    const cookie = `parley_session=${token}`
    for (const headers of [{ cookie }, { cookie, origin: 'https://evil.example' }]) {
      const answer = refusal(call('PUT', headers, { hidden: true }))
      expect(await answer).toEqual({ status: 403, code: 'origin_not_allowed' })
    }
    const own = { cookie, origin: server.url }
    expect(await (await call('GET', own)).json()).toEqual({ hidden: false })
    expect((await call('PUT', own, { hidden: true })).status).toBe(200)
    expect(await (await call('GET', own)).json()).toEqual({ hidden: true })
  })
})
