import { DAY_TO_PEAK, type Inputs } from './scale-inputs.ts'
import { markTells, meanLoad, visitsOf } from './scale-traffic.ts'

const PAGE = 8192

/** One PostgreSQL that has everything, a second in the peak hour unless it says a day. */
export function databaseOf(inputs: Inputs, people: number, nodes: number) {
  const load = meanLoad(inputs, people, 1)
  const { sent, received, liveRooms, sockets } = load
  const marks = received * inputs.marksAReceipt
  const tells = sent + received + markTells(inputs, load)
  const transactions = transactionsOf(inputs, (sent + marks) / nodes) * nodes
  const rowsADay = sent * DAY_TO_PEAK * 86_400
  const bytesADay = rowsADay * (inputs.messageHeapBytes + inputs.messageIndexBytes)
  const rooms = (people / inputs.onlineShare) * inputs.roomsAsCustomer
  // A person is looked for as an owner and as a customer.
  const sweepKeys = liveRooms + people * 2
  const probes = sweepKeys / inputs.sweepSeconds
  return {
    sent,
    marks,
    transactions,
    batch: (sent + marks) / transactions,
    rowsADay,
    bytesADay,
    storedTib: (bytesADay * inputs.retentionDays + rooms * roomBytes(inputs)) / 2 ** 40,
    rooms,
    roomsGib: (rooms * inputs.roomHeapBytes) / 2 ** 30,
    roomIndexGib: (rooms * inputs.roomIndexBytes) / 2 ** 30,
    messageIndexGib: (rowsADay * inputs.retentionDays * inputs.messageIndexBytes) / 2 ** 30,
    probes,
    sweepKeys,
    /** After a relay reconnect each node reads what is unread of each of its people, one after the other. */
    compareSeconds: ((people / nodes) * inputs.readMillis) / 1000,
    compareCoreSeconds: (people * inputs.pgReadMicros) / 1e6,
    sweepCoreSeconds: (sweepKeys * inputs.pgProbeMicros) / 1e6,
    connections: nodes * inputs.poolSize,
    cores: coresOf(inputs, { sent, tells, marks, transactions, probes, sockets, people, nodes }),
    wal: walOf(inputs, { sent, marks, transactions, rooms, rowsADay }),
    vacuum: vacuumOf(inputs, sent * DAY_TO_PEAK, rooms),
  }
}

const roomBytes = ({ roomHeapBytes, roomIndexBytes }: Inputs) => roomHeapBytes + roomIndexBytes

/** One flight at a time: what comes during one goes with the next. */
export function transactionsOf(inputs: Inputs, writes: number): number {
  const perWrite = inputs.flightMessageMicros / 1e6
  const flight = inputs.flightMillis / 1000
  // A flight of b writes takes flight + b × perWrite, and b is at least the one that began it.
  const flights = writes / (1 + writes * flight)
  return Math.min(flights, Math.max(0, (1 - writes * perWrite) / flight))
}

interface Work {
  sent: number
  marks: number
  tells: number
  transactions: number
  probes: number
  sockets: number
  people: number
  nodes: number
}

/** Cores of the database server, by what they do. */
function coresOf(inputs: Inputs, work: Work) {
  const arrivals = (work.sockets / (inputs.sessionMinutes * 60)) * inputs.arrivalReads
  const micros = {
    commits:
      work.transactions * inputs.pgTransactionMicros +
      work.sent * inputs.pgMessageMicros +
      work.marks * inputs.pgMarkMicros,
    'inbox reads': work.tells * inputs.pgReadMicros,
    sweeps: work.probes * inputs.pgProbeMicros,
    visits: visitsOf(inputs, work.people) * 3 * inputs.pgReadMicros,
    arrivals: arrivals * inputs.pgReadMicros,
    polls: work.nodes * inputs.ticksASecond * inputs.pgReadMicros,
  }
  return Object.fromEntries(Object.entries(micros).map(([name, value]) => [name, value / 1e6]))
}

interface Written {
  sent: number
  marks: number
  transactions: number
  rooms: number
  rowsADay: number
}

/** MiB a second: the records, and the pages that are written whole when first touched after a checkpoint. */
function walOf(inputs: Inputs, { sent, marks, transactions, rooms, rowsADay }: Written) {
  const records =
    sent * inputs.walMessageBytes + marks * inputs.walMarkBytes + transactions * inputs.walTransactionBytes
  const touches = (sent * inputs.checkpointSeconds) / inputs.messagesAVisit
  const indexPages = (rooms * inputs.roomIndexBytes) / inputs.roomIndexes / PAGE
  const places = [
    (rooms * inputs.roomHeapBytes) / PAGE,
    ...Array<number>(inputs.roomIndexes).fill(indexPages),
    (rowsADay * inputs.retentionDays * inputs.messageIndexBytes) / PAGE,
  ]
  const pages = places.reduce((all, count) => all + touched(count, touches), 0)
  const whole = (pages * inputs.walPageBytes) / inputs.checkpointSeconds
  return { records: records / 2 ** 20, whole: whole / 2 ** 20 }
}

/** Of so many pages, those that are met at least once when so many are met at random. */
export const touched = (pages: number, touches: number): number => pages * (1 - Math.exp(-touches / pages))

/** The rooms: each message leaves a dead row and, not being HOT, entries in the indexes. */
function vacuumOf(inputs: Inputs, deadASecond: number, rooms: number) {
  const due = 50 + rooms * inputs.vacuumScale
  const everySeconds = due / deadASecond
  const pages = (rooms * roomBytes(inputs)) / PAGE
  const takesSeconds = (pages * inputs.vacuumPageUnits) / inputs.vacuumUnitsASecond
  return {
    deadASecond,
    everySeconds,
    takesSeconds,
    duty: takesSeconds / everySeconds,
    bloatGib: (due * inputs.churnBytes) / 2 ** 30,
  }
}
