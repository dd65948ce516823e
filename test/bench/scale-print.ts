import type { Inputs } from './scale-inputs.ts'
import { limitsOfOne } from './scale-limits.ts'
import { type Broken, broken, type Plan } from './scale-plan.ts'
import type { Quantiles } from './scale-random.ts'
import { PARTS, sum } from './scale-traffic.ts'

type Row = [name: string, of: (plan: Plan) => string]

export function printAll(inputs: Inputs, plans: Plan[]): void {
  table('A node, in the peak hour', plans, [
    ...NODE,
    ...PARTS.map(cpuRow),
    ['CPU, all', ({ cpu }) => percent(sum(cpu))],
  ])
  table('Redis, a second in the peak hour', plans, RELAY)
  table('PostgreSQL, in the peak hour', plans, DATABASE)
  table('Sizes', plans, SIZES)
  table('Uneven: average, p50, p99, greatest', plans, SKEW)
  table('A node dies, its people are back in 2 s, 10 s, 60 s', plans, STORMS)
  const one = broken(limitsOfOne(inputs), 10_000)
  breaks('One process with SQLite: what is used up, and by how many people', one, '10,000 use')
  for (const { people, nodes, breaks: list } of plans)
    if (nodes > 1) breaks(`${short(people)} people, ${nodes} nodes, one PostgreSQL, one Redis`, list, 'they use')
}

const NODE: Row[] = [
  ['nodes', ({ nodes }) => short(nodes)],
  ['sockets', ({ load }) => short(load.sockets)],
  ['live rooms', ({ load }) => short(load.liveRooms)],
  ['messages sent a second', ({ load }) => short(load.sent)],
  ['memory of the process, MiB', ({ memoryMib }) => short(memoryMib)],
  ['memory of the kernel for it, MiB', ({ kernelMib }) => short(kernelMib)],
]
const cpuRow = (part: (typeof PARTS)[number]): Row => [`CPU, ${part}`, ({ cpu }) => percent(cpu[part])]

const RELAY: Row[] = [
  ['hints published', ({ relay }) => short(relay.published)],
  ['hints delivered', ({ relay }) => short(relay.delivered)],
  ['MiB out', ({ relay }) => short(relay.hintMib)],
  ['subscribing and posting, a second', ({ relay }) => short(relay.moves)],
  ['cores for that', ({ relay }) => relay.moveCores.toFixed(2)],
  ['all subscribe anew, s of one shard', ({ relay }) => short(relay.subscribingSeconds / relay.shards)],
  ['cores for hints', ({ relay }) => relay.hintCores.toFixed(2)],
  ['shards for hints', ({ relay }) => short(relay.shards)],
  ['hints published a shard', ({ relay }) => short(relay.published / relay.shards)],
  ['subscriptions a shard', ({ relay }) => short(relay.subscriptions / relay.shards)],
  ['MiB to a node, with limits', ({ relay }) => relay.nodeMib.toFixed(2)],
  ['s that a node may stand still (32 MB)', ({ relay }) => short(relay.standsStill)],
  ['hashes of presence: EXPIREs', ({ relay }) => short(relay.refreshes)],
  ['… MiB', ({ relay }) => short(relay.statusMib)],
  ['HMGETs', ({ relay }) => short(relay.hmgets)],
  ['cores for them', ({ relay }) => relay.presenceCores.toFixed(2)],
  ['HMGETs of each node’s hash', ({ relay }) => short(relay.hmgetsAHash)],
  ['record of limits, bytes', ({ relay }) => short(relay.recordBytes)],
  ['records delivered, one channel', ({ relay }) => short(relay.gossipDelivered)],
  ['MiB out of them', ({ relay }) => short(relay.gossipMib)],
]

const DATABASE: Row[] = [
  ['messages a second', ({ database }) => short(database.sent)],
  ['marks a second', ({ database }) => short(database.marks)],
  ['commits a second', ({ database }) => short(database.transactions)],
  ['writes a commit', ({ database }) => database.batch.toFixed(2)],
  ['keys looked up by sweeps', ({ database }) => short(database.probes)],
  ['sweep queries, one a node and second', ({ nodes }) => short(nodes)],
  ['keys after a relay reconnect', ({ database }) => short(database.sweepKeys)],
  ['… core seconds of them', ({ database }) => short(database.sweepCoreSeconds)],
  ['unread of each person then: s a node', ({ database }) => short(database.compareSeconds)],
  ['… core seconds of them', ({ database }) => short(database.compareCoreSeconds)],
  ['cores: commits', ({ database }) => short(database.cores.commits ?? 0)],
  ['cores: inbox reads', ({ database }) => short(database.cores['inbox reads'] ?? 0)],
  ['cores: sweeps', ({ database }) => short(database.cores.sweeps ?? 0)],
  ['cores: visits, arrivals', ({ database: { cores } }) => short((cores.visits ?? 0) + (cores.arrivals ?? 0))],
  ['cores: polls of revocations', ({ database }) => short(database.cores.polls ?? 0)],
  ['cores, all', ({ database }) => short(sum(database.cores))],
  ['connections (pool × nodes)', ({ database }) => short(database.connections)],
  ['WAL: records, MiB/s', ({ database }) => short(database.wal.records)],
  ['WAL: whole pages, MiB/s', ({ database }) => short(database.wal.whole)],
  ['databases of this size needed', ({ databases }) => short(databases)],
]

