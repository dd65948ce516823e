import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { SQL } from 'bun'
import { migratePostgres } from '../src/storage/postgres/migrate.ts'
import { openPostgres } from '../src/storage/postgres/open.ts'
import { App, type Door } from './support/app-client.ts'
import { ClusterNode } from './support/cluster.ts'
import { runCommand } from './support/command.ts'
import { blockWith, FrontDoor, variablesOf, Workplace } from './support/guide.ts'
import { openOverHttp } from './support/http-stream.ts'
import { Person } from './support/person.ts'
import { startPgBouncer } from './support/pgbouncer.ts'
import { TestPostgres } from './support/postgres.ts'
import { TestRedis, until } from './support/redis.ts'
import { signUp, startParley } from './support/server.ts'
import { roomIn } from './support/storage.ts'

// docs/cluster.md promises that its configuration and its commands are run here, with other addresses.

setDefaultTimeout(120_000)

const REDIS_ACL = blockWith('user parley on')
const ADMIN = ['--user', 'default', '-a', 'admin-password'] as const

const everywhere = variablesOf(blockWith('# /etc/parley/parley.env\nDATABASE_URL'))
const ofNodeOne = variablesOf(blockWith('# /etc/parley/one.env'))

const place = new Workplace()
let postgres: TestPostgres
let redis: TestRedis
let env: Record<string, string>
let nodes: [ClusterNode, ClusterNode]
const tlsChecks = process.env.NODE_TLS_REJECT_UNAUTHORIZED ?? ''

beforeAll(async () => {
  // The proxy of the guide ends TLS, here with a certificate of its own making.
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
  ;[postgres, redis] = await Promise.all([TestPostgres.start(), startRedis()])
  await createDatabase()
  env = {
    ...everywhere,
    ...ofNodeOne,
    PARLEY_HOST: '127.0.0.1',
    PARLEY_TRUSTED_PROXIES: '127.0.0.1',
    DATABASE_URL: moved(everywhere.DATABASE_URL, postgres.port).replace('?sslmode=verify-full', ''),
    REDIS_URL: moved(everywhere.REDIS_URL, redis.port),
  }
  nodes = [new ClusterNode(place.dir, env), new ClusterNode(place.dir, env)]
  await Promise.all(nodes.map((node) => node.start()))
  await allReady()
})
afterAll(async () => {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = tlsChecks
  await Promise.all((nodes ?? []).map((node) => node.stop()))
  const sessions = "SELECT pid FROM pg_stat_activity WHERE application_name = 'parley'"
  await until(async () => (await postgres?.run(sessions))?.length === 0, 'PostgreSQL has noticed that they are gone')
  await redis?.[Symbol.asyncDispose]()
  await postgres?.[Symbol.asyncDispose]()
  place[Symbol.dispose]()
})

/** The same URL on this machine. */
const moved = (url = '', port = 0) => url.replace(/@[^/?]+/, `@127.0.0.1:${port}`)

function startRedis(): Promise<TestRedis> {
  const lines = blockWith('# /etc/redis/redis.conf', { '/etc/redis/users.acl': place.file('users.acl', REDIS_ACL) })
  const settings = [...lines.matchAll(/^([a-z]\S+) (.*)$/gm)].filter(([, name]) => name !== 'bind')
  return TestRedis.start({
    args: settings.flatMap(([, name, value = '']) => [
      `--${name}`,
      ...value.split(' ').map((word) => word.replace('""', '')),
    ]),
  })
}

/** Where the tests' own superuser is called parley. */
async function createDatabase() {
  const commands = blockWith('createuser')
    .replaceAll(/parley$/gm, 'guide')
    .replace('--owner parley', '--owner guide')
  const server = { PGHOST: '127.0.0.1', PGPORT: String(postgres.port), PGUSER: 'parley' }
  await place.run(commands, server, 'long-password\nlong-password\n')
  everywhere.DATABASE_URL = everywhere.DATABASE_URL?.replace('//parley', '//guide').replace('/parley', '/guide') ?? ''
}

