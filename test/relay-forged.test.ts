import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Redis } from 'ioredis'
import { Envelopes } from '../src/relay/envelope.ts'
import { isNodeChannel, nodeChannel } from '../src/relay/relay.ts'
import { TestRedis, until } from './support/redis.ts'
import { type Member, RedisNodes } from './support/relay.ts'

const redis = new TestRedis()
beforeAll(() => redis.start())
afterAll(() => redis[Symbol.asyncDispose]())

/** Two nodes, and somebody who hears all that is said on their Redis and can say anything there. */
async function wiretapped() {
  const nodes = new RedisNodes(redis.url)
  const [minji, joon] = await Promise.all([nodes.join(), nodes.join()])
  await minji.relay.listen('room:1')
  const { prefix } = new Envelopes(nodes.clusterKey, joon.relay.node)
  const [ear, mouth] = [new Redis(redis.port), new Redis(redis.port)]
  const overheard: { name: string; envelope: string }[] = []
  ear.on('pmessage', (_pattern, name, envelope) => overheard.push({ name, envelope }))
  await ear.psubscribe(`${prefix}*`)
  return {
    nodes,
    minji,
    joon,
    mouth,
    nameOf: (channel: string) => `${prefix}{0}${channel}`,
    say: (channel: string, envelope: string) => mouth.publish(`${prefix}{0}${channel}`, envelope),
    /** What joon says on this channel, as it travels. */
    async overhear(channel: string, text: string) {
      const isIt = (envelope: string) => isNodeChannel(channel) || envelope.endsWith(text)
      const said = () => overheard.find(({ name, envelope }) => name.endsWith(channel) && isIt(envelope))
      await joon.relay.ask(channel, text)
      await until(() => said() !== undefined, 'overhears it')
      return said()?.envelope ?? ''
    },
    async [Symbol.asyncDispose]() {
      for (const each of [ear, mouth]) each.disconnect()
      await nodes[Symbol.asyncDispose]()
    },
  }
}

type Wiretapped = Awaited<ReturnType<typeof wiretapped>>

const OTHER_KEY = 'ab'.repeat(32)

describe('what no node of the cluster says is counted, and nobody hears it', () => {
  const forgeries: Record<string, (tapped: Wiretapped) => Promise<[channel: string, envelope: string]>> = {
    'nothing at all': async () => ['room:1', ''],
    'a text without a MAC': async () => ['room:1', '{"type":"room.missed","roomId":1}'],
    'a MAC of zeros': async ({ joon }) => ['room:1', `${'A'.repeat(43)}${joon.relay.node}${'9'.repeat(16)}x`],
    'a MAC that is no ASCII': async ({ joon }) => ['room:1', `${'안'.repeat(43)}${joon.relay.node}${'9'.repeat(16)}x`],
    'another key': async ({ joon }) => [
      'room:1',
      new Envelopes(OTHER_KEY, joon.relay.node).seal('room:1', 'x', Date.now()),
    ],
    'a word of another channel': async ({ overhear }) => ['room:1', await overhear('room:2', 'x')],
    'a word that was cut': async ({ overhear }) => ['room:1', (await overhear('room:1', 'hello')).slice(0, -1)],
    'a word that goes on': async ({ overhear }) => ['room:1', `${await overhear('room:1', 'hello')}!`],
    'a word of a later time': async ({ overhear }) => {
      const envelope = await overhear('room:1', 'hello')
      return ['room:1', `${envelope.slice(0, 59)}9${envelope.slice(60)}`]
    },
    'a word that makes the same text with another place': async ({ minji, joon, overhear }) => {
      // Said to a node of which there is none, by whoever may choose its name: the first part of that is the victim's.
      const victim = nodeChannel(minji.relay.node)
      const rest = `\n${joon.relay.node}${'9'.repeat(16)}`
      return [victim, (await overhear(victim + rest, '{}')).slice(0, 43) + rest.slice(1)]
    },
    'a command to this node by another key': async ({ minji, joon }) => {
      const channel = nodeChannel(minji.relay.node)
      return [channel, new Envelopes(OTHER_KEY, joon.relay.node).seal(channel, 'x', Date.now())]
    },
    'its own word of being there by another key': async ({ minji }) => {
      const channel = `beat:${minji.relay.node}:0`
      return [channel, new Envelopes(OTHER_KEY, minji.relay.node).seal(channel, '', Date.now())]
    },
  }

  test.each(Object.entries(forgeries))('%s', async (_name, forge) => {
    await using tapped = await wiretapped()
    const { minji, joon } = tapped
    const [channel, envelope] = await forge(tapped)
    await tapped.say(channel, envelope)
    await until(() => minji.forged === 1, 'counts it')
    await minji.catchUp(joon)
    expect(minji.heard.filter((word) => word !== 'room:1 hello')).toEqual([])
    expect([minji.forged, joon.forged]).toEqual([1, 0])
  })

  test('in its own name: not looked at, since what it has said itself comes back as well', async () => {
    await using tapped = await wiretapped()
    const { nodes, minji, joon } = tapped
    const forged = new Envelopes(nodes.clusterKey, minji.relay.node).seal('room:1', 'x', Date.now())
    await tapped.say('room:1', forged)
    await minji.catchUp(joon)
    expect([minji.heard, minji.forged]).toEqual([[], 0])
  })
})

