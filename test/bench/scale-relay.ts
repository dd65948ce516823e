import type { Design, Inputs } from './scale-inputs.ts'
import {
  boardReads,
  gossipBytes,
  gossipHeard,
  hashesAsked,
  heardOf,
  hintsOf,
  meanLoad,
  sum,
  visitsOf,
} from './scale-traffic.ts'

/** All of Redis, a second in the peak hour. */
export function relayOf(inputs: Inputs, design: Design, people: number, nodes: number) {
  const load = meanLoad(inputs, people, 1)
  const out = hintsOf(inputs, load)
  const heard = heardOf(inputs, load, 1 - 1 / nodes)
  const published = sum(out)
  // A node hears its own hints back where it is subscribed: on the room, and of the sender's own inbox.
  const echoed = published - out.inboxes / 2
  const delivered = sum(heard) + echoed
  const hintCores = (published * inputs.redisCommandMicros + delivered * inputs.redisDeliveryMicros) / 1e6
  // Coming to a room or going: a subscription and a field of the node's hash each; so do sockets.
  const moves = 2 * (visitsOf(inputs, people) + load.sockets / (inputs.sessionMinutes * 60))
  const moveCores = (moves * (inputs.subscribeMicros + inputs.redisCommandMicros)) / 1e6
  const hintMib = bytesOf(inputs, out, heard) / 2 ** 20
  const subscriptions = load.liveRooms + people * inputs.devices
  const limits = exchangeOf(inputs, design, people, nodes)
  const nodeMib = (hintMib + limits.gossipMib) / nodes
  return {
    ...{ published, delivered, hintCores, moves, moveCores, hintMib, subscriptions },
    shards: Math.max(1, Math.ceil((hintCores + moveCores) / inputs.redisTarget)),
    subscribingSeconds: (subscriptions * inputs.subscribeMicros) / 1e6,
    /** How long a node may stand still until Redis closes its connection, at 32 MB (S: client-output-buffer-limit). */
    nodeMib,
    standsStill: 32 / nodeMib,
    ...limits,
    ...presenceOf(inputs, design, people, nodes),
  }
}

function presenceOf(inputs: Inputs, design: Design, people: number, nodes: number) {
  const reads = boardReads(inputs, people)
  const hmgets = reads * hashesAsked(design, nodes)
  return {
    refreshes: nodes / 5,
    statusMib: (people * inputs.statusFieldBytes) / 2 ** 20,
    hmgets,
    presenceCores: (hmgets * inputs.hmgetRedisMicros) / 1e6,
    // A node's hash is one key: of what is asked of each of them, one shard has all of it.
    hmgetsAHash: design.presence === 'each node' ? reads : 0,
  }
}

/** The exchange of limits. */
function exchangeOf(inputs: Inputs, design: Design, people: number, nodes: number) {
  const gossipDelivered = gossipHeard(inputs, design, nodes) * nodes
  const recordBytes = gossipBytes(inputs, meanLoad(inputs, people, nodes))
  return {
    recordBytes,
    gossipDelivered,
    gossipCores: (gossipDelivered * inputs.redisDeliveryMicros) / 1e6,
    gossipMib: (gossipDelivered * (design.limits === 'everyone' ? recordBytes : recordBytes / 16)) / 2 ** 20,
  }
}

type Hints = ReturnType<typeof hintsOf>

/** What leaves Redis: each hint to whoever published it, and to the others. */
function bytesOf(inputs: Inputs, out: Hints, heard: Hints): number {
  const signals = (hints: Hints) => hints.typing + hints.marks + hints.comings
  const rooms = (out.rooms + heard.rooms) * inputs.roomHintBytes
  const inboxes = (out.inboxes / 2 + heard.inboxes) * inputs.inboxHintBytes
  return rooms + inboxes + (signals(out) + signals(heard)) * inputs.signalBytes
}

/** A node dies, and its people come back to the others within so many seconds. */
export function stormOf(inputs: Inputs, people: number, nodes: number, seconds: number) {
  const { sockets, people: lost, liveRooms } = meanLoad(inputs, people, nodes)
  const others = Math.max(1, nodes - 1)
  const handshakes = sockets / seconds
  const reads = (sockets * inputs.arrivalReads + liveRooms * 2) / seconds
  return {
    sockets,
    handshakes,
    handshakesANode: handshakes / others,
    /** Of a core of each node that is left. */
    cpu: (handshakes / others) * (inputs.handshakeMicros / 1e6),
    reads,
    pgCores: (reads * inputs.pgReadMicros) / 1e6,
    subscribes: (lost + liveRooms) / seconds,
  }
}