const isReady = async (node: ClusterNode) => (await node.ready().catch(() => '')) === '200 ok'
const allReady = () => Promise.all(nodes.map((node) => until(() => isReady(node), 'it stores and hears the others')))

async function metric({ url }: Door, name: string): Promise<number> {
  const headers = { authorization: `Bearer ${env.PARLEY_METRICS_TOKEN}` }
  const text = await (await fetch(`${url}/metrics`, { headers })).text()
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1) ?? 0,
  )
}

const connections = () => Promise.all(nodes.map((node) => metric(node, 'parley_connections')))
const nobodyIsConnected = () => until(async () => (await connections()).join() === '0,0', 'nobody is connected')

/** Two people with a room between them, who know no other address than the proxy's. */
async function pairAt(door: Door) {
  // A proxy that has found both nodes slow to say that they are ready answers by itself for a moment.
  await until(async () => (await fetch(`${door.url}/livez`)).ok, 'the proxy leads to a node')
  const [owner, customer] = [
    new Person(door, await signUp(door.url, 'Minji')),
    new Person(door, await signUp(door.url, 'Joon')),
  ]
  const { id: roomId } = await customer.openRoom((await owner.offer('Road bike')).id)
  return { owner, customer, roomId }
}

describe.each(['nginx', 'caddy'] as const)('behind %s', (program) => {
  let proxy: FrontDoor
  beforeAll(async () => {
    const addresses = nodes.map(({ url }) => new URL(url).host) as [string, string]
    proxy = await FrontDoor[program](place, addresses)
  })
  afterAll(() => proxy[Symbol.asyncDispose]())

  test('two people come to different nodes, and talk; a node that dies loses nothing, and gets people again', async () => {
    const { owner, customer, roomId } = await pairAt(proxy)
    using minji = await App.open(proxy, owner)
    using joon = await App.open(proxy, customer)
    expect(await connections()).toEqual([1, 1])
    const [hers, his] = [await minji.room(roomId), await joon.room(roomId)]
    await minji.send(roomId, 'Is it still there?')
    await joon.send(roomId, 'Yes.')
    for (const room of [hers, his]) expect(await room.texts(2)).toEqual(['Is it still there?', 'Yes.'])
    using plain = await customer.connect(roomId, '?after=0')
    expect((await plain.take(2)).map(({ message }) => message)).toEqual(['Is it still there?', 'Yes.'])
    plain.close()

    await nodes[0].stop('SIGKILL')
    await Promise.race([minji.losses.reached(1), joon.losses.reached(1)])
    await minji.send(roomId, 'And now?', 'c-1')
    await joon.send(roomId, 'Still.', 'c-2')
    for (const room of [hers, his]) expect((await room.texts(4)).slice(2)).toEqual(['And now?', 'Still.'])
    expect(await metric(nodes[1], 'parley_connections')).toBeGreaterThanOrEqual(2)

    await nodes[0].start()
    await allReady()
    const comesBack = async () => {
      using _ = await App.open(proxy, owner)
      return (await metric(nodes[0], 'parley_connections')) > 0
    }
    await until(comesBack, 'the node that is back gets people')
  })

  test('over HTTP a command reaches the node on which its client is', async () => {
    const { owner, customer, roomId } = await pairAt(proxy)
    await nobodyIsConnected()
    using minji = await openOverHttp(proxy, owner)
    const other = (await connections())[0] === 1 ? nodes[1] : nodes[0]
    const passedOn = () => metric(other, 'parley_http_requests_total{route="/emulation",status="204"}')
    const before = await passedOn()
    const hers = await minji.room(roomId)
    await minji.send(roomId, 'one')
    await customer.send(roomId, 'two')
    expect(await hers.texts(2)).toEqual(['one', 'two'])
    expect(await passedOn()).toBeGreaterThan(before)
  })

  test('the address of a person is what the proxy saw, whatever they say', async () => {
    await fetch(`${proxy.url}/api/me`, { headers: { 'x-forwarded-for': '203.0.113.66' } })
    const log = nodes.map(({ text }) => text).join('')
    expect(log).toContain('"ip":"127.0.0.1"')
    expect(log).not.toContain('203.0.113.66')
  })
})

