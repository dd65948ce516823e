import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { SessionGrant } from '../src/accounts/model.ts'
import type { PresenceStatus } from '../src/presence/model.ts'
import { App } from './support/app-client.ts'
import { AppSocket } from './support/app-socket.ts'
import { type Cluster, startCluster } from './support/cluster.ts'
import { runCommand } from './support/command.ts'
import { Person } from './support/person.ts'
import { until } from './support/redis.ts'
import { signIn } from './support/server.ts'

// What people see of each other, and on their own devices, when these are on different nodes.

setDefaultTimeout(60_000)

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster({ env: { PARLEY_LIMITS: 'off' } })
})
afterAll(() => cluster[Symbol.asyncDispose]())

const [here, there] = [() => cluster.node(0), () => cluster.node(1)]

describe('[LV70] an inbox on the other node', () => {
  test('is told of a message, and what is read on one device is read on the others', async () => {
    const { owner, customer, roomId } = await cluster.pair()
    using phone = await App.open(here(), owner)
    using laptop = await App.open(there(), owner)
    await customer.at(here()).send(roomId, 'Is it free?')
    for (const device of [phone, laptop]) {
      expect(await device.inbox.reached(1)).toMatchObject([{ room: { id: roomId, unread: 1 }, totalUnread: 1 }])
    }
    await phone.call('room.read', { roomId, seq: 1 })
    await laptop.inbox.until((all) => all.at(-1)?.totalUnread === 0)
    await customer.send(roomId, 'Hello?')
    await phone.inbox.until((all) => all.at(-1)?.totalUnread === 1)
    await laptop.call('room.read', { roomId, seq: 2 })
    await phone.inbox.until((all) => all.at(-1)?.totalUnread === 0)
  })

  test('is told of a room that was opened', async () => {
    const { owner, customer } = await cluster.pair()
    using laptop = await App.open(there(), customer)
    const { id } = await owner.offer('Helmet')
    const { id: roomId } = await customer.at(here()).openRoom(id)
    expect(await laptop.inbox.reached(1)).toMatchObject([{ room: { id: roomId, unread: 0 } }])
  })
})

describe('a room over two nodes', () => {
  test('[LV80] [LV82] has its receipts and its typing', async () => {
    const { owner, customer, roomId } = await cluster.pair()
    using minji = await App.open(here(), owner)
    using joon = await App.open(there(), customer)
    const [hers, his] = [await minji.room(roomId), await joon.room(roomId)]
    await joon.call('room.typing', { roomId })
    expect(await hers.typing.reached(1)).toEqual([{ type: 'typing', userId: customer.id }])
    await minji.send(roomId, 'Yes')
    await joon.call('room.delivered', { roomId, seq: 1 })
    await hers.receipts.until((all) => all.at(-1)?.deliveredSeq === 1)
    await customer.put(`/api/rooms/${roomId}/read-mark`, { seq: 1 })
    await hers.receipts.until((all) => all.at(-1)?.readSeq === 1)
    expect(his.typing.items).toEqual([])
  })

  test('[LV83] [LV84] tells of a person once, however many nodes they come through, and lists every socket', async () => {
    const { owner, customer, roomId } = await cluster.pair()
    using minji = await App.open(here(), owner)
    const hers = await minji.room(roomId)
    using first = await App.open(there(), customer)
    await first.room(roomId)
    expect(await hers.joins.reached(1)).toEqual([customer.id])
    using second = await App.open(here(), customer)
    await second.room(roomId)
    using third = await App.open(there(), customer)
    await third.room(roomId)
    // What he does now comes after anything that would have been told of his coming.
    await third.call('room.typing', { roomId })
    await hers.typing.reached(1)
    expect(hers.joins.items).toEqual([customer.id])

    using witness = await AppSocket.open(there(), owner)
    const { presence } = await witness.ask('presence', { channel: `room:${roomId}` })
    const users = (clients: App[], { id }: Person) => clients.map((app) => [app.id, { client: app.id, user: id }])
    expect(presence?.presence).toEqual(
      Object.fromEntries([...users([minji], owner), ...users([first, second, third], customer)]),
    )
    const { presence_stats } = await witness.ask('presence_stats', { channel: `room:${roomId}` })
    expect(presence_stats).toEqual({ num_clients: 4, num_users: 2 })
  })

  test('[LV86] of whoever hides shows nothing on any node, and all of it again when they show', async () => {
    const { owner, customer, roomId } = await cluster.pair()
    await customer.send(roomId, 'Is it free?')
    using minji = await App.open(here(), owner)
    const hers = await minji.room(roomId)
    using joon = await App.open(there(), customer)
    await joon.room(roomId)
    await hers.joins.reached(1)
    using witness = await AppSocket.open(here(), owner)
    const isListed = async () => {
      const { presence } = await witness.ask('presence', { channel: `room:${roomId}` })
      return Object.values(presence?.presence ?? {}).some(({ user }) => user === customer.id)
    }
    expect([await isOnline(minji, customer), await isListed()]).toEqual([true, true])
    // Through a third socket's node: neither his own nor hers has to be the one that is told.
    await customer.at(here()).put('/api/me/presence', { hidden: true })
    expect(await hers.leaves.reached(1)).toEqual([customer.id])
    await until(async () => !(await isListed()))
    expect(await isOnline(minji, customer)).toBe(false)

    await customer.put('/api/me/presence', { hidden: false })
    expect(await hers.joins.reached(2)).toEqual([customer.id, customer.id])
    await until(isListed)
    expect(await isOnline(minji, customer)).toBe(true)
  })

  test('[LV83] [LV86] of whoever hides on both nodes tells once that they leave', async () => {
    const { owner, customer, roomId } = await cluster.pair()
    using minji = await App.open(here(), owner)
    const hers = await minji.room(roomId)
    const sockets = [await AppSocket.open(here(), customer), await AppSocket.open(there(), customer)]
    for (const socket of sockets) await socket.subscribe(roomId)
    await hers.joins.reached(1)
    await customer.put('/api/me/presence', { hidden: true })
    await hers.leaves.reached(1)
    // What each node says of him now comes after what it had to say before.
    for (const [at, socket] of sockets.entries()) {
      await socket.rpc('room.typing', { roomId })
      await hers.typing.reached(at + 1)
      socket.close()
    }
    expect([hers.joins.items, hers.leaves.items]).toEqual([[customer.id], [customer.id]])
  })

  test('[LV85] says who is online, on whichever node', async () => {
    const { owner, customer, roomId } = await cluster.pair()
    const sora = await cluster.person('Sora')
    const { id: otherId } = await sora.openRoom((await owner.offer('Helmet')).id)
    await Promise.all([customer.send(roomId, 'hi'), sora.send(otherId, 'hi')])
    using minji = await App.open(here(), owner)
    using _app = await App.open(there(), customer)
    using _plain = await sora.at(there()).connect(otherId)
    const userIds = [sora.id, customer.id]
    const items = async (): Promise<PresenceStatus[]> => (await minji.call('presence.status', { userIds })).items
    await until(async () => (await items()).every(({ online }) => online))
    expect((await items()).map(({ userId }) => userId).sort()).toEqual(userIds.toSorted())
  })
})

