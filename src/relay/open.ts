import { LocalRelays } from './local.ts'
import type { RedisTarget } from './redis-url.ts'
import type { Relay } from './relay.ts'

interface Options {
  redis: RedisTarget | undefined
  clusterKey: string
  now: () => number
  uptime: () => number
}

/** With Redis, whether it is there already or not; otherwise this node is alone, and its client is not loaded. */
export async function openRelay({ redis, ...options }: Options): Promise<Relay> {
  if (!redis) return new LocalRelays().join()
  const { RedisRelay } = await import('./redis.ts')
  return new RedisRelay({ ...options, target: redis })
}