test('a rolling restart, while two people talk: each message comes once, in order', async () => {
  await using proxy = await FrontDoor.nginx(place, nodes.map(({ url }) => new URL(url).host) as [string, string])
  const { owner, customer, roomId } = await pairAt(proxy)
  using minji = await App.open(proxy, owner)
  using joon = await App.open(proxy, customer)
  const [hers, his] = [await minji.room(roomId), await joon.room(roomId)]
  using control = Bun.serve({
    port: 0,
    async fetch({ url }) {
      const node = nodes[url.endsWith('one') ? 0 : 1] as ClusterNode
      expect(await node.stop('SIGTERM')).toBe(0)
      await node.start()
      return new Response()
    },
  })
  place.program('systemctl', `curl -sf ${control.url}$1/$2`)
  for (const [at, name] of ['one', 'two'].entries()) {
    const { port } = new URL(nodes[at]?.url ?? '')
    place.file(`${name}.env`, `PARLEY_HOST=127.0.0.1\nPARLEY_PORT=${port}\n`)
  }
  let isOver = false
  const restarted = place.run(blockWith('for node in one two', { '/etc/parley/': `${place.dir}/` })).finally(() => {
    isOver = true
  })
  const said: string[] = []
  while (!isOver || said.length < 20) {
    const [text, speaker] = [`${said.length}`, said.length % 2 ? joon : minji]
    // Whoever is told to come back sends again, with the same id.
    await until(() =>
      speaker.send(roomId, text, `r-${text}`).then(
        () => true,
        () => false,
      ),
    )
    said.push(text)
    await Bun.sleep(20)
  }
  await restarted
  for (const room of [hers, his]) expect(await room.texts(said.length)).toEqual(said)
  expect([...minji.losses.items, ...joon.losses.items].map(({ code }) => code)).toContain(3001)
})

test('a dump and its restoring: what was there is there, and the epoch is another', async () => {
  const url = { DATABASE_URL: await postgres.createDatabase() }
  await using database = connectTo(url)
  const facts = async () => Object.fromEntries((await database`SELECT key, value FROM meta`.values()) as string[][])
  const { epoch, cluster_key } = await facts()
  await place.run(blockWith('pg_dump'), url)
  await database`UPDATE meta SET value = 'another' WHERE key = 'cluster_key'`
  await place.run(blockWith('pg_restore'), url)
  expect(await place.run('parley migrate', url)).toBe('up to date\n')
  expect(await facts()).toEqual({ epoch: expect.stringMatching(/^[0-9a-f]{16}$/), cluster_key })
  expect((await facts()).epoch).not.toBe(epoch)
})

const connectTo = ({ DATABASE_URL: url }: { DATABASE_URL: string }) =>
  new SQL({ url, database: new URL(url).pathname.slice(1), max: 1 })