async function isOnline(asker: App, { id }: Person): Promise<boolean | undefined> {
  const { items } = await asker.call('presence.status', { userIds: [id] })
  return items[0]?.online
}

describe('what a person does on one node', () => {
  test('a new name: their sockets on the other one speak under it', async () => {
    const { owner, customer, roomId } = await cluster.pair()
    using plain = await customer.at(there()).connect(roomId)
    using app = await App.open(there(), customer)
    await customer.at(here()).call('PATCH', '/api/me', { username: 'Junho' })
    await until(async () => (await app.send(roomId, 'hi')).sender?.username === 'Junho')
    plain.send({ message: 'and here?', client_id: 'last' })
    let frame = await plain.next()
    while (frame.client_id !== 'last') frame = await plain.next()
    expect(frame).toMatchObject({ sender_username: 'Junho' })
    expect((await owner.history(roomId)).every(({ sender }) => sender?.username === 'Junho')).toBe(true)
  })

  test('[LV6] [LV45] signing out: the sockets of the session on the other one are closed, and no others', async () => {
    const { owner, roomId } = await cluster.pair()
    const other = await elsewhere(owner)
    const [app, stays] = [await AppSocket.open(there(), owner), await AppSocket.open(there(), other)]
    const plain = await owner.at(there()).connect(roomId)
    expect((await owner.at(here()).call('DELETE', '/api/sessions/current')).status).toBe(204)
    expect([(await app.closed).code, (await plain.closed).code]).toEqual([3005, 4401])
    expect((await stays.ask('ping')).error).toBeUndefined()
    stays.close()
  })

  test('[LV6] [LV45] another password: every other session on either node ends', async () => {
    const { owner, roomId } = await cluster.pair()
    const other = await elsewhere(owner)
    const [stays, app] = [await AppSocket.open(there(), owner), await AppSocket.open(there(), other)]
    const plain = await other.at(there()).connect(roomId)
    const change = { current: owner.password, next: 'another horse battery' }
    expect((await owner.at(here()).put('/api/me/password', change)).status).toBe(204)
    expect([(await app.closed).code, (await plain.closed).code]).toEqual([3005, 4401])
    expect((await stays.ask('ping')).error).toBeUndefined()
    stays.close()
  })

  test('[LV6] [LV45] being disabled: nothing of them stays on any node', async () => {
    const { owner, roomId } = await cluster.pair()
    const sockets = await Promise.all(cluster.nodes.map((node) => AppSocket.open(node, owner)))
    const plain = await Promise.all(cluster.nodes.map((node) => owner.at(node).connect(roomId)))
    expect(await runCommand(['user', 'disable', owner.id], cluster)).toMatchObject({ code: 0 })
    const codes = await Promise.all([...sockets, ...plain].map(async ({ closed }) => (await closed).code))
    expect(codes).toEqual([3503, 3503, 4403, 4403])
  })
})

/** Another session of theirs, made on the second node. */
async function elsewhere({ email, password }: Person): Promise<Person> {
  const grant = (await (await signIn(there().url, { email, password })).json()) as SessionGrant
  return new Person(there(), { ...grant, email, password })
}
