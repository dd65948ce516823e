import { LocalRelays } from './local.ts'
import { RedisRelay } from './redis.ts'
import type { RedisTarget } from './redis-url.ts'
import type { Relay } from './relay.ts'

interface Options {
  redis: RedisTarget | undefined
  clusterKey: string
  now: () => number
  uptime: () => number
}

/** With Redis, whether it is there already or not; otherwise this node is alone. */
export const openRelay = ({ redis, ...options }: Options): Relay =>
  redis ? new RedisRelay({ ...options, target: redis }) : new LocalRelays().join()
