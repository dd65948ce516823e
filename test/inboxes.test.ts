import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { ChatEvent } from '../src/events.ts'
import { Products } from '../src/products/service.ts'
import { Inboxes } from '../src/rooms/inboxes.ts'
import type { Role, RoomSummary } from '../src/rooms/model.ts'
import { Rooms } from '../src/rooms/service.ts'
import type { RoomStore } from '../src/rooms/store.ts'
import type { Storage } from '../src/storage/storage.ts'
import type { Peer } from '../src/users/model.ts'
import { AppSocket, seqs, until } from './support/app-socket.ts'
import { type RunningParley, startParley } from './support/server.ts'
import { accountIn, openTestSqlite, roomIn } from './support/storage.ts'

// What changes in an inbox, on a real storage; how it is told is in app-client.test.ts.

interface Told {
  userId: string
  room: RoomSummary
  total: number
}

type Read = 'sides' | 'summaries' | 'unreadOf'

/** Inboxes on this storage: `change` may do something instead of a read, and each read is counted. */
function inboxesOn(storage: Storage, change: (rooms: RoomStore) => Partial<RoomStore> = () => ({})) {
  const told: Told[] = []
  const errors: unknown[] = []
  const reads: Record<Read, number> = { sides: 0, summaries: 0, unreadOf: 0 }
  const changed = { ...storage.rooms, ...change(storage.rooms) }
  const counted = <R extends Read>(name: R): RoomStore[R] =>
    ((...args: never[]) => {
      reads[name] += 1
      return (changed[name] as (...args: never[]) => unknown)(...args)
    }) as RoomStore[R]
  const store = { ...changed, sides: counted('sides'), summaries: counted('summaries'), unreadOf: counted('unreadOf') }
  const products = new Products({ ...storage, now: () => 1 })
  const newRooms = { take() {} } as never
  const rooms = new Rooms({ ...storage, rooms: store, products, newRooms, publish() {}, now: () => 1 })
  const tell = (userId: string, room: RoomSummary, total: number) => void told.push({ userId, room, total })
  const inboxes = new Inboxes({
    rooms,
    store,
    hasOthers: false,
    listen: () => undefined,
    ignore() {},
    tell,
    onError: (error) => errors.push(error),
  })
  const toldTo = ({ id }: Peer) => told.filter(({ userId }) => userId === id)
  return { inboxes, told, toldTo, errors, reads, publish: (event: ChatEvent) => inboxes.publish(event) }
}

type Side = ReturnType<typeof inboxesOn>

/** What people do, stored and then told to each of these, as the services do it. */
function actsOn(storage: Storage, sides: Pick<Side, 'publish'>[]) {
  const publish = (event: ChatEvent) => {
    for (const side of sides) side.publish(event)
  }
  return {
    publish,
    async say(roomId: number, { id, username }: Peer, text = 'hi') {
      const draft = { roomId, sender: { id, username }, text, clientId: null, at: 1 }
      publish({ type: 'message.created', message: (await storage.messages.append(draft)).message })
    },
    async read(roomId: number, { id }: Peer, role: Role, seq: number) {
      const { moved, ...marks } = await storage.rooms.markRead(roomId, role, seq)
      if (moved) publish({ type: 'room.marked', roomId, userId: id, ...marks })
    },
  }
}

async function anotherRoom(storage: Storage, owner: Peer, customer: Peer): Promise<number> {
  const productId = Bun.randomUUIDv7()
  const thing = { title: 'Tent', priceMinor: null, currency: null, imageUrl: null, url: null, at: 1 }
  await storage.products.create({ ...thing, id: productId, ownerId: owner.id })
  return (await storage.rooms.open({ ownerId: owner.id, customerId: customer.id, productId, at: 1 })).roomId
}

