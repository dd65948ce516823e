import { afterAll } from 'bun:test'
import { LocalRelays } from '../src/relay/local.ts'
import { relayContract } from './contracts/relay.ts'
import { startRedisCluster, startSentinel, TestRedis } from './support/redis.ts'
import { Member, RedisNodes } from './support/relay.ts'

const servers = new AsyncDisposableStack()
afterAll(() => servers.disposeAsync())
const [redis, secured, cluster, guarded] = await Promise.all([
  TestRedis.start(),
  TestRedis.start({ username: 'joe', password: 'correct horse' }),
  startRedisCluster(3),
  startSentinel(),
])
for (const started of [redis, secured, cluster, guarded]) servers.use(started)

relayContract('nodes of one process', async () => {
  const relays = new LocalRelays()
  return { join: async () => new Member(relays.join()), async [Symbol.asyncDispose]() {} }
})
relayContract('Redis', async () => new RedisNodes(redis.url))
relayContract('Redis, as a user who may do nothing else', async () => new RedisNodes(secured.url))
relayContract('Redis behind a sentinel', async () => new RedisNodes(guarded.url))
relayContract('Redis Cluster', async () => new RedisNodes(cluster.url))