test('Redis lets the nodes do all that they do, and nothing else', async () => {
  // With database 0, and before Redis 7.2, nothing at all is refused.
  const log = await redis.command(...ADMIN, 'ACL', 'LOG')
  expect(
    [...log.matchAll(/^object\n(.*)$/gm)].map(([, what]) => what).filter((what) => what !== 'client|setinfo'),
  ).toEqual([])
  const asParley = (...command: string[]) => redis.command('--user', 'parley', '-a', 'long-password', ...command)
  for (const command of [
    ['GET', 'other'],
    ['PUBLISH', 'other', 'x'],
    ['KEYS', '*'],
    ['FLUSHALL'],
    ['CLIENT', 'KILL', 'TYPE', 'normal'],
    ['EVAL', "return redis.call('PUBLISH', 'other', 'x')", '0'],
  ]) {
    const refused = await asParley(...command).catch(({ message }: Error) => message)
    expect(refused).toMatch(/NOPERM|can't publish/)
  }
})

test('what is to be watched is measured', async () => {
  const headers = { authorization: `Bearer ${env.PARLEY_METRICS_TOKEN}` }
  const text = await (await fetch(`${nodes[0].url}/metrics`, { headers })).text()
  const names = new Set(blockWith('ParleyNodeDown').match(/parley_[a-z_]+/g))
  expect([...names].filter((name) => !text.includes(`${name} `) && !text.includes(`${name}{`))).toEqual([])
})

describe('behind PgBouncer', () => {
  const settings = blockWith('ignore_startup_parameters')

  test('a node does its work with these settings', async () => {
    await using bouncer = await startPgBouncer(await postgres.createDatabase('template1'), settings)
    await migratePostgres(bouncer.url, { check: false })
    const storage = await openPostgres({ url: bouncer.url, durability: 'full', now: () => 1 })
    const { roomId, customer } = await roomIn(storage)
    const draft = {
      roomId,
      sender: { id: customer.id, username: customer.username },
      text: 'hi',
      clientId: null,
      at: 1,
    }
    expect((await storage.messages.append(draft)).message.seq).toBe(1)
    expect(await storage.messages.lastSeq(roomId)).toBe(1)
    expect(await storage.probe()).toBe(true)
    await storage.close()
  })

  test.each([
    ['that shares sessions', settings.replace('= session', '= transaction'), /Set pool_mode = session there/],
    ['that knows none of them', 'pool_mode = session', /Set ignore_startup_parameters there/],
  ])('%s it is told what to set', async (_, lines, advice) => {
    await using bouncer = await startPgBouncer(await postgres.createDatabase(), lines)
    const refused = await runCommand(['serve', '--port', '0', '--database-url', bouncer.url], { dataDir: place.dir })
    expect(refused).toMatchObject({ code: 78, err: expect.stringMatching(advice) })
  })
})

describe('from SQLite to PostgreSQL', () => {
  test('cut short and gone on with, it ends with all there is; apps go on as if nothing had been', async () => {
    const dataDir = join(place.dir, 'shop')
    const shop = await startParley({ dataDir, env: { PARLEY_LIMITS: 'off' } })
    const { owner, customer, roomId } = await pairAt(shop)
    using minji = await App.open(shop, owner)
    // More than one page of the copy.
    for (let from = 0; from < 1100; from += 220) {
      await Promise.all(Array.from({ length: 220 }, (_, at) => minji.send(roomId, `${from + at} 네!`)))
    }
    const hers = await minji.room(roomId)
    await shop.stop('SIGTERM')

    const url = { DATABASE_URL: await postgres.createDatabase() }
    const commands = blockWith('parley migrate --from', { '/var/lib/parley': dataDir })
    place.program('systemctl', ':')
    await cutShort(commands, url)
    const ending = blockWith('copied, and every row compared', { '/var/lib/parley': dataDir })
    expect(await place.run(commands, url)).toBe(ending)

    const { port } = new URL(shop.url)
    await using _ = await startParley({
      dataDir: place.dir,
      env: { ...env, ...url, PARLEY_PORT: port },
      args: ['--port', port],
    })
    await hers.places.reached(2)
    expect(hers.places.last).toMatchObject({ wasRecovering: true, recovered: true })
    await customer.send(roomId, 'after the move')
    expect(await hers.texts(1)).toEqual(['after the move'])
  })

  /** Its first page of messages is stored, and it is killed within the second one. */
  async function cutShort(commands: string, url: { DATABASE_URL: string }) {
    await using database = connectTo(url)
    await database.unsafe(`CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN IF NEW.id = 1050 THEN PERFORM pg_advisory_lock(1); END IF; RETURN NEW; END'`)
    await database`CREATE TRIGGER hold BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION hold()`
    await database`SELECT pg_advisory_lock(1)`
    const copy = place.spawn(commands.replace('parley migrate', 'exec parley migrate'), url)
    const held = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory'"
    await until(async () => (await database.unsafe(held)).length > 0, 'the copy is within its second page')
    copy.kill('SIGKILL')
    await copy.exited
    await database.unsafe(`SELECT pg_terminate_backend(pid) FROM (${held}) AS copies`)
    await database`DROP FUNCTION hold CASCADE`
    const [stored] = await database`SELECT count(*)::int AS rows FROM messages`
    expect(stored).toEqual({ rows: 1000 })
  }
})
