import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { App, type AppRoom } from './support/app-client.ts'
import { AppSocket, seqs } from './support/app-socket.ts'
import { type Cluster, ClusterNode, startCluster } from './support/cluster.ts'
import { RoundRobin } from './support/cluster-door.ts'

// Redis is a doorbell: what happens when it is silent, and when somebody else rings it.

setDefaultTimeout(60_000)

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster({ env: { PARLEY_LIMITS: 'off' } })
})
afterAll(() => cluster[Symbol.asyncDispose]())

const [here, there] = [() => cluster.node(0), () => cluster.node(1)]

async function loseRedis() {
  await cluster.redis.kill()
  await Promise.all(cluster.nodes.map((node) => node.relay(false)))
  return {
    async [Symbol.asyncDispose]() {
      await cluster.heal()
    },
  }
}

/** Both people on both nodes, one device each. */
async function talk() {
  const pair = await cluster.pair()
  const { owner, customer, roomId } = pair
  const apps = {
    hers: await App.open(here(), owner),
    his: await App.open(there(), customer),
    near: await App.open(here(), customer),
  }
  const rooms: Record<keyof typeof apps, AppRoom> = {
    hers: await apps.hers.room(roomId),
    his: await apps.his.room(roomId),
    near: await apps.near.room(roomId),
  }
  const close = () => {
    for (const app of Object.values(apps)) app.client.disconnect()
  }
  return { ...pair, apps, rooms, [Symbol.dispose]: close }
}

describe('while Redis is dead', () => {
  test('[LV67] nobody on the same node waits, the other node hears from the database, and hints flow again after', async () => {
    using room = await talk()
    const { roomId, apps, rooms } = room
    await apps.hers.send(roomId, 'before')
    await rooms.his.texts(1)
    const lost = await Promise.all(cluster.nodes.map((node) => node.metric('parley_relay_lost_total')))
    const told = await there().metric('parley_hint_lag_seconds_count')
    const repaired = await there().metric('parley_repaired_entries_total')
    expect(told).toBeGreaterThan(0)
    {
      await using _ = await loseRedis()
      for (const node of cluster.nodes) expect(await node.ready()).toBe('200 degraded (relay away)')
      // For longer than one sweep, each message acknowledged and delivered before the next one.
      for (const n of seqs(1, 40)) {
        await apps.hers.send(roomId, `${n}`)
        await rooms.near.texts(n + 1)
        if (n % 20 === 0) await rooms.his.texts(n + 1)
      }
      expect(rooms.his.entries.items.map(({ offset }) => offset)).toEqual(seqs(1, 41))
      await apps.his.inbox.until((all) => all.at(-1)?.room.lastSeq === 41)
      expect(await there().metric('parley_repaired_entries_total')).toBe(repaired + 40)
    }
    for (const node of cluster.nodes) expect(await node.ready()).toBe('200 ok')
    expect(await Promise.all(cluster.nodes.map((node) => node.metric('parley_relay_lost_total')))).toEqual(
      lost.map((count) => count + 1),
    )
    await apps.hers.send(roomId, 'after')
    await rooms.his.texts(42)
    expect(await there().metric('parley_hint_lag_seconds_count')).toBeGreaterThan(told)
    expect(await there().metric('parley_repaired_entries_total')).toBe(repaired + 40)
  })

  test('[LV63] [LV23] whoever comes to the other node, which knows nothing, is not refused', async () => {
    using room = await talk()
    const { owner, roomId, rooms } = room
    await using _ = await loseRedis()
    for (const n of seqs(1, 5)) {
      const { seq } = await owner.send(roomId, `${n}`)
      using app = await AppSocket.open(there(), owner)
      const [{ subscribe }, plain] = await Promise.all([
        app.subscribe(roomId, { recover: true, offset: seq }),
        owner.at(there()).connect(roomId, `?after=${seq}`),
      ])
      expect(subscribe).toMatchObject({ recovered: true, offset: seq })
      const next = await owner.send(roomId, `${n} and`)
      expect(await plain.next()).toMatchObject({ seq: next.seq, message: `${n} and` })
      plain.close()
    }
    await rooms.his.texts(10)
    expect(rooms.his.entries.items.map(({ offset }) => offset)).toEqual(seqs(1, 10))
  })

  test('[LV20] [LV22] whoever says again on the other node what was stored here hears first what came before it', async () => {
    const { owner, roomId } = await cluster.pair()
    using hers = await owner.at(there()).connect(roomId, '?after=0')
    await owner.send(roomId, 'told')
    await hers.next()
    await using _ = await loseRedis()
    for (const n of seqs(2, 5)) await owner.send(roomId, `${n}`, `c-${n}`)
    hers.send({ message: '5', client_id: 'c-5' })
    // What is new to the socket, and what answers it.
    expect((await hers.take(5)).map(({ seq }) => seq)).toEqual([2, 3, 4, 5, 5])
  })

  test.each([true, false])(
    '[LV70] what is read on one node clears the badge on the other when Redis is back; told of one before: %p',
    async (isTold) => {
      const { owner, customer, roomId } = await cluster.pair()
      if (!isTold) await customer.send(roomId, 'Is it free?')
      using phone = await App.open(here(), owner)
      using laptop = await App.open(there(), owner)
      if (isTold) await customer.send(roomId, 'Is it free?')
      if (isTold) await laptop.inbox.until((all) => all.at(-1)?.totalUnread === 1)
      else expect(laptop.arrivals.last?.data.totalUnread).toBe(1)
      {
        await using _ = await loseRedis()
        await phone.call('room.read', { roomId, seq: 1 })
      }
      await laptop.inbox.until((all) => all.at(-1)?.totalUnread === 0)
    },
  )

  test('a node starts, and hears the others when Redis comes', async () => {
    const { owner, customer, roomId } = await cluster.pair()
    {
      await using _ = await loseRedis()
      await there().stop()
      await there().start()
      expect(await there().ready()).toBe('200 degraded (relay away)')
      await customer.send(roomId, 'Is it free?')
    }
    using minji = await App.open(there(), owner)
    const hers = await minji.room(roomId, { since: { offset: 0, epoch: '' } })
    await customer.at(here()).send(roomId, 'Hello?')
    expect(await hers.texts(2)).toEqual(['Is it free?', 'Hello?'])
  })
})

test('[LV70] what is read on a node whose own line to Redis is broken clears the badge on the others', async () => {
  await using line = await RoundRobin.to([cluster.redis.port])
  const alone = new ClusterNode(cluster.dataDir, { ...cluster.env, REDIS_URL: `redis://127.0.0.1:${line.port}` })
  await alone.start()
  try {
    await alone.relay(true)
    const { owner, customer, roomId } = await cluster.pair()
    using phone = await App.open(alone, owner)
    using laptop = await App.open(there(), owner)
    await customer.send(roomId, 'Is it free?')
    for (const device of [phone, laptop]) await device.inbox.until((all) => all.at(-1)?.totalUnread === 1)
    line.shut()
    await alone.relay(false)
    await phone.call('room.read', { roomId, seq: 1 })
    line.reopen()
    await alone.relay(true)
    await laptop.inbox.until((all) => all.at(-1)?.totalUnread === 0)
  } finally {
    await alone.stop()
  }
})
