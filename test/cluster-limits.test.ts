import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { type Cluster, startCluster } from './support/cluster.ts'
import type { Person } from './support/person.ts'
import { until } from './support/redis.ts'
import { signIn } from './support/server.ts'

// One limit for all nodes: each tells the others, twice a second, what was taken from it.

setDefaultTimeout(60_000)

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster[Symbol.asyncDispose]())

const [here, there] = [() => cluster.node(0), () => cluster.node(1)]

/** Resolves when the second node has heard something that was said from now on, which nobody else says here. */
async function somethingHeard(): Promise<void> {
  const before = await there().metric('parley_hint_lag_seconds_count')
  await until(async () => (await there().metric('parley_hint_lag_seconds_count')) > before)
}

async function send(person: Person, roomId: number): Promise<number> {
  const { status } = await person.post(`/api/rooms/${roomId}/messages`, { text: 'hi' })
  return status
}

/** How many of so many sends at once were let through. */
async function flood(person: Person, roomId: number, count: number): Promise<number> {
  const all = await Promise.all(Array.from({ length: count }, () => send(person, roomId)))
  return all.filter((status) => status === 201).length
}

test('[LV16] whoever has sent all they may through one node gets no second burst from the other', async () => {
  const { owner, roomId } = await cluster.pair()
  const heard = somethingHeard()
  const startedAt = performance.now()
  expect(await flood(owner, roomId, 60)).toBeGreaterThanOrEqual(20)
  await heard
  // Half a burst is known to one node alone; and there is what has come back since, five a second.
  const left = await flood(owner.at(there()), roomId, 60)
  const refilled = ((performance.now() - startedAt) / 1000) * 5
  expect(left).toBeLessThanOrEqual(Math.ceil(10 + refilled))
})

test('[LV16] a flood through both nodes at once is stored no faster than five a second, after a burst on each', async () => {
  const { customer: joon, roomId } = await cluster.pair()
  const startedAt = performance.now()
  const seconds = () => (performance.now() - startedAt) / 1000
  let stored = 0
  const pour = async (person: Person) => {
    while (seconds() < 6) {
      if ((await send(person, roomId)) === 201) stored += 1
      else await Bun.sleep(20)
    }
  }
  await Promise.all(cluster.nodes.map((node) => pour(joon.at(node))))
  // By themselves they would store 100 in six seconds.
  expect(stored).toBeLessThanOrEqual(2 * 20 + 5 * seconds() + 10)
  expect(stored).toBeGreaterThanOrEqual(40)
})

test('an address that has signed in wrongly thirty times on one node may not on the other either', async () => {
  const minji = await cluster.person('Minji')
  const wrong = { email: minji.email, password: 'not the right one' }
  const first = await Promise.all(Array.from({ length: 30 }, () => signIn(here().url, wrong)))
  expect(new Set(first.map(({ status }) => status))).toEqual(new Set([401]))
  let tries = 0
  for (; (await signIn(there().url, wrong)).status === 401; tries++) await Bun.sleep(200)
  // By itself the other node would take thirty, too.
  expect(tries).toBeLessThan(20)
  expect((await signIn(there().url, minji)).status).toBe(429)
})