describe('what was said once is not heard twice', () => {
  const hearsOnce = async (tapped: Wiretapped, channel: string, text: string) => {
    const { minji, joon } = tapped
    const envelope = await tapped.overhear(channel, text)
    await minji.hears(`${channel} ${text}`)
    for (let times = 1; times <= 3; times++) {
      const before = minji.forged
      await tapped.say(channel, envelope)
      await until(() => minji.forged === before + 1, 'counts it')
      await minji.catchUp(joon)
    }
    expect(minji.heard.filter((word) => word === `${channel} ${text}`)).toHaveLength(1)
  }

  test('a command to a node', async () => {
    await using tapped = await wiretapped()
    await hearsOnce(tapped, nodeChannel(tapped.minji.relay.node), 'send it')
  })

  test('a hint', async () => {
    await using tapped = await wiretapped()
    await hearsOnce(tapped, 'room:1', 'look')
  })

  test('a hint that was said before another one, also when it was not heard then', async () => {
    await using tapped = await wiretapped()
    const { minji } = tapped
    const missed = await tapped.overhear('room:2', 'missed')
    const heard = await tapped.overhear('room:1', 'heard')
    await minji.hears('room:1 heard')
    await minji.relay.listen('room:2')
    await tapped.say('room:2', missed)
    await tapped.say('room:1', heard)
    await until(() => minji.forged === 2, 'counts both')
    expect(minji.heard).toEqual(['room:1 heard'])
  })

  test('whatever the clock of a node does, its words go on being heard', () => {
    const key = 'cd'.repeat(32)
    const [minji, joon] = [new Envelopes(key, '1'.repeat(16)), new Envelopes(key, '2'.repeat(16))]
    const [now, hour] = [Date.now(), 3_600_000]
    const said: string[] = []
    for (const at of [now, now, now + hour, now - hour, now]) {
      const envelope = joon.seal('room:1', 'x', at)
      said.push(envelope)
      expect(minji.open('room:1', envelope, 0)).toMatchObject({ node: '2'.repeat(16), text: 'x' })
    }
    for (const envelope of said) expect(minji.open('room:1', envelope, 0)).toBeUndefined()
  })
})

test('a board shows only what a node of the cluster has written, where it has written it', async () => {
  await using tapped = await wiretapped()
  const { minji, joon, mouth, nameOf } = tapped
  const reads = async (member: Member, ...keys: string[]) =>
    (await member.relay.read('people', keys)).map(([text]) => text)
  joon.relay.post('people', 'joon', 'here')
  await until(async () => (await reads(minji, 'joon'))[0] === 'here')
  const hash = nameOf('').replace('{0}', `people:${joon.relay.node}`)
  const honest = (await mouth.hget(hash, 'joon')) ?? ''
  for (const [key, text] of Object.entries({ eve: honest, adam: 'here', '': '', long: 'x'.repeat(100) })) {
    await mouth.hset(hash, key, text)
  }
  expect(await reads(minji, 'eve', 'joon', 'adam', '', 'long')).toEqual([
    undefined,
    'here',
    undefined,
    undefined,
    undefined,
  ])
})

test('what is for one node alone can be read by it alone', async () => {
  await using tapped = await wiretapped()
  const { minji } = tapped
  const channel = nodeChannel(minji.relay.node)
  const envelope = await tapped.overhear(channel, '{"token":"pls_secret"}')
  await minji.hears(`${channel} {"token":"pls_secret"}`)
  for (const encoding of ['base64', 'utf8'] as const)
    expect(Buffer.from(envelope.slice(75), encoding).toString()).not.toContain('secret')
})

test('clusters of one key on other databases of a Redis do not hear each other', async () => {
  const key = 'ab'.repeat(32)
  const [one, other] = [0, 1].map((db) => new Envelopes(key, '0'.repeat(16), db))
  expect(one?.prefix).not.toBe(other?.prefix)
})

test('nothing that travels or is kept tells the key, and the name of the cluster does not either', async () => {
  await using tapped = await wiretapped()
  const envelope = await tapped.overhear('room:1', 'x')
  const kept = await redis.command('KEYS', '*')
  const key = Buffer.from(tapped.nodes.clusterKey, 'hex')
  for (const form of [key.toString('hex'), key.toString('base64'), key.toString('base64url')]) {
    expect(`${envelope} ${kept}`).not.toContain(form)
  }
})