describe('[LV70] a room that changes', () => {
  test('is told once for all that came to it within a quarter of a second: as it is then, to both sides', async () => {
    await using opened = await openTestSqlite()
    const { storage } = opened
    const { owner, customer, roomId } = await roomIn(storage)
    const side = inboxesOn(storage)
    const { inboxes, told, toldTo, reads } = side
    const { say, read } = actsOn(storage, [side])
    for (const { id } of [owner, customer]) inboxes.watch(id)
    const since = performance.now()
    for (const n of seqs(1, 10)) await say(roomId, customer, `${n}`)
    await read(roomId, owner, 'owner', 4)
    expect(told).toEqual([])
    await until(() => told.length >= 2)
    expect(performance.now() - since).toBeGreaterThanOrEqual(245)
    expect(toldTo(owner)).toMatchObject([{ room: { id: roomId, role: 'owner', unread: 6, readSeq: 4 }, total: 6 }])
    expect(toldTo(customer)).toMatchObject([{ room: { role: 'customer', unread: 0, peerReadSeq: 4 }, total: 0 }])
    expect(reads).toMatchObject({ summaries: 1, unreadOf: 2 })
    for (const { userId, room } of told) expect(room).toEqual((await storage.rooms.summary(roomId, userId)) ?? room)
  })

  test('is told for all devices of a person by one reading, until the last of them has gone', async () => {
    await using opened = await openTestSqlite()
    const { storage } = opened
    const { owner, customer, roomId } = await roomIn(storage)
    const side = inboxesOn(storage)
    const { inboxes, told, toldTo, reads } = side
    const { say } = actsOn(storage, [side])
    for (const _ of seqs(1, 3)) inboxes.watch(owner.id)
    inboxes.watch(customer.id)
    for (const [gone, count] of [
      [0, 1],
      [1, 2],
      [1, 3],
      [1, 3],
    ] as const) {
      if (gone) inboxes.unwatch(owner.id)
      const before = toldTo(customer).length
      await say(roomId, customer)
      await until(() => toldTo(customer).length > before)
      expect(toldTo(owner)).toHaveLength(count)
    }
    // Of each person once, however many changes there were.
    expect(reads.unreadOf).toBe(2)
    expect(told.filter(({ userId }) => userId !== owner.id && userId !== customer.id)).toEqual([])
  })

  test('is not the owner’s before its first message; the customer hears of it when it is opened', async () => {
    await using opened = await openTestSqlite()
    const { storage } = opened
    const { owner, customer, roomId } = await roomIn(storage)
    const side = inboxesOn(storage)
    const { inboxes, told, toldTo } = side
    const { say, publish } = actsOn(storage, [side])
    for (const { id } of [owner, customer]) inboxes.watch(id)
    publish({ type: 'room.opened', roomId })
    await until(() => told.length > 0)
    expect(told).toMatchObject([{ userId: customer.id, room: { id: roomId, lastSeq: 0 }, total: 0 }])
    await say(roomId, customer)
    await until(() => told.length >= 3)
    expect(toldTo(owner)).toMatchObject([{ room: { unread: 1 }, total: 1 }])
  })

  test('of which nobody looks at the inbox costs no reading and no timer, nor does one that only others look at', async () => {
    await using opened = await openTestSqlite()
    const { storage } = opened
    const { owner, customer, roomId } = await roomIn(storage)
    const stranger = await accountIn(storage, 'eve')
    const [nobodys, strangers, theirs] = [inboxesOn(storage), inboxesOn(storage), inboxesOn(storage)]
    const { say } = actsOn(storage, [nobodys, strangers, theirs])
    strangers.inboxes.watch(stranger.id)
    theirs.inboxes.watch(owner.id)
    for (const _ of seqs(1, 20)) await say(roomId, customer)
    // Whoever is told of it is told in the same moment.
    await until(() => theirs.told.length > 0)
    await say(roomId, owner)
    await until(() => theirs.told.length > 1)
    expect(nobodys.reads).toEqual({ sides: 0, summaries: 0, unreadOf: 0 })
    // Who is in a room is asked once, and kept.
    expect(strangers.reads).toEqual({ sides: expect.any(Number), summaries: 0, unreadOf: 0 })
    expect([nobodys.told, strangers.told]).toEqual([[], []])
  })
})

