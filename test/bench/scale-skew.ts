import type { Design, Inputs } from './scale-inputs.ts'
import { normal, pareto, quantiles, type Random, seeded } from './scale-random.ts'
import { cpuOf, type Load, memoryMib, sum } from './scale-traffic.ts'

interface Shop {
  rooms: number
  /** Messages a second that it would send, that the limit lets it send, and that come to it. */
  wants: number
  sends: number
  receives: number
}

/** How people and shops are spread: not the average, which is scale-traffic.ts. */
export interface World {
  shops: Shop[]
  /** All messages a second; of them, what no shop sends, and what no shop gets. */
  messages: number
  ordinarySent: number
  ordinaryReceived: number
  ordinaryPeople: number
}

export function worldOf(inputs: Inputs, people: number, random: Random): World {
  const messages = (people * inputs.messagesAnHour) / 3600
  const aRoom = messages / (people * inputs.roomsAsCustomer)
  const shops = Array.from({ length: Math.round(people * inputs.shopShare) }, () => {
    const rooms = Math.round(pareto(random, inputs.shopRoomsMin, inputs.shopRoomsMax, inputs.shopRoomsTail))
    const sale = random() < inputs.saleShare ? inputs.saleFactor : 1
    const wants = (rooms * aRoom * sale) / 2
    return { rooms, wants, sends: Math.min(wants, inputs.sendsASecond), receives: wants }
  })
  return {
    shops,
    messages,
    ordinarySent: messages - shops.reduce((all, { sends }) => all + sends, 0),
    ordinaryReceived: messages - shops.reduce((all, { receives }) => all + receives, 0),
    ordinaryPeople: people - shops.length,
  }
}

/** Each node's load; whoever comes is put on a node by chance. */
export function placed(inputs: Inputs, world: World, nodes: number, random: Random): Load[] {
  const loads = Array.from({ length: nodes }, () => ordinary(inputs, world, nodes, random))
  const overshot = loads.reduce((all, { sent }) => all + sent, 0) / Math.max(1e-9, world.ordinarySent)
  for (const load of loads) load.sent /= overshot
  for (const shop of world.shops) {
    const open = Math.min(inputs.roomsAConnection, Math.round(shop.rooms * inputs.shopOpenShare))
    for (let device = 0; device < inputs.shopDevices; device += 1) {
      const load = loads[Math.floor(random() * nodes)]
      if (!load) continue
      load.people += 1 / inputs.shopDevices
      load.sockets += 1
      load.liveRooms += open
      load.sent += shop.sends / inputs.shopDevices
      load.received += shop.receives
    }
  }
  return loads
}

/** Many people, each of whom counts for little: their sum is normal, with the spread of a lognormal rate. */
function ordinary(inputs: Inputs, world: World, nodes: number, random: Random): Load {
  const people = around(random, world.ordinaryPeople / nodes, 1)
  const sockets = people * inputs.devices
  const aPerson = world.ordinarySent / world.ordinaryPeople
  const sent = around(random, people, rateVariance(inputs)) * aPerson
  const received = (sent * world.ordinaryReceived * inputs.peerOnline * inputs.devices) / world.ordinarySent
  return { people, sockets, liveRooms: around(random, sockets * inputs.openRooms, 1), sent, received }
}

const rateVariance = ({ rateSpread }: Inputs) => Math.exp(rateSpread ** 2)

/** The sum of `mean` draws of about one, each with a second moment of so much. */
const around = (random: Random, mean: number, moment: number) =>
  Math.max(0, mean + Math.sqrt(mean * moment) * normal(random))

/** What falls into each of so many shards in a second: the pieces can't be divided, the rest of the total is many small ones. */
function binned(total: number, pieces: number[], shards: number, random: Random): number[] {
  const rest = Math.max(0, total - pieces.reduce((all, piece) => all + piece, 0))
  const bins = Array.from({ length: shards }, () => around(random, rest / shards, 1))
  const overshot = bins.reduce((all, bin) => all + bin, 0) / Math.max(1e-9, rest)
  for (const [at, bin] of bins.entries()) bins[at] = bin / overshot
  for (const piece of pieces) {
    const at = Math.floor(random() * shards)
    bins[at] = (bins[at] ?? 0) + piece
  }
  return bins
}

/** Hints "these rooms changed" to a shop: each node gathers for a tenth of a second, but only its own. */
export function inboxHints({ coalescedASecond, shopDevices }: Inputs, shop: Shop, nodes: number): number {
  const from = (senders: number, rate: number) =>
    senders * coalescedASecond * (1 - Math.exp(-rate / (senders * coalescedASecond)))
  return from(nodes, shop.receives) + from(Math.min(nodes, shopDevices), shop.sends)
}

/** Nodes are restarted one by one, and nobody moves but those who have to: what each has afterwards, to the average. */
export function rolled(nodes: number): number[] {
  const has = Array<number>(nodes).fill(1)
  for (let restarted = 0; restarted < nodes; restarted += 1) {
    const moved = (has[restarted] ?? 0) / Math.max(1, nodes - 1)
    for (let other = 0; other < nodes; other += 1) has[other] = other === restarted ? 0 : (has[other] ?? 0) + moved
  }
  return has
}

export interface Shape {
  nodes: number
  shards: number
  databases: number
  /** On all shards, a second. */
  hints: number
}

export function skewOf(inputs: Inputs, design: Design, people: number, shape: Shape) {
  const random = seeded(20_261_127)
  const world = worldOf(inputs, people, random)
  const loads = placed(inputs, world, shape.nodes, random)
  const inDatabases = (pieces: number[]) => quantiles(binned(world.messages, pieces, shape.databases, random))
  const toShops = world.shops.map((shop) => inboxHints(inputs, shop, shape.nodes))
  const limited = world.shops.filter(({ wants, sends }) => wants > sends).length
  return {
    sent: loads.reduce((all, { sent }) => all + sent, 0),
    messages: world.messages,
    sockets: quantiles(loads.map(({ sockets }) => sockets)),
    liveRooms: quantiles(loads.map(({ liveRooms }) => liveRooms)),
    memory: quantiles(loads.map((load) => memoryMib(inputs, load))),
    cpu: quantiles(loads.map((load) => sum(cpuOf(inputs, design, load, shape.nodes)))),
    rolled: quantiles(rolled(Math.min(shape.nodes, 2000))),
    relay: quantiles(binned(shape.hints, toShops, shape.shards, random)),
    byRoom: inDatabases([]),
    byOwner: inDatabases(world.shops.map(({ sends, receives }) => sends + receives)),
    shopRooms: quantiles(world.shops.map(({ rooms }) => rooms)),
    shopReceives: quantiles(world.shops.map(({ receives }) => receives)),
    limited,
    shops: world.shops.length,
  }
}
