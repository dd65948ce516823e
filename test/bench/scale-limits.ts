import { databaseOf } from './scale-database.ts'
import type { Design, Inputs } from './scale-inputs.ts'
import { relayOf, stormOf } from './scale-relay.ts'
import { cpuOf, meanLoad, memoryMib, nodesFor, sum } from './scale-traffic.ts'

/** Something that ends: what so many people take of it, and how much there is. */
export interface Limit {
  name: string
  unit: string
  capacity: number
  use: (people: number) => number
}

/** One process on one machine with SQLite. Behind a proxy on that machine, unless it terminates TLS itself. */
export function limitsOfOne(inputs: Inputs): Limit[] {
  const load = (people: number) => meanLoad(inputs, people, 1)
  const stored = (people: number) => databaseOf(inputs, people, 1)
  return [
    limit('ports of the proxy to 127.0.0.1:8000', 'sockets', 28_232, (people) => load(people).sockets),
    limit('a disk of 200 GB, one year kept', 'GB', 200, (people) => (stored(people).bytesADay * 365) / 1e9),
    limit('all back after a restart within 60 s', 's', 60, (people) => load(people).sockets / inputs.backAfterRestart),
    limit('LimitNOFILE of the unit', 'sockets', 65_536, (people) => load(people).sockets),
    limit('CPU of the process, half of a core', 'cores', inputs.cpuTarget, (people) => cpuOfOne(inputs, people)),
    limit('memory of 2 GiB', 'MiB', 2048, (people) => memoryMib(inputs, load(people))),
  ]
}

const limit = (name: string, unit: string, capacity: number, use: Limit['use']): Limit => ({
  name,
  unit,
  capacity,
  use,
})

const cpuOfOne = (inputs: Inputs, people: number) =>
  sum(cpuOf(inputs, { presence: 'each node', limits: 'everyone' }, meanLoad(inputs, people, 1), 1))

type NodesAt = (people: number) => number

/** Nodes as many as it takes, one PostgreSQL, one Redis. */
export function limitsOfCluster(inputs: Inputs, design: Design): Limit[] {
  const nodesAt = (people: number) => nodesFor(inputs, design, people)
  return [...ofNodes(inputs, design, nodesAt), ...ofRelay(inputs, design, nodesAt), ...ofDatabase(inputs, nodesAt)]
}

function ofNodes(inputs: Inputs, design: Design, nodesAt: NodesAt): Limit[] {
  const part = (name: 'presence' | 'limits', people: number) =>
    cpuOf(inputs, design, meanLoad(inputs, people, nodesAt(people)), nodesAt(people))[name]
  return [
    limit('node: who is here, a tenth of a core', 'cores', 0.1, (people) => part('presence', people)),
    limit('node: exchange of limits, a tenth of a core', 'cores', 0.1, (people) => part('limits', people)),
  ]
}

function ofRelay(inputs: Inputs, design: Design, nodesAt: NodesAt): Limit[] {
  const relay = (people: number) => relayOf(inputs, design, people, nodesAt(people))
  const { redisTarget: target, deafSeconds } = inputs
  const subscribed = 'Redis: all subscribed again before they count as deaf'
  return [
    limit(subscribed, 's', deafSeconds, (people) => relay(people).subscribingSeconds),
    limit('Redis: hints, half of a core', 'cores', target, (people) => relay(people).hintCores),
    limit('Redis: subscribing, posting, half of a core', 'cores', target, (people) => relay(people).moveCores),
    limit('Redis: who is here, half of a core', 'cores', target, (people) => relay(people).presenceCores),
    limit('Redis: exchange of limits, half of a core', 'cores', target, (people) => relay(people).gossipCores),
    limit('Redis: exchange of limits, 1 Gbit/s', 'MiB/s', 119, (people) => relay(people).gossipMib),
    limit('Redis: memory of subscriptions, 4 GiB', 'GiB', 4, (people) => gib(inputs, relay(people).subscriptions)),
  ]
}

function ofDatabase(inputs: Inputs, nodesAt: NodesAt): Limit[] {
  const { pgCores, pgTarget, storageTib, walMibASecond, pgConnections } = inputs
  const stored = (people: number) => databaseOf(inputs, people, nodesAt(people))
  const storm = (people: number) => stormOf(inputs, people, nodesAt(people), 2).pgCores
  const cpu = `PostgreSQL: CPU, ${pgCores} cores at 60 %`
  return [
    limit(cpu, 'cores', pgCores * pgTarget, (people) => sum(stored(people).cores)),
    limit(`PostgreSQL: ${storageTib} TiB`, 'TiB', storageTib, (people) => stored(people).storedTib),
    limit('PostgreSQL: WAL at the peak', 'MiB/s', walMibASecond, (people) => sum(stored(people).wal)),
    limit('PostgreSQL: connections', '', pgConnections, (people) => stored(people).connections),
    limit('PostgreSQL: vacuum of rooms, a worker all day', 'share', 1, (people) => stored(people).vacuum.duty),
    limit('PostgreSQL: indexes of rooms grow before a vacuum', 'GiB', 64, (people) => stored(people).vacuum.bloatGib),
    limit('PostgreSQL: a node dies, back in 2 s', 'cores', pgCores, storm),
  ]
}

const gib = (inputs: Inputs, subscriptions: number) => (subscriptions * inputs.subscriptionBytes) / 2 ** 30

/** The number of people at which it is used up. Use grows with people, and between steps of nodes hardly falls. */
export function breaksAt({ capacity, use }: Limit): number {
  let [low, high] = [100, 1e10]
  if (use(high) < capacity) return Number.POSITIVE_INFINITY
  for (let step = 0; step < 60; step += 1) {
    const middle = Math.sqrt(low * high)
    if (use(middle) < capacity) low = middle
    else high = middle
  }
  return high
}