describe('[LV70] whoever goes', () => {
  test.each(['summaries', 'unreadOf'] as const)(
    'while %s are read is told nothing, and the others all',
    async (method) => {
      await using opened = await openTestSqlite()
      const { storage } = opened
      const { owner, customer, roomId } = await roomIn(storage)
      const slow = Promise.withResolvers<void>()
      const side = inboxesOn(storage, (rooms) => ({
        [method]: async (...args: [never]) => {
          const found = await rooms[method](...args)
          await slow.promise
          return found
        },
      }))
      const { inboxes, toldTo, reads, errors } = side
      const { say } = actsOn(storage, [side])
      for (const { id } of [owner, customer]) inboxes.watch(id)
      await say(roomId, customer)
      await until(() => reads[method] > 0)
      inboxes.unwatch(owner.id)
      slow.resolve()
      await until(() => toldTo(customer).length > 0)
      if (method === 'summaries') expect(toldTo(owner)).toEqual([])
      expect(errors).toEqual([])

      // And comes back to what is so by then.
      await storage.rooms.markRead(roomId, 'owner', 1)
      inboxes.watch(owner.id)
      const before = toldTo(owner).length
      await say(roomId, customer)
      await until(() => toldTo(owner).length > before)
      expect(toldTo(owner).at(-1)).toMatchObject({ room: { unread: 1 }, total: 1 })
    },
  )

  test('and comes back before it was told hears of it', async () => {
    await using opened = await openTestSqlite()
    const { storage } = opened
    const { owner, customer, roomId } = await roomIn(storage)
    const side = inboxesOn(storage)
    const { inboxes, toldTo } = side
    const { say } = actsOn(storage, [side])
    inboxes.watch(owner.id)
    await say(roomId, customer)
    inboxes.unwatch(owner.id)
    inboxes.watch(owner.id)
    await until(() => toldTo(owner).length > 0)
    expect(toldTo(owner)).toMatchObject([{ total: 1 }])
  })

  test('and was the last is followed by no reading any more', async () => {
    await using opened = await openTestSqlite()
    const { storage } = opened
    const { owner, customer, roomId } = await roomIn(storage)
    const [side, other] = [inboxesOn(storage), inboxesOn(storage)]
    const { say } = actsOn(storage, [side, other])
    for (const { inboxes } of [side, other]) inboxes.watch(owner.id)
    await say(roomId, customer)
    await until(() => side.told.length + other.told.length >= 2)
    side.inboxes.unwatch(owner.id)
    const before = { ...side.reads }
    await say(roomId, customer)
    await until(() => other.told.length >= 2)
    expect(side.reads).toEqual(before)
  })
})

test('[LV70] a room that cannot be read costs the others of that moment nothing', async () => {
  await using opened = await openTestSqlite()
  const { storage } = opened
  const { owner, customer, roomId } = await roomIn(storage)
  const other = await anotherRoom(storage, owner, customer)
  const side = inboxesOn(storage, (rooms) => ({
    summaries: (id) => (id === roomId ? Promise.reject(new Error('no')) : rooms.summaries(id)),
  }))
  const { inboxes, told, errors } = side
  const { say } = actsOn(storage, [side])
  inboxes.watch(owner.id)
  await say(roomId, customer)
  await say(other, customer)
  await until(() => told.length > 0)
  expect(told).toMatchObject([{ room: { id: other }, total: 2 }])
  expect(errors).toHaveLength(1)
})

test('[LV70] after whatever people do, each was told last what is so: of every room, and in all', async () => {
  await using opened = await openTestSqlite()
  const { storage } = opened
  const act = fc.oneof(
    { arbitrary: fc.record({ what: fc.constant('say' as const), room: fc.nat(3), side: fc.nat(1) }), weight: 6 },
    {
      arbitrary: fc.record({ what: fc.constant('read' as const), room: fc.nat(3), side: fc.nat(1), seq: fc.nat(12) }),
      weight: 4,
    },
    { arbitrary: fc.record({ what: fc.constant('notice' as const), room: fc.nat(3) }), weight: 1 },
    {
      arbitrary: fc.record({ what: fc.constant('device' as const), person: fc.nat(2), comes: fc.boolean() }),
      weight: 2,
    },
    { arbitrary: fc.record({ what: fc.constant('told' as const) }), weight: 1 },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 5, maxLength: 60 }), async (acts) => {
      const people = await Promise.all(['minji', 'joon', 'sora'].map((name) => accountIn(storage, name)))
      const [minji, joon, sora] = people
      if (!minji || !joon || !sora) throw new Error('nobody')
      // Each of them is an owner here and a customer there; the last two rooms are for the end.
      const pairs: [Peer, Peer][] = [
        [minji, joon],
        [joon, minji],
        [minji, sora],
        [sora, joon],
        [minji, joon],
        [minji, sora],
      ]
      const ids: number[] = []
      for (const [owner, customer] of pairs) ids.push(await anotherRoom(storage, owner, customer))
      const side = inboxesOn(storage)
      const { inboxes, told, toldTo, errors } = side
      const { say, read, publish } = actsOn(storage, [side])
      const devices = new Map(people.map(({ id }) => [id, 1]))
      for (const { id } of people) inboxes.watch(id)
      const at = (room: number) => ({ roomId: ids[room] ?? 0, pair: pairs[room] ?? [minji, joon] })

      for (const each of acts) {
        switch (each.what) {
          case 'say': {
            const { roomId, pair } = at(each.room)
            await say(roomId, pair[each.side] ?? minji)
            break
          }
          case 'read': {
            const { roomId, pair } = at(each.room)
            await read(roomId, pair[each.side] ?? minji, each.side === 0 ? 'owner' : 'customer', each.seq)
            break
          }
          case 'notice': {
            const { roomId } = at(each.room)
            const draft = { roomId, sender: null, text: 'Sold.', clientId: null, at: 1 }
            publish({ type: 'message.created', message: (await storage.messages.append(draft)).message })
            break
          }
          case 'device': {
            const { id } = people[each.person] ?? minji
            const count = devices.get(id) ?? 0
            if (each.comes) inboxes.watch(id)
            else if (count > 0) inboxes.unwatch(id)
            devices.set(id, each.comes ? count + 1 : Math.max(0, count - 1))
            break
          }
          case 'told': {
            const before = told.length
            if ([...devices.values()].every((count) => count > 0)) {
              await say(ids[0] ?? 0, minji)
              await until(() => told.length > before)
            }
            break
          }
          default:
            throw each satisfies never
        }
      }
      for (const { id } of people) if (!devices.get(id)) inboxes.watch(id)
      // Rooms are told in the order in which they changed: when these are, all others were.
      for (const room of [4, 5]) await say(ids[room] ?? 0, minji)
      const isOver = (person: Peer, room: number) => toldTo(person).some((each) => each.room.id === ids[room])
      await until(() => isOver(minji, 4) && isOver(minji, 5) && isOver(joon, 4) && isOver(sora, 5))

      expect(errors).toEqual([])
      for (const person of people) {
        expect(toldTo(person).at(-1)?.total).toBe(await storage.rooms.totalUnread(person.id))
      }
      for (const { userId, room } of new Map(told.map((each) => [`${each.userId} ${each.room.id}`, each])).values()) {
        // Of who was away for a while the newest may be from before that.
        if (devices.get(userId) === 0 || acts.some(({ what }) => what === 'device')) continue
        expect(room).toEqual((await storage.rooms.summary(room.id, userId)) ?? room)
      }
    }),
    { numRuns: 25, seed: 2026 },
  )
})

