import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { AdminKey, Figures, KeyGrant, LoggedError, Setting } from '../src/admin/model.ts'
import { SAMPLE_MS, Samples } from '../src/admin/samples.ts'
import { RecentLines } from '../src/lib/log.ts'
import { adminOf, deedsOn, told } from './support/admin.ts'
import { runCommand } from './support/command.ts'
import { personBy } from './support/marketplace.ts'
import type { Person } from './support/person.ts'
import { type RunningParley, startParley } from './support/server.ts'

const METRICS_TOKEN = 'correct-horse-battery-staple'
let parley: RunningParley
let admin: Person

beforeAll(async () => {
  parley = await startParley({ env: { PARLEY_METRICS_TOKEN: METRICS_TOKEN, PARLEY_LIMITS: 'off' } })
  admin = await adminOf(parley)
})
afterAll(() => parley[Symbol.asyncDispose]())

describe('figures', () => {
  test('are of now, and of the time before', async () => {
    const { owner, customer, roomId } = await parley.pair()
    using _ = await owner.connect(roomId)
    using socket = await customer.connect(roomId)
    socket.send({ message: 'hello' })
    await socket.next()
    const figures = () => told<Figures>(admin.get('/api/admin/figures'))
    const before = await figures()
    expect(before.now).toMatchObject({
      ...{ connections: 2, people: 2, liveRooms: 1, messagesTotal: 1, relay: 'alone', version: expect.any(String) },
      storage: { engine: expect.stringContaining('SQLite'), ok: true, problem: null },
    })
    expect(before.now.rssBytes).toBeGreaterThan(10_000_000)
    // One is taken every five seconds; that of the message tells of its commit.
    let after = before
    while (!after.history.some(({ commitP99Ms }) => commitP99Ms > 0)) {
      await Bun.sleep(50)
      after = await figures()
    }
    expect(after.everyMs).toBe(SAMPLE_MS)
    expect(Object.keys(after.history[0] ?? {}).toSorted()).toEqual(
      [
        ...['at', 'commitP50Ms', 'commitP99Ms', 'connections', 'eventLoopLagMs', 'liveRooms', 'messagesPerSecond'],
        ...['people', 'rssBytes', 'writesWaiting'],
      ].toSorted(),
    )
  })

  test('are kept for a quarter of an hour, five seconds each', () => {
    let [at, messages] = [0, 0]
    const samples = new Samples({ now: () => at, uptime: () => at })
    samples.watch(() => ({ connections: 1, people: 1, liveRooms: 1, messages, writesWaiting: 0, rssBytes: 1 }))
    for (let ms = 1; ms <= 1000; ms++) samples.onCommit(ms / 10)
    samples.onCommit(0)
    samples.tick(7)
    expect(samples.history).toEqual([])
    for (let tick = 0; tick < 181; tick++) {
      at += SAMPLE_MS
      messages += 10
      samples.tick(tick)
    }
    expect(samples.history).toHaveLength(180)
    expect(samples.history.map((each) => Date.parse(each.at))).toEqual(
      Array.from({ length: 180 }, (_, n) => (n + 2) * SAMPLE_MS),
    )
    expect(samples.history[0]).toMatchObject({
      messagesPerSecond: 2,
      commitP50Ms: 0,
      commitP99Ms: 0,
      eventLoopLagMs: 1,
    })
  })

  test('tell the median and the tail of the commits to a twentieth', () => {
    let at = 0
    const samples = new Samples({ now: () => at, uptime: () => at })
    for (let ms = 1; ms <= 1000; ms++) samples.onCommit(ms / 10)
    at += SAMPLE_MS
    samples.tick(3)
    const [sample] = samples.history
    expect(sample?.commitP50Ms).toBeWithin(47.5, 52.5)
    expect(sample?.commitP99Ms).toBeWithin(94, 104)
    expect(samples.now()).toMatchObject({ commitP50Ms: sample?.commitP50Ms ?? 0, eventLoopLagMs: 3 })
  })
})

