import { describe, expect, test } from 'bun:test'
import { nodeChannel } from '../src/relay/relay.ts'
import { startRedisCluster, startSentinel, TestRedis, until } from './support/redis.ts'
import { type Member, RedisNodes } from './support/relay.ts'

/** So many that they are on every shard, and more than one command has. */
const ROOMS = Array.from({ length: 600 }, (_, at) => `room:${at}`)
/** Three seconds without its own word, and what a busy machine adds. */
const AWAY_WITHIN_MS = 6000

/** Two nodes, of which the first one listens to rooms. */
async function pairOn(url: string) {
  const nodes = new RedisNodes(url)
  const [minji, joon] = await Promise.all([nodes.join(), nodes.join()])
  await Promise.all(ROOMS.map((room) => minji.relay.listen(room)))
  return { nodes, minji, joon, [Symbol.asyncDispose]: () => nodes[Symbol.asyncDispose]() }
}

/** What the other one says on any room is heard, and once. */
async function hearsAll(minji: Member, joon: Member, rooms: readonly string[] = ROOMS) {
  const text = crypto.randomUUID()
  for (const room of rooms) joon.relay.publish(room, text)
  await until(() => minji.heard.filter((word) => word.endsWith(text)).length >= rooms.length, 'hears all rooms')
  await minji.catchUp(joon)
  expect(minji.heard.filter((word) => word.endsWith(text)).sort()).toEqual(
    rooms.map((room) => `${room} ${text}`).sort(),
  )
}

/** The same after a change that reaches the nodes piece by piece: what was said while one of them began anew is said again. */
async function hearsAllInTheEnd(minji: Member, joon: Member) {
  const backs = () => `${minji.backs} ${joon.backs}`
  while (true) {
    await upAgain(minji, joon)
    const [before, text] = [backs(), crypto.randomUUID()]
    const heardAll = () => minji.heard.filter((word) => word.endsWith(text)).length === ROOMS.length
    for (const room of ROOMS) joon.relay.publish(room, text)
    await until(() => heardAll() || backs() !== before, 'hears all rooms, or begins anew')
    if (heardAll()) return
  }
}

const reads = (member: Member, key: string) => member.relay.read('people', [key]).then(([texts]) => texts)
const untilReads = (member: Member, key: string, texts: string[]) =>
  until(async () => Bun.deepEquals(await reads(member, key), texts), `reads ${texts} under ${key}`)

async function isAway(...members: Member[]) {
  const begin = performance.now()
  for (const member of members) await member.is('away')
  expect(performance.now() - begin).toBeLessThan(AWAY_WITHIN_MS)
}

const upAgain = (...members: Member[]) => Promise.all(members.map((member) => member.is('up')))

/** Over connections that are there now: who was cut off a moment ago is still up as far as it knows. */
const reaches = (from: Member, to: Member) =>
  until(() => from.relay.ask(nodeChannel(to.relay.node), 'x'), 'reaches the other one')

/** Each time it has come up is told twice: as a state, and as a return. */
function expectReturns(member: Member, returns?: number) {
  const ups = member.states.filter((state) => state === 'up').length
  expect(member.backs).toBe(ups)
  if (returns !== undefined) expect(ups).toBe(returns)
  for (const [at, state] of member.states.entries()) expect(state).toBe(at % 2 === 0 ? 'up' : 'away')
}