const SIZES: Row[] = [
  ['messages a day', ({ database }) => short(database.rowsADay)],
  ['GB a day', ({ database }) => short(database.bytesADay / 1e9)],
  ['TiB kept', ({ database }) => short(database.storedTib)],
  ['… partitions of 64 GiB', ({ database }) => short(Math.ceil(database.storedTib * 16))],
  ['index of messages, GiB', ({ database }) => short(database.messageIndexGib)],
  ['rooms', ({ database }) => short(database.rooms)],
  ['rooms, GiB', ({ database }) => short(database.roomsGib)],
  ['indexes of rooms, GiB', ({ database }) => short(database.roomIndexGib)],
  ['dead rows of rooms a day', ({ database }) => short(database.vacuum.deadASecond * 86_400)],
  ['a vacuum due each, h', ({ database }) => short(database.vacuum.everySeconds / 3600)],
  ['a vacuum takes, h', ({ database }) => (database.vacuum.takesSeconds / 3600).toFixed(3)],
  ['growth of their indexes before it, GiB', ({ database }) => short(database.vacuum.bloatGib)],
]

const SKEW: Row[] = [
  ['sockets a node', ({ skew }) => spread(skew.sockets)],
  ['live rooms a node', ({ skew }) => spread(skew.liveRooms)],
  ['CPU of a node, %', ({ skew }) => spread(skew.cpu, 100)],
  ['sockets after a rolling restart, to 1', ({ skew, nodes }) => (nodes === 1 ? '–' : spread(skew.rolled))],
  ['hints of a Redis shard, a s', ({ skew }) => spread(skew.relay)],
  ['messages of a database, by room, a s', ({ skew }) => spread(skew.byRoom)],
  ['messages of a database, by owner, a s', ({ skew }) => spread(skew.byOwner)],
  ['… split in', ({ shape }) => short(shape.databases)],
  ['rooms of a shop', ({ skew }) => spread(skew.shopRooms)],
  ['messages to a shop, a second', ({ skew }) => spread(skew.shopReceives)],
  ['shops that 5 sends a second hold up', ({ skew }) => `${short(skew.limited)} of ${short(skew.shops)}`],
]

type Storm = Plan['storms'][number]
const each = (of: (storm: Storm) => string) => (plan: Plan) => plan.storms.map(of).join(', ')
const STORMS: Row[] = [
  ['sockets that come back', ({ load }) => short(load.sockets)],
  ['handshakes a second', each(({ handshakes }) => short(handshakes))],
  ['… of each other node', each(({ handshakesANode }) => short(handshakesANode))],
  ['… of its core', each(({ cpu }) => percent(cpu))],
  ['reads of PostgreSQL a second', each(({ reads }) => short(reads))],
  ['… cores of it', each(({ pgCores }) => short(pgCores))],
  ['SUBSCRIBEs a second', each(({ subscribes }) => short(subscribes))],
]

function breaks(title: string, list: Broken[], used: string) {
  const rows = list.map(({ name, unit, use, capacity, at }) => {
    const isOver = use > capacity ? `${short(use / capacity)} ×` : percent(use / capacity)
    return [name, `${short(use)} ${unit}`, short(capacity), isOver, Number.isFinite(at) ? short(at) : 'never']
  })
  print([[title, used, 'of', '', 'used up by'], ...rows])
}

const table = (title: string, plans: Plan[], rows: Row[]) =>
  print([
    [title, ...plans.map(({ people }) => short(people))],
    ...rows.map(([name, of]) => [name, ...plans.map((plan) => of(plan))]),
  ])

const UNITS: [number, string][] = [
  [1e12, ' T'],
  [1e9, ' G'],
  [1e6, ' M'],
  [1e4, ' k'],
]

/** Three digits are more than the inputs are worth. */
export function short(value: number): string {
  const [unit, name] = UNITS.find(([least]) => value >= least) ?? [1, '']
  const scaled = name === ' k' ? value / 1000 : value / unit
  if (value === 0) return '0'
  const digits = scaled >= 100 ? 0 : scaled >= 10 ? 1 : scaled >= 0.1 ? 2 : 4
  const text = scaled.toFixed(Number.isInteger(scaled) ? 0 : digits)
  return `${name === '' && scaled >= 1000 ? Math.round(scaled).toLocaleString('en') : text}${name}`
}

const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`

const spread = ({ mean, p50, p99, max }: Quantiles, factor = 1) =>
  [mean, p50, p99, max].map((value) => short(value * factor)).join(', ')

/** A table of Markdown, as docs/scale.md has it. */
export function print([head = [], ...rows]: string[][]): void {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  console.log(
    [line(head), `|${head.map((_, at) => (at === 0 ? '---|' : '--:|')).join('')}`, ...rows.map(line)].join('\n'),
  )
  console.log()
}
