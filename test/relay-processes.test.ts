import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { startRedisCluster, TestRedis } from './support/redis.ts'

const RELAY = join(import.meta.dir, '../src/relay')

/** A process that opens a relay, says what it is within this time, closes it, and has nothing else that keeps it alive. */
function runRelay(url: string, { waitMs, env = {} }: { waitMs: number; env?: Record<string, string> }) {
  const script = `
    import { RedisRelay } from '${RELAY}/redis.ts'
    import { parseRedisUrl } from '${RELAY}/redis-url.ts'
    process.on('unhandledRejection', (error) => console.log('unhandled', error))
    const target = parseRedisUrl('${url}')
    const relay = new RedisRelay({ target, clusterKey: '${'ab'.repeat(32)}', now: Date.now, uptime: () => performance.now() })
    relay.attend({ onHeard() {}, onBack() {}, onState() {}, onLag() {}, onForged() {}, onTrouble() {} })
    void relay.listen('room:1')
    const until = performance.now() + ${waitMs}
    while (relay.state !== 'up' && performance.now() < until) await Bun.sleep(10)
    console.log(relay.state)
    relay.post('people', 'joon', 'x')
    void relay.read('people', ['joon'])
    void relay.ask('room:1', 'x')
    const before = performance.now()
    void relay.close()
    process.on('exit', () => console.log(performance.now() - before < 5000 ? 'gone' : 'lingered'))`
  return Bun.spawn([process.execPath, '--no-env-file', '-e', script], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function outcome(child: ReturnType<typeof runRelay>) {
  const [said, complaints] = await Promise.all([child.stdout.text(), child.stderr.text()])
  return { code: await child.exited, said: said.trim().split('\n'), complaints }
}

const ended = (state: 'up' | 'away') => ({ code: 0, said: [state, 'gone'], complaints: '' })

test.concurrent('closed while Redis is there, away, silent, or a cluster: the process is free to go', async () => {
  await using redis = await TestRedis.start()
  await using silent = await TestRedis.start()
  await using nobody = new TestRedis()
  await using cluster = await startRedisCluster(1)
  silent.pause()
  const [there, away, connecting, retrying, whole, lost] = await Promise.all([
    outcome(runRelay(redis.url, { waitMs: 15_000 })),
    outcome(runRelay(nobody.url, { waitMs: 0 })),
    outcome(runRelay(silent.url, { waitMs: 200 })),
    outcome(runRelay(silent.url, { waitMs: 4000 })),
    outcome(runRelay(cluster.url, { waitMs: 15_000 })),
    outcome(runRelay(nobody.url.replace('redis:', 'redis+cluster:'), { waitMs: 1000 })),
  ])
  expect([there, whole]).toEqual([ended('up'), ended('up')])
  expect([away, connecting, retrying, lost]).toEqual(Array(4).fill(ended('away')))
})

test.concurrent('the wrong password, or none, is a Redis that is away', async () => {
  await using redis = await TestRedis.start({ password: 'correct' })
  const results = await Promise.all([
    outcome(runRelay(redis.url, { waitMs: 15_000 })),
    outcome(runRelay(redis.url.replace('correct', 'wrong'), { waitMs: 1500 })),
    outcome(runRelay(redis.url.replace(':correct@', ''), { waitMs: 1500 })),
  ])
  expect(results).toEqual([ended('up'), ended('away'), ended('away')])
})

test.concurrent('TLS: by an authority that the system knows, or that NODE_EXTRA_CA_CERTS names, and for this host; and no other', async () => {
  await using redis = await TestRedis.start({ tls: true, password: 'correct' })
  const [known, unknown, elsewhere] = await Promise.all([
    outcome(runRelay(redis.url, { waitMs: 15_000, env: { NODE_EXTRA_CA_CERTS: redis.caFile } })),
    outcome(runRelay(redis.url, { waitMs: 1500 })),
    outcome(
      runRelay(redis.url.replace('127.0.0.1', 'localhost'), {
        waitMs: 1500,
        env: { NODE_EXTRA_CA_CERTS: redis.caFile },
      }),
    ),
  ])
  expect([known, unknown, elsewhere]).toEqual([ended('up'), ended('away'), ended('away')])
})