describe('[LV70] on a server', () => {
  const sumOf = async (person: { inbox: (query: string) => Promise<{ items: RoomSummary[] }> }) =>
    (await person.inbox('?limit=100')).items.reduce((sum, { unread }) => sum + unread, 0)

  const withServer = async (use: (server: RunningParley) => Promise<void>) => {
    await using server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
    await use(server)
  }

  test('after random traffic on every side the last total is what GET /api/rooms adds up to, and what connect says', () =>
    withServer(async (server) => {
      const people = await Promise.all(['Minji', 'Joon', 'Sora'].map((name) => server.person(name)))
      const [minji, joon, sora] = people
      if (!minji || !joon || !sora) throw new Error('nobody')
      const rooms: number[] = []
      for (const [owner, customer] of [
        [minji, joon],
        [joon, minji],
        [minji, sora],
        [sora, minji],
        [joon, sora],
      ] as const) {
        rooms.push((await customer.openRoom((await owner.offer('Bike')).id)).id)
      }
      const [last = 0, other = 0] = [
        (await joon.openRoom((await minji.offer('Tent')).id)).id,
        (await sora.openRoom((await minji.offer('Tent')).id)).id,
      ]
      const sockets = await Promise.all(people.map((person) => AppSocket.open(server, person)))
      const totals = sockets.map(() => -1)
      // A random walk that is the same each time.
      const random = fc.sample(fc.record({ at: fc.nat(2), room: fc.nat(4), seq: fc.nat(40), what: fc.nat(3) }), {
        numRuns: 300,
        seed: 7,
      })
      await Promise.all(
        random.map(({ at, room, seq, what }) => {
          const roomId = rooms[room] ?? 0
          if (what === 0) return sockets[at]?.rpc('message.send', { roomId, text: 'hi' })
          if (what === 1) return sockets[at]?.rpc('room.read', { roomId, seq })
          if (what === 2) return people[at]?.put(`/api/rooms/${roomId}/read-mark`, { seq })
          return people[at]?.post(`/api/rooms/${roomId}/messages`, { text: 'ho' })
        }),
      )
      for (const roomId of [last, other]) await minji.send(roomId, 'the last one')
      await Promise.all(
        sockets.map(async (socket, at) => {
          const awaited = new Set(at === 0 ? [last, other] : at === 1 ? [last] : [other])
          while (awaited.size > 0) {
            const { pub } = await socket.nextOf('room.changed')
            if (!pub) continue
            totals[at] = Number(pub.data.totalUnread)
            awaited.delete((pub.data.room as RoomSummary).id)
          }
        }),
      )
      expect(totals).toEqual(await Promise.all(people.map(sumOf)))
      for (const [at, person] of people.entries()) {
        using again = await AppSocket.dial(server)
        expect((await again.connect(person.token)).connect?.data.totalUnread).toBe(totals[at] ?? -1)
        sockets[at]?.close()
      }
    }))
})