describe.concurrent('one Redis', () => {
  test('killed and started again: all is heard again, also what was begun and ended meanwhile, and boards are back', async () => {
    await using redis = await TestRedis.start()
    await using pair = await pairOn(redis.url)
    const { minji, joon } = pair
    for (let round = 1; round <= 2; round++) {
      joon.relay.post('people', 'joon', `${round}`)
      joon.relay.post('people', 'eve', `${round}`)
      await untilReads(minji, 'joon', [`${round}`])
      const asked = joon.relay.ask(nodeChannel(minji.relay.node), 'just before')
      await redis.kill()
      await asked
      await isAway(minji, joon)
      await minji.relay.listen(`while away ${round}`)
      minji.relay.ignore('room:0')
      joon.relay.publish('room:1', 'nobody hears this')
      joon.relay.post('people', 'eve', undefined)
      joon.relay.post('people', 'adam', `${round}`)
      expect(await minji.relay.ask(nodeChannel(joon.relay.node), 'are you there?')).toBe(false)
      expect(await reads(minji, 'joon')).toEqual([])
      await redis.start()
      await upAgain(minji, joon)
      await hearsAll(minji, joon, [...ROOMS.slice(1), `while away ${round}`])
      joon.relay.publish('room:0', 'ignored')
      await minji.catchUp(joon)
      for (const [key, texts] of Object.entries({ joon: [`${round}`], eve: [], adam: [`${round}`] })) {
        await untilReads(minji, key, texts)
      }
      await minji.relay.listen('room:0')
      for (const member of [minji, joon]) expectReturns(member, 1 + round)
    }
    expect(minji.heard).not.toContain('room:0 ignored')
    expect(minji.heard).not.toContain('room:1 nobody hears this')
    expect([minji.forged, joon.forged]).toEqual([0, 0])
  })

  test('that stands still: the relay is away within four seconds, nothing waits for it, and it comes back', async () => {
    await using redis = await TestRedis.start()
    await using pair = await pairOn(redis.url)
    const { minji, joon } = pair
    redis.pause()
    const begin = performance.now()
    const read = reads(minji, 'joon').then((texts) => [texts, performance.now() - begin] as const)
    const pending = [minji.relay.listen('room:new'), minji.relay.ask(nodeChannel(joon.relay.node), 'are you there?')]
    await isAway(minji, joon)
    expect(await Promise.all(pending)).toEqual([undefined, false])
    const [texts, took] = await read
    expect(texts).toEqual([])
    expect(took).toBeLessThan(3000)
    const late = performance.now()
    await minji.relay.listen('room:newer')
    expect(await minji.relay.ask(nodeChannel(joon.relay.node), 'are you there?')).toBe(false)
    expect(performance.now() - late).toBeLessThan(500)
    // Long enough for a session that was begun meanwhile to be given up as well.
    await until(() => performance.now() - begin > 7500)
    redis.resume()
    await upAgain(minji, joon)
    await hearsAll(minji, joon, [...ROOMS, 'room:new', 'room:newer'])
    for (const member of [minji, joon]) expectReturns(member)
  })

  test('that ends connections at random under traffic: whoever is up hears, and each return is told once', async () => {
    await using redis = await TestRedis.start()
    await using pair = await pairOn(redis.url)
    const { minji, joon } = pair
    joon.relay.post('rooms', '1', 'here')
    for (let round = 0; round < 12; round++) {
      const until = performance.now() + Math.random() * 150
      while (performance.now() < until) {
        for (const room of ROOMS.slice(0, 20)) joon.relay.publish(room, String(round))
        void minji.relay.ask(nodeChannel(joon.relay.node), 'x')
        joon.relay.post('people', String(round), 'x')
        await Bun.sleep(2)
      }
      const [name = ''] = [
        ['TYPE', 'normal'],
        ['TYPE', 'pubsub'],
        ['TYPE', 'pubsub'],
      ]
        .map((each) => each.join(' '))
        .slice(round % 3)
      await redis.command('CLIENT', 'KILL', ...name.split(' '))
    }
    await redis.killClients()
    // And more, until it was away and back some times, however slow all this is.
    while (minji.states.length <= 3) {
      await upAgain(minji, joon)
      await redis.killClients()
      await minji.is('away')
    }
    await reaches(joon, minji)
    await upAgain(minji, joon)
    await hearsAll(minji, joon)
    for (let round = 0; round < 12; round++) await untilReads(minji, String(round), ['x'])
    expect(await minji.relay.read('rooms', ['1'])).toEqual([['here']])
    for (const member of [minji, joon]) expectReturns(member)
    expect([minji.forged, joon.forged]).toEqual([0, 0])
  })

  test('that has lost everything gets the boards again within seconds, also when something was posted in between', async () => {
    await using redis = await TestRedis.start()
    await using pair = await pairOn(redis.url)
    const { minji, joon } = pair
    const keys = Array.from({ length: 700 }, (_, at) => String(at))
    for (const key of keys) joon.relay.post('people', key, 'x')
    await untilReads(minji, '699', ['x'])
    await redis.flush()
    joon.relay.post('people', 'new', 'x')
    await untilReads(minji, '699', ['x'])
    expect(await minji.relay.read('people', [...keys, 'new'])).toEqual([...keys, 'new'].map(() => ['x']))
    expectReturns(minji, 1)
  })

  test('that does not take what is posted: its words are told, hints go on, and what was posted is there when it does', async () => {
    await using redis = await TestRedis.start()
    await using pair = await pairOn(redis.url)
    const { minji, joon } = pair
    await redis.command('CONFIG', 'SET', 'min-replicas-to-write', '1')
    joon.relay.post('people', 'joon', 'x')
    await until(() => joon.troubles.some((words) => words.includes('NOREPLICAS')), 'says what Redis says')
    await hearsAll(minji, joon)
    expect(await reads(minji, 'joon')).toEqual([])
    await redis.command('CONFIG', 'SET', 'min-replicas-to-write', '0')
    await untilReads(minji, 'joon', ['x'])
    for (const member of [minji, joon]) expectReturns(member, 1)
  })

  test('lets go what a dead node has posted, and all that it had of a cluster', async () => {
    await using redis = await TestRedis.start()
    await using nodes = new RedisNodes(redis.url)
    const [minji, joon] = await Promise.all([nodes.join(), nodes.join()])
    joon.relay.post('people', 'joon', 'x')
    joon.relay.post('rooms', '1', 'x')
    await untilReads(minji, 'joon', ['x'])
    const names = (await redis.command('KEYS', '*')).split('\n')
    expect(names).toHaveLength(3)
    for (const name of names) {
      const seconds = Number(await redis.command('TTL', name))
      expect(seconds).toBeGreaterThan(0)
      expect(seconds).toBeLessThanOrEqual(20)
    }
    // As if it had died: its boards stay until their time is over, which is now.
    await joon.relay.close()
    expect(await reads(minji, 'joon')).toEqual(['x'])
    for (const name of names.filter((name) => name.endsWith(joon.relay.node))) await redis.command('EXPIRE', name, '0')
    expect(await reads(minji, 'joon')).toEqual([])
    expect(await minji.relay.read('rooms', ['1'])).toEqual([[]])
  })

  test('that is not there yet: the relay is away, waits for nothing, and comes up with it', async () => {
    await using redis = new TestRedis()
    await using nodes = new RedisNodes(redis.url)
    const [minji, joon] = [nodes.add(), nodes.add()]
    const begin = performance.now()
    await minji.relay.listen('room:1')
    joon.relay.publish('room:1', 'too early')
    joon.relay.post('people', 'joon', 'x')
    expect(await joon.relay.ask(nodeChannel(minji.relay.node), 'too early')).toBe(false)
    expect(await reads(minji, 'joon')).toEqual([])
    expect(performance.now() - begin).toBeLessThan(500)
    expect([minji, joon].map(({ relay }) => relay.state)).toEqual(['away', 'away'])
    // After a few tries in vain.
    await until(() => performance.now() - begin > 1500)
    await redis.start()
    await upAgain(minji, joon)
    await hearsAll(minji, joon, ['room:1'])
    await untilReads(minji, 'joon', ['x'])
    for (const member of [minji, joon]) expectReturns(member, 1)
  })

  test('with another one beside it that has its own key: they do not hear nor see each other', async () => {
    await using redis = await TestRedis.start()
    await using ours = await pairOn(redis.url)
    await using theirs = await pairOn(redis.url)
    theirs.joon.relay.post('people', 'joon', 'theirs')
    await untilReads(theirs.minji, 'joon', ['theirs'])
    await hearsAll(theirs.minji, theirs.joon)
    expect(await ours.minji.relay.ask(nodeChannel(theirs.minji.relay.node), 'hello')).toBe(false)
    expect(await reads(ours.minji, 'joon')).toEqual([])
    await ours.minji.catchUp(ours.joon)
    expect([ours.minji.heard, ours.minji.forged, theirs.minji.forged]).toEqual([[], 0, 0])
  })
})

