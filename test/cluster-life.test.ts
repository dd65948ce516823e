import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { App } from './support/app-client.ts'
import { AppSocket } from './support/app-socket.ts'
import { type Cluster, startCluster } from './support/cluster.ts'
import { until } from './support/redis.ts'

// What takes its time: somebody counts as there for fifteen seconds more, and a node that died for some longer.

setDefaultTimeout(90_000)

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster({ nodes: 3, env: { PARLEY_LIMITS: 'off' } })
})
afterAll(() => cluster[Symbol.asyncDispose]())

/** She is on the first node; he comes through the first two, once each, and was told of. */
async function together() {
  const { owner, customer, roomId } = await cluster.pair()
  const minji = await App.open(cluster.node(0), owner)
  const hers = await minji.room(roomId)
  const near = await AppSocket.open(cluster.node(0), customer)
  await near.subscribe(roomId)
  await hers.joins.reached(1)
  const far = await AppSocket.open(cluster.node(1), customer)
  await far.subscribe(roomId)
  const isThere = (clients: number) =>
    until(async () => (await hers.subscription.presenceStats()).numClients === clients)
  await isThere(3)
  return { customer, roomId, minji, hers, near, far, isThere, [Symbol.dispose]: () => minji.client.disconnect() }
}

/** On each of the first two nodes somebody leaves. When that is told, what was to be told of those who left before was told. */
async function longEnough(): Promise<void> {
  const goes = async (at: number) => {
    const { owner, customer, roomId } = await cluster.pair()
    using sora = await App.open(cluster.node(0), owner)
    const room = await sora.room(roomId)
    const socket = await AppSocket.open(cluster.node(at), customer)
    await socket.subscribe(roomId)
    await room.joins.reached(1)
    socket.close()
    await room.leaves.reached(1)
  }
  await Promise.all([goes(0), goes(1)])
}

describe.concurrent('over several nodes', () => {
  test('[LV83] a person who leaves one node, and then the other, has left once', async () => {
    using room = await together()
    const { customer, hers, near, far, isThere } = room
    near.close()
    await isThere(2)
    far.close()
    await isThere(1)
    await longEnough()
    expect([hers.joins.items, hers.leaves.items]).toEqual([[customer.id], [customer.id]])
  })

  test('[LV83] a person who goes from one node to another was never away', async () => {
    using room = await together()
    const { customer, roomId, hers, near, far, isThere } = room
    near.close()
    far.close()
    await isThere(1)
    using again = await AppSocket.open(cluster.node(1), customer)
    await again.subscribe(roomId)
    await longEnough()
    expect([hers.joins.items, hers.leaves.items]).toEqual([[customer.id], []])
  })

  test('[LV85] the people of a node that was killed are offline half a minute later, and online when they come elsewhere', async () => {
    const owner = await cluster.person('Minji', 0)
    const customer = await cluster.person('Joon', 2)
    const { id: roomId } = await customer.openRoom((await owner.offer('Bike')).id)
    await customer.send(roomId, 'Is it free?')
    using minji = await App.open(cluster.node(0), owner)
    await AppSocket.open(cluster.node(2), customer)
    const isOnline = async () =>
      (await minji.call('presence.status', { userIds: [customer.id] })).items[0]?.online === true
    await until(isOnline)
    await cluster.node(2).stop('SIGKILL')
    expect(await isOnline()).toBe(true)
    await until(async () => !(await isOnline()), 'he is offline', 30_000)
    using _ = await AppSocket.open(cluster.node(1), customer)
    await until(isOnline)
  })
})
