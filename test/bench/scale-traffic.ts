import type { Design, Inputs } from './scale-inputs.ts'

/** A second in the peak hour, on one node or on all of them. */
export interface Load {
  people: number
  sockets: number
  /** Rooms that a socket here is on. */
  liveRooms: number
  /** Messages that people here send. */
  sent: number
  /** Messages to people with a device here, once for each person and node. */
  received: number
}

export const PARTS = [
  ...(['sends', 'fan-out', 'inboxes', 'hints out', 'hints in', 'sweeps'] as const),
  ...(['presence', 'limits', 'pings', 'arrivals'] as const),
]
export type Part = (typeof PARTS)[number]

/** What the average node of a cluster has. */
export function meanLoad(inputs: Inputs, people: number, nodes: number): Load {
  const sockets = people * inputs.devices
  const sent = (people * inputs.messagesAnHour) / 3600
  const total = { people, sockets, liveRooms: sockets * inputs.openRooms, sent, received: sent * receivers(inputs) }
  return scaled(total, 1 / nodes)
}

/** People and nodes that hear of a message, but for the sender: those who are there, on each node where they are. */
const receivers = ({ peerOnline, devices }: Inputs) => peerOnline * devices

export const scaled = (load: Load, factor: number): Load => ({
  people: load.people * factor,
  sockets: load.sockets * factor,
  liveRooms: load.liveRooms * factor,
  sent: load.sent * factor,
  received: load.received * factor,
})

/** What goes out on the relay from a load, a second. */
export function hintsOf(inputs: Inputs, load: Load) {
  const visits = (load.people * inputs.visitsAnHour) / 3600
  return {
    rooms: load.sent,
    // Of a message, and of a mark: to both people, on whatever node they are.
    inboxes: 2 * (load.sent + load.received * inputs.marksAReceipt),
    typing: load.sent * inputs.typingAMessage,
    marks: load.received * inputs.marksAReceipt,
    comings: visits * 2,
  }
}

/** What comes in from other nodes, a second, if `remote` of the peers are on others. */
export function heardOf(inputs: Inputs, load: Load, remote: number) {
  const { peerOnRoom, peerOnline, typingAMessage, marksAReceipt, devices } = inputs
  const visits = (load.people * inputs.visitsAnHour) / 3600
  return {
    rooms: load.received * peerOnRoom * remote,
    inboxes: (load.received + load.sent * (devices - 1) + markTells(inputs, load) / 2) * remote,
    typing: load.received * peerOnRoom * typingAMessage * remote,
    marks: load.sent * peerOnline * marksAReceipt * remote,
    comings: visits * 2 * peerOnline * peerOnRoom * remote,
  }
}

/** A mark changes the inbox of whoever set it, and what the other one sees. */
export const markTells = ({ marksAReceipt, peerOnline }: Inputs, { sent, received }: Load) =>
  (received + sent * peerOnline) * marksAReceipt

export const sum = (parts: Record<string, number>): number => Object.values(parts).reduce((all, one) => all + one, 0)

export const visitsOf = ({ visitsAnHour }: Inputs, people: number) => (people * visitsAnHour) / 3600

/** Questions after what nodes have posted. */
export const boardReads = (inputs: Inputs, people: number) => visitsOf(inputs, people) * inputs.boardReadsAVisit

/** HMGETs for one question after somebody's status. */
export const hashesAsked = (design: Design, nodes: number) => (design.presence === 'each node' ? nodes : 1)

/** Bytes of the record that a node sends each half second. */
export function gossipBytes(inputs: Inputs, load: Load): number {
  // A send is taken from two limits, each command of a visit and each mark from one.
  const touched = load.sent * 2 + visitsOf(inputs, load.people) * 3 + load.received * inputs.marksAReceipt
  return inputs.gossipRecordBytes + (touched / inputs.ticksASecond) * inputs.gossipEntryBytes
}

/** Records that a node hears, a second. Those for a keeper are cut into as many parts as there are nodes, and sum up to one. */
export const gossipHeard = (inputs: Inputs, design: Design, nodes: number) =>
  inputs.ticksASecond * (design.limits === 'everyone' ? nodes : Math.min(nodes, 16))

/** Shares of a core. */
export function cpuOf(inputs: Inputs, design: Design, load: Load, nodes: number): Record<Part, number> {
  const alone = nodes === 1
  const remote = 1 - 1 / nodes
  const { people, sockets, liveRooms, sent, received } = load
  const visits = (people * inputs.visitsAnHour) / 3600
  const marks = received * inputs.marksAReceipt
  const signals = inputs.typingAMessage * received + inputs.marksAReceipt * sent * inputs.peerOnline + visits * 2
  const frames = 2 * sent + received * inputs.peerOnRoom + signals * inputs.peerOnRoom
  const record = inputs.hintInMicros + (gossipBytes(inputs, load) / 1024) * inputs.parseKibMicros
  const arrivals = sockets / (inputs.sessionMinutes * 60)
  const micros: Record<Part, number> = {
    sends: sent * inputs.sendMicros + marks * inputs.markMicros,
    'fan-out': frames * inputs.frameMicros,
    inboxes: (sent + received + markTells(inputs, load)) * inputs.tellMicros,
    'hints out': alone ? 0 : sum(hintsOf(inputs, load)) * inputs.hintOutMicros,
    'hints in': alone ? 0 : sum(heardOf(inputs, load, remote)) * inputs.hintInMicros,
    sweeps: ((liveRooms + (alone ? 0 : people)) / inputs.sweepSeconds) * inputs.sweepMicros,
    presence: alone ? 0 : boardReads(inputs, people) * hashesAsked(design, nodes) * inputs.hmgetMicros,
    limits: alone ? 0 : gossipHeard(inputs, design, nodes) * (design.limits === 'everyone' ? record : record / 16),
    pings: (sockets / inputs.pingSeconds) * inputs.pingMicros + sockets * inputs.ticksASecond * inputs.tickMicros,
    arrivals: arrivals * inputs.handshakeMicros + visits * inputs.visitMicros,
  }
  return Object.fromEntries(PARTS.map((part) => [part, micros[part] / 1e6])) as Record<Part, number>
}

export const memoryMib = (inputs: Inputs, load: Load): number =>
  inputs.restMib + (load.sockets * inputs.plainSocketKib + load.liveRooms * inputs.roomKib) / 1024

/** The fewest that hold the sockets, and the work if more nodes make it less. */
export function nodesFor(inputs: Inputs, design: Design, people: number): number {
  const least = Math.max(1, Math.ceil((people * inputs.devices) / inputs.socketsANode))
  const busy = (nodes: number) => sum(cpuOf(inputs, design, meanLoad(inputs, people, nodes), nodes))
  let nodes = least
  while (busy(nodes) > inputs.cpuTarget && nodes < least * 4) nodes = Math.ceil(nodes * 1.05)
  // Where even four times as many do not help, it is not the number of nodes that is wrong.
  return busy(nodes) > inputs.cpuTarget ? least : nodes
}
