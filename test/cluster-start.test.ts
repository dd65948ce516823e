import { expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { metric } from './support/app-client.ts'
import { ClusterNode, startCluster } from './support/cluster.ts'
import { runCommand } from './support/command.ts'
import { TestRedis, until } from './support/redis.ts'
import { startParley } from './support/server.ts'

// Which processes may share a data directory.

setDefaultTimeout(60_000)

const REFUSED = { code: 78, err: expect.stringContaining('in use by another Parley') }

function emptyDir() {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-shared-'))
  return { dataDir, [Symbol.dispose]: () => rmSync(dataDir, { recursive: true, force: true }) }
}

test('one that names no Redis gets no part of a directory that others share; each that names it does, and nothing is to migrate', async () => {
  await using cluster = await startCluster({ nodes: 1 })
  expect(await runCommand(['serve', '--port', '0'], cluster)).toMatchObject(REFUSED)
  const third = new ClusterNode(cluster.dataDir, cluster.env)
  await third.start()
  await third.relay(true)
  expect(await third.ready()).toBe('200 ok')
  await third.stop()
  expect(await runCommand(['migrate'], cluster)).toEqual({ code: 0, out: 'up to date\n', err: '' })
})

test('one that names Redis gets no part of a directory that somebody has for themselves', async () => {
  await using redis = await TestRedis.start()
  await using alone = await startParley()
  expect(await metric(alone, 'parley_relay_up')).toBe(1)
  const second = new ClusterNode(alone.dataDir, { REDIS_URL: redis.url })
  await expect(second.start()).rejects.toThrow('in use by another Parley')
})

test('several that start in the same moment on an empty directory all do', async () => {
  using shared = emptyDir()
  await using redis = await TestRedis.start()
  const nodes = Array.from({ length: 4 }, () => new ClusterNode(shared.dataDir, { REDIS_URL: redis.url }))
  try {
    await Promise.all(nodes.map((node) => node.start()))
    for (const node of nodes) await node.relay(true)
  } finally {
    await Promise.all(nodes.map((node) => node.stop()))
  }
})

test('a node whose PostgreSQL hangs says so before whoever asks gives up, and goes on with it', async () => {
  await using cluster = await startCluster({ nodes: 1, engine: 'postgres' })
  const node = cluster.node(0)
  const says = (word: string) => until(async () => (await node.ready()) === word, word)
  cluster.postgres?.pause()
  await says('503 slow')
  cluster.postgres?.resume()
  await says('200 ok')
})

test('without a Redis there yet, a cluster starts and takes people in', async () => {
  await using cluster = await startCluster({ isRedisDead: true })
  const { owner, customer, roomId } = await cluster.pair()
  for (const node of cluster.nodes) expect(await node.ready()).toBe('200 degraded (relay away)')
  expect(await cluster.node(0).metric('parley_relay_up')).toBe(0)
  using hers = await owner.connect(roomId)
  await customer.send(roomId, 'Is it free?')
  expect(await hers.next()).toMatchObject({ seq: 1, message: 'Is it free?' })
  await cluster.heal()
  await customer.send(roomId, 'Hello?')
  expect(await hers.next()).toMatchObject({ seq: 2 })
})