describe.concurrent('a relay says why it does not get there', () => {
  test('where no Redis listens', async () => {
    using stranger = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: (socket) => void socket.end() } })
    const nodes = new RedisNodes(`redis://127.0.0.1:${stranger.port}`)
    const minji = nodes.add()
    await until(() => minji.troubles.some((words) => words.includes('no Redis')), 'it says so')
    expect(minji.relay.state).toBe('away')
    await nodes[Symbol.asyncDispose]()
  })

  test('where it may not hear what it asks for: it does not pass for one that hears', async () => {
    await using redis = await TestRedis.start()
    await using pair = await pairOn(redis.url)
    const { minji } = pair
    await redis.command('ACL', 'SETUSER', 'default', '-subscribe')
    void minji.relay.listen('new')
    await minji.is('away')
    await until(() => minji.troubles.some((words) => /NOPERM.*subscribe/.test(words)), 'it says so')
    await redis.command('ACL', 'SETUSER', 'default', '+subscribe')
    await upAgain(minji)
  })
})

describe.concurrent('several Redis', () => {
  test('a shard that dies takes the relay away; with it come all of its channels and boards', async () => {
    await using cluster = await startRedisCluster(3)
    await using pair = await pairOn(cluster.url)
    const { minji, joon } = pair
    joon.relay.post('people', 'joon', 'x')
    for (const [round, shard] of cluster.nodes.slice(0, 2).entries()) {
      await shard.kill()
      await isAway(minji, joon)
      await minji.relay.listen(`while away ${round}`)
      await shard.start()
      await upAgain(minji, joon)
      await hearsAll(minji, joon, [...ROOMS, `while away ${round}`])
      await untilReads(minji, 'joon', ['x'])
    }
    for (const member of [minji, joon]) expectReturns(member)
  })

  test('a shard that ends the subscriptions of a node, or stands still: that is a return, and all is heard again', async () => {
    await using cluster = await startRedisCluster(3)
    await using pair = await pairOn(cluster.url)
    const { minji, joon } = pair
    const [, shard] = cluster.nodes
    await shard?.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await until(() => minji.backs === 2 && joon.backs === 2, 'both are back')
    await hearsAll(minji, joon)
    shard?.pause()
    await isAway(minji, joon)
    shard?.resume()
    await upAgain(minji, joon)
    await hearsAll(minji, joon)
    for (const member of [minji, joon]) expectReturns(member)
  })

  test('shards that refuse what it takes are heard saying which right is missing', async () => {
    await using cluster = await startRedisCluster(3)
    await using pair = await pairOn(cluster.url)
    const { minji, joon } = pair
    const everywhere = (...command: string[]) => Promise.all(cluster.nodes.map((node) => node.command(...command)))
    await everywhere('ACL', 'SETUSER', 'default', '-cluster|slots')
    for (const shard of cluster.nodes) await shard.killClients()
    await isAway(minji, joon)
    await until(() => minji.troubles.some((words) => /NOPERM.*cluster\|slots/.test(words)), 'Redis is heard')
    await everywhere('ACL', 'SETUSER', 'default', '+cluster|slots')
    await upAgain(minji, joon)
    await hearsAll(minji, joon)
  })

  test('a shard that hands a group of channels over to another one: they are heard again, and that is a return', async () => {
    await using cluster = await startRedisCluster(3)
    await using pair = await pairOn(cluster.url)
    const { minji, joon } = pair
    const [from, to] = cluster.nodes
    if (!from || !to) throw new Error('no shards')
    const slots = await Promise.all(
      Array.from({ length: 12 }, (_, at) => from.command('CLUSTER', 'KEYSLOT', `{${at}}`)),
    )
    const slot = slots.find((each) => Number(each) < 5000) ?? ''
    const id = await to.command('CLUSTER', 'MYID')
    for (const node of [to, from, ...cluster.nodes]) await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', id)
    await until(() => minji.backs >= 2 && joon.backs >= 2, 'both are back')
    await hearsAllInTheEnd(minji, joon)
    for (const member of [minji, joon]) expectReturns(member)
  })

  test('a sentinel that makes the replica the master: all is heard again there', async () => {
    await using guarded = await startSentinel()
    await using pair = await pairOn(guarded.url)
    const { minji, joon } = pair
    joon.relay.post('people', 'joon', 'x')
    await guarded.failOver()
    await until(() => minji.backs >= 2 && joon.backs >= 2, 'both are back')
    await upAgain(minji, joon)
    await hearsAll(minji, joon)
    await untilReads(minji, 'joon', ['x'])
    expect(await guarded.replica.command('ROLE')).toStartWith('master')
    await guarded.master.kill()
    await hearsAll(minji, joon)
  })
})

// Beside no other test: it takes all of the event loop, and memory.
test('a Redis that takes less than is said: words are lost, memory is not, and nobody fails', async () => {
  await using redis = await TestRedis.start()
  await using pair = await pairOn(redis.url)
  const { minji, joon } = pair
  const text = 'x'.repeat(1000)
  Bun.gc(true)
  const before = process.memoryUsage.rss()
  redis.pause()
  for (let at = 0; at < 300_000; at++) joon.relay.publish('room:1', text)
  expect(process.memoryUsage.rss() - before).toBeLessThan(100e6)
  redis.resume()
  // Either may be away for a moment, since it has not heard itself for as long.
  await until(async () => {
    joon.relay.publish('room:2', 'after it')
    await joon.relay.ask(nodeChannel(minji.relay.node), 'are you there?')
    return minji.heard.includes('room:2 after it')
  })
  expect(minji.heard.filter((word) => word.endsWith(text)).length).toBeLessThanOrEqual(5000)
})
