import { Cluster, Redis } from 'ioredis'
import type { RedisTarget } from './redis-url.ts'

/** Connections to a Redis that were made together, and are given up together. What fails rejects, and nothing is tried twice. */
export interface Session {
  /** For everything but channels. */
  readonly commands: Redis | Cluster
  /** Each name with its envelope behind it. Resolves to how many subscriptions got each of them; of one shard. */
  publish(words: string[]): Promise<number[]>
  /** All of them of one group. Resolves when Redis has confirmed all of them. */
  subscribe(names: string[]): Promise<unknown>
  unsubscribe(name: string): Promise<unknown>
  close(): void
}

export interface SessionEvents {
  /** As it came: most of what a node hears is its own, and not read. */
  onMessage(name: string, envelope: Buffer): void
  /** There are connections, and none of them has a subscription. */
  onReady(): void
  onTrouble(error: unknown): void
  onBroken(): void
}

const CONNECT_WITHIN_MS = 3000
/** Said last, and nothing is owed to a Redis that does not answer. */
const GOODBYE_WITHIN_MS = 100

/** A connection is made once, and what comes after it is another session's: ioredis has nothing to repeat, nor to keep. */
function optionsOf({ tls, username, password, db }: RedisTarget) {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    db,
    connectionName: 'parley',
    connectTimeout: CONNECT_WITHIN_MS,
    // A node hears itself before it trusts a connection, which asks for more, and for no right to INFO.
    enableReadyCheck: false,
    disconnectTimeout: GOODBYE_WITHIN_MS,
    retryStrategy: () => null,
    sentinelRetryStrategy: () => null,
  }
}

/** Many words in one command: one at a time costs a node four times as much. */
const PUBLISH = `
local heard = {}
for at = 1, #ARGV, 2 do heard[#heard + 1] = redis.call('PUBLISH', ARGV[at], ARGV[at + 1]) end
return heard`

/** One server, whether it has a fixed place or sentinels tell where it is: subscriptions take a connection of their own. */
export function openSingle(target: RedisTarget, { onMessage, onReady, onTrouble, onBroken }: SessionEvents): Session {
  const [place] = target.hosts
  const { master, tls } = target
  const where = master === undefined ? place : { sentinels: target.hosts, name: master, enableTLSForSentinelMode: tls }
  const options = { ...optionsOf(target), ...where }
  const commands = new Redis(options)
  const subscriber = new Redis(options)
  const both = [commands, subscriber]
  for (const connection of both) {
    connection.on('error', onTrouble)
    connection.on('end', onBroken)
    connection.on('ready', () => {
      if (both.every(({ status }) => status === 'ready')) onReady()
    })
  }
  subscriber.on('messageBuffer', (name: Buffer, envelope: Buffer) => onMessage(name.toString(), envelope))
  return {
    commands,
    publish: async (words) => (await commands.eval(PUBLISH, 0, ...words)) as number[],
    subscribe: (names) => subscriber.subscribe(...names),
    unsubscribe: (name) => subscriber.unsubscribe(name),
    close() {
      for (const connection of both) connection.disconnect()
    },
  }
}

/**
 * Each channel belongs to one shard, as a key does (sharded pub/sub, Redis 7): no shard hears of all messages.
 * Where no shard lets it in, the last one's words are the trouble.
 */
export function openCluster(target: RedisTarget, { onMessage, onReady, onTrouble, onBroken }: SessionEvents): Session {
  const commands = new Cluster(target.hosts, {
    shardedSubscribers: true,
    clusterRetryStrategy: () => null,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    redisOptions: optionsOf(target),
  })
  commands.on('error', (error: Error & { lastNodeError?: Error }) => onTrouble(error.lastNodeError ?? error))
  commands.on('end', onBroken)
  commands.on('ready', () => {
    // ioredis mends a shard's subscriptions by itself, but does not say that words were lost meanwhile.
    for (const change of ['-subscriber', 'subscribersReady']) commands.on(change, onBroken)
    onReady()
  })
  commands.on('smessageBuffer', (name: Buffer, envelope: Buffer) => onMessage(name.toString(), envelope))
  return {
    commands,
    async publish(words) {
      const sent: Promise<unknown>[] = []
      for (let at = 0; at < words.length; at += 2) sent.push(commands.spublish(words[at] ?? '', words[at + 1] ?? ''))
      return (await Promise.all(sent)).map(Number)
    },
    subscribe: async (names) => commands.ssubscribe(...names),
    unsubscribe: async (name) => commands.sunsubscribe(name),
    close: () => commands.disconnect(),
  }
}
