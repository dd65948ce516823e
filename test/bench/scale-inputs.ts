/**
 * Every number that goes into the plan of docs/scale.md. Replace them by your own: `--set name=value,name=value`.
 *
 *   M  measured here: docs/benchmarks.md (`bun run bench`); M-R by scale-redis.ts, M-P by scale-postgres.ts; or as it says
 *   D  derived from measured ones: how is beside it
 *   S  a setting or a default, of Parley or of what it runs on
 *   A  assumed: nobody has measured it
 *
 * µs are CPU time of one core of the machine of docs/benchmarks.md. KiB are 1,024 bytes.
 */
export const INPUTS = {
  // People, in the hour of the day with the most of them.
  messagesAnHour: 12, // A: one each five minutes, by each person online
  visitsAnHour: 12, // A: rooms that a person opens: join, a page of history, the other one's status, leave
  sessionMinutes: 10, // A: how long a socket lives
  devices: 1.15, // A: sockets a person
  onlineShare: 0.05, // A: of the people who are registered, at the peak
  roomsAsCustomer: 4, // A: rooms that a person has opened; each has an owner as well
  openRooms: 1.2, // A: rooms that a device is on
  messagesAVisit: 6, // A: entries of one room that come close together
  peerOnline: 0.5, // A: whoever is written to has a device connected
  peerOnRoom: 0.7, // A: and, if so, is on that room
  typingAMessage: 2, // A: "is typing" that is told, one each 3 s of typing (S)
  marksAReceipt: 1.4, // A: delivered marks (gathered for 250 ms, S) and read marks, of a message to somebody online
  boardReadsAVisit: 3, // S: src/presence: who joins, who leaves, a status
  rateSpread: 1.2, // A: sigma of the lognormal spread of how much people write

  // Shops: people with many rooms.
  shopShare: 0.005, // A: of the people online
  shopRoomsMin: 50, // A
  shopRoomsTail: 1.2, // A: exponent of the Pareto tail
  shopRoomsMax: 50_000, // A
  shopDevices: 3, // A
  shopOpenShare: 0.05, // A: of its rooms, that a shop's device is on
  roomsAConnection: 256, // S: docs/configuration.md, Limits
  saleShare: 0.001, // A: of the shops, in the middle of a sale
  saleFactor: 20, // A: as many messages as otherwise
  sendsASecond: 5, // S: docs/configuration.md, Limits: a person's sends in the long run

  // A node.
  sendMicros: 34.2, // D: 42.7 (M, scenario A) less two frames
  frameMicros: 4.3, // D: two frames are a fifth of 42.7 (M, docs/benchmarks.md "Where the time goes")
  tellMicros: 125, // D, at most: (52.8 − 42.7) µs × 17,169/s − 17,169 acks × 4.3 µs = 99 ms a second, for ≤ 800 tells
  markMicros: 20, // A: a mark is half of a send
  hintOutMicros: 8.6, // M, spike: ioredis publish with hearing it back 5–10, and the MAC 0.8–1.4
  hintInMicros: 6, // A: the hearing half of that, the MAC, the parsing
  sweepMicros: 1, // A: of one room or person in the question each ten seconds
  hmgetMicros: 5, // A: one HMGET of a pipeline, as a publish
  handshakeMicros: 400, // M: handshake, connect and subscribe
  visitMicros: 150, // A: subscribe with a page of history
  pingMicros: 8, // D: a frame each way
  tickMicros: 0.1, // A: of a socket, twice a second (S)
  parseKibMicros: 10, // A: JSON of a record of limits, and its buckets
  restMib: 73, // M
  plainSocketKib: 7.3, // M
  appSocketKib: 11.1, // M: with three rooms
  roomKib: 1.27, // D: (11.1 − 7.3) / 3, at most
  kernelSocketKib: 4, // A: outside the process
  backAfterRestart: 1170, // M: 5,000 people in 4.27 s
  cpuTarget: 0.5, // A: of a core, in the peak hour
  socketsANode: 40_000, // A: as many as may come back at once, see the storms
  pingSeconds: 25, // S
  sweepSeconds: 10, // S
  ticksASecond: 2, // S: gossip, and the poll of revocations

  // The relay.
  roomHintBytes: 560, // M: 350–600 of event, the node's id, 43 of MAC
  inboxHintBytes: 150, // A
  signalBytes: 220, // A
  gossipRecordBytes: 100, // A
  gossipEntryBytes: 43, // D: a UUID, its quotes and a number
  coalescedASecond: 10, // S: one hint each 100 ms for a person and node
  redisCommandMicros: 5.3, // M-R: PUBLISH of 560 bytes
  hmgetRedisMicros: 4.6, // M-R
  subscribeMicros: 4, // M-R: 3.6 to 5, of one channel of 500 in a command
  redisDeliveryMicros: 1.5, // A: 0.7 (M-R) where one subscriber gets many at once; more where each has a connection of its own
  deafSeconds: 3, // S: src/relay/redis.ts: who has not heard itself for so long connects anew
  readMillis: 1, // A: a read of PostgreSQL, with the network
  redisTarget: 0.5, // A: of the one core that runs commands
  subscriptionBytes: 235, // M-R
  statusFieldBytes: 108, // M-R

  // PostgreSQL.
  flightMillis: 1, // A: an empty commit, with its flush and the network
  flightMessageMicros: 15, // D: 100 in 2.5 ms (M, local PG 15, fsync) less the above
  pgMessageMicros: 25, // D: 2.5 ms / 100, at most: a backend also waits for the disk
  pgTransactionMicros: 200, // A
  pgMarkMicros: 20, // A
  pgProbeMicros: 1.5, // A: one key of an index that is in memory
  pgReadMicros: 60, // A: a small query, with its protocol
  arrivalReads: 5, // A: session, person, presence, inbox, unread
  pgCores: 16, // A
  pgTarget: 0.6, // A
  poolSize: 10, // A: connections of a node
  pgConnections: 500, // A: above that a pooler
  messageHeapBytes: 234, // M-P: text of 100 characters, client_id of 36
  messageIndexBytes: 45, // M-P: (room_id, seq), in random rooms
  roomHeapBytes: 248, // M-P: fillfactor 80
  roomIndexBytes: 213, // M-P: id 23, pair 98, owner's inbox 51, customer's inbox 41
  roomIndexes: 4, // S: the schema
  walMessageBytes: 1035, // M-P: without whole pages, 100 a transaction
  churnBytes: 130, // M-P: what a message adds to the room indexes until they are vacuumed; the heap does not grow
  walTransactionBytes: 100, // A
  walMarkBytes: 145, // M-P: a HOT update
  checkpointSeconds: 900, // S: what docs/scale.md advises; PostgreSQL's own default is 300
  walPageBytes: 8192, // S: a page that is written whole after a checkpoint; about 3,300 with wal_compression=lz4 (A)
  walMibASecond: 300, // A: what the disk and a standby take
  retentionDays: 365, // A
  storageTib: 16, // A: of one PostgreSQL
  vacuumScale: 0.2, // S: autovacuum_vacuum_scale_factor
  vacuumUnitsASecond: 100_000, // S: cost limit 200 each 2 ms
  vacuumPageUnits: 22, // S: a page missed 2, made dirty 20
}

export type Inputs = { [Name in keyof typeof INPUTS]: number }

/** A: how many are there in each hour of a day, to the peak. */
export const HOURS = [
  0.35, 0.2, 0.1, 0.06, 0.05, 0.06, 0.12, 0.25, 0.4, 0.5, 0.58, 0.65, 0.75, 0.7, 0.65, 0.65, 0.68, 0.75, 0.82, 0.92, 1,
  0.98, 0.85, 0.6,
]

export const DAY_TO_PEAK = HOURS.reduce((sum, hour) => sum + hour, 0) / HOURS.length

/** What is built, and what it would have to become: docs/scale.md, "What grows with the square". */
export interface Design {
  /** Who asks for a status asks each node's hash, or the one bucket that the person is in. */
  presence: 'each node' | 'one bucket'
  /** Spent limits go to every node, or to the one that keeps a person's. */
  limits: 'everyone' | 'one keeper'
}
export const BUILT: Design = { presence: 'each node', limits: 'everyone' }
export const CHANGED: Design = { presence: 'one bucket', limits: 'one keeper' }
