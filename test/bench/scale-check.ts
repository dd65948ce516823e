import { databaseOf, touched, transactionsOf } from './scale-database.ts'
import { BUILT, CHANGED, DAY_TO_PEAK, HOURS, type Inputs } from './scale-inputs.ts'
import { breaksAt, limitsOfCluster, limitsOfOne } from './scale-limits.ts'
import { planOf } from './scale-plan.ts'
import { quantiles, seeded } from './scale-random.ts'
import { relayOf } from './scale-relay.ts'
import { rolled, worldOf } from './scale-skew.ts'
import { cpuOf, heardOf, hintsOf, meanLoad, nodesFor, scaled, sum } from './scale-traffic.ts'

/** What has to hold for the model, whatever the inputs say. Returns what does not. */
export function faultsOf(inputs: Inputs, sizes: number[]): string[] {
  const faults: string[] = []
  const holds = (what: string, isSo: boolean) => isSo || faults.push(what)
  const same = (what: string, a: number, b: number) =>
    holds(`${what}: ${a} and ${b}`, Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(a), Math.abs(b)))
  for (const people of sizes) {
    conserved(inputs, people, same)
    grows(inputs, people, holds)
  }
  same('a day has 24 hours', HOURS.length, 24)
  same('at most one of a page', touched(10, 1e9), 10)
  same('few touches meet as many pages', touched(1e12, 1000) / 1000, 1)
  holds('few writes fly alone', Math.abs(transactionsOf(inputs, 1) - 1) < 0.01)
  holds('more writes, larger batches', 20_000 / transactionsOf(inputs, 20_000) > 20)
  same('nobody is lost in a roll', quantiles(rolled(25)).mean, 1)
  same('the same seed, the same world', firstOf(7), firstOf(7))
  holds('another seed, another world', firstOf(7) !== firstOf(8))
  for (const limit of [...limitsOfOne(inputs), ...limitsOfCluster(inputs, BUILT)]) {
    const at = breaksAt(limit)
    if (!Number.isFinite(at)) continue
    holds(`${limit.name} is used up at ${at}`, limit.use(at * 1.3) >= limit.capacity * 0.95)
    holds(`${limit.name} is not before ${at}`, limit.use(at / 1.3) <= limit.capacity * 1.05)
  }
  return faults
}

const firstOf = (seed: number) => seeded(seed)()

/** What goes in comes out: messages are rows, and hints, and those that the nodes sent. */
function conserved(inputs: Inputs, people: number, same: (what: string, a: number, b: number) => void) {
  const plan = planOf(inputs, BUILT, people)
  const messages = (people * inputs.messagesAnHour) / 3600
  const all = scaled(plan.load, plan.nodes)
  same(`${people}: messages are sent by nodes`, plan.skew.sent, messages)
  same(`${people}: messages are rows`, plan.database.sent, messages)
  same(`${people}: a day of rows`, plan.database.rowsADay, messages * DAY_TO_PEAK * 86_400)
  same(`${people}: messages are hints of rooms`, hintsOf(inputs, all).rooms, messages)
  same(`${people}: two inbox hints a write`, hintsOf(inputs, all).inboxes, 2 * (messages + plan.database.marks))
  same(`${people}: nodes hold all sockets`, plan.load.sockets * plan.nodes, people * inputs.devices)
  same(`${people}: alone nothing is heard`, sum(heardOf(inputs, all, 0)), 0)
  for (const { mean } of [plan.skew.byRoom, plan.skew.byOwner])
    same(`${people}: databases hold all messages`, mean * plan.shape.databases, messages)
  same(`${people}: shards have all hints`, plan.skew.relay.mean * plan.shape.shards, plan.relay.published)
  const world = worldOf(inputs, people, seeded(1))
  const bySide = [
    world.ordinarySent + world.shops.reduce((sent, { sends }) => sent + sends, 0),
    world.ordinaryReceived + world.shops.reduce((received, { receives }) => received + receives, 0),
  ]
  for (const side of bySide) same(`${people}: each message has a sender and a receiver`, side, messages)
}

/** More people never take less, and the changed design never more than the built one. */
function grows(inputs: Inputs, people: number, holds: (what: string, isSo: boolean) => void) {
  const nodes = nodesFor(inputs, BUILT, people)
  const more = { relay: relayOf(inputs, BUILT, people * 2, nodes), database: databaseOf(inputs, people * 2, nodes) }
  const now = { relay: relayOf(inputs, BUILT, people, nodes), database: databaseOf(inputs, people, nodes) }
  holds(`${people}: hints grow`, more.relay.hintCores > now.relay.hintCores)
  holds(`${people}: WAL grows`, sum(more.database.wal) > sum(now.database.wal))
  holds(`${people}: PostgreSQL's work grows`, sum(more.database.cores) > sum(now.database.cores))
  const load = meanLoad(inputs, people, nodes)
  const [built, changed] = [cpuOf(inputs, BUILT, load, nodes), cpuOf(inputs, CHANGED, load, nodes)]
  holds(`${people}: the change makes no node slower`, sum(changed) <= sum(built) + 1e-9)
}