describe('keys', () => {
  test('are made, shown once, listed and revoked', async () => {
    const scopes = ['products', 'users']
    const made = await told<KeyGrant>(admin.post('/api/admin/keys', { name: 'shop', scopes }), 201)
    expect(made.key).toMatch(/^plk_[\w-]{43}$/)
    expect(made).toMatchObject({ name: 'shop', scopes, lastUsedAt: null, revokedAt: null })
    const shop = personBy(parley, made.key)
    expect((await shop.get('/api/products')).status).toBe(200)
    expect((await admin.post('/api/admin/keys', { name: 'shop', scopes })).status).toBe(409)
    for (const body of [
      { name: 'x', scopes: [] },
      { name: 'x', scopes: ['all'] },
      { name: '', scopes },
      { name: 'x\ny', scopes },
    ]) {
      expect((await admin.post('/api/admin/keys', body)).status).toBe(422)
    }
    const listed = async () => (await told<{ items: AdminKey[] }>(admin.get('/api/admin/keys'))).items
    expect(JSON.stringify(await listed())).not.toContain(made.key.slice(4))
    expect(await listed()).toMatchObject([{ id: made.id, name: 'shop', revokedAt: null }])
    await told(admin.call('DELETE', `/api/admin/keys/${made.id}`), 204)
    expect((await shop.get('/api/products')).status).toBe(401)
    expect((await admin.call('DELETE', `/api/admin/keys/${made.id}`)).status).toBe(404)
    expect(await listed()).toMatchObject([{ id: made.id, revokedAt: expect.any(String) }])
    await runCommand(['key', 'create', '--name', 'other'], parley)
    await runCommand(['key', 'revoke', 'other'], parley)
    const [, other] = await listed()
    const deeds = [...(await deedsOn(admin, made.id)), ...(await deedsOn(admin, other?.id ?? ''))]
    expect(deeds.map(({ action, actor, details }) => [action, actor.kind, details])).toEqual([
      ['key.create', 'user', { name: 'shop' }],
      ['key.revoke', 'user', { name: 'shop' }],
      ['key.create', 'cli', { name: 'other' }],
      ['key.revoke', 'cli', { name: 'other' }],
    ])
  })
})

describe('settings and errors', () => {
  test('each setting has its value, its source and what it is; a secret is masked', async () => {
    const { items } = await told<{ items: Setting[] }>(admin.get('/api/admin/settings'))
    const { out } = await runCommand(['config', 'show'], parley)
    expect(items.map(({ key }) => key)).toEqual(
      out
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.split(' ')[0] ?? ''),
    )
    expect(items).toContainEqual({
      key: 'PARLEY_LIMITS',
      value: 'off',
      source: 'PARLEY_LIMITS',
      description: expect.stringContaining('rate limit'),
    })
    expect(items).toContainEqual(expect.objectContaining({ key: 'PARLEY_METRICS_TOKEN', value: '********' }))
    expect(items).toContainEqual(expect.objectContaining({ key: 'REDIS_URL', value: null, source: 'default' }))
    expect(JSON.stringify(items)).not.toContain('staple')
  })

  test('the warnings of the log are there, newest first', async () => {
    const { items } = await told<{ items: LoggedError[] }>(admin.get('/api/admin/errors'))
    const logged = parley.log.lines.filter(({ level }) => level === 'warn' || level === 'error')
    expect(logged).not.toBeEmpty()
    expect(items.map(({ fields, ...line }): object => ({ ...line, ...fields }))).toEqual(logged.toReversed())
  })

  test('the last hundred of them', () => {
    const recent = new RecentLines()
    for (let n = 0; n < 250; n++) recent.note({ time: '', level: n % 2 ? 'warn' : 'info', event: `e${n}`, fields: {} })
    expect([recent.list().length, recent.list()[0]?.event, recent.list().at(-1)?.event]).toEqual([100, 'e249', 'e51'])
  })
})
