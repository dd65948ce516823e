import { readFileSync } from 'node:fs'
import { Device, type Talk } from './crowd.ts'
import type { SeededCrowd } from './seed.ts'
import { type Restarted, type Server, startParley } from './servers.ts'
import { median } from './statistics.ts'
import type { Workbench } from './workbench.ts'

/** Times in milliseconds from SIGTERM. */
export interface Restart extends Restarted {
  people: number
  /** Half of them, and all of them, are in their rooms again; all have every acknowledged message too. */
  halfBackMs: number
  backMs: number
  /** Messages before, during and after it. */
  sent: number
  lost: number
  doubled: number
  errors: number
  /** Subscriptions that the server did not recover: those people had to load their room anew. */
  unrecovered: number
}

/** One room in so many is talked in. */
const TALKED_IN = 5
const AT_ONCE = 100
const ARRIVE_WITHIN_MS = 30_000
const TALK_MS = 4000
const BACK_WITHIN_MS = 60_000
const LAST_WITHIN_MS = 10_000
const LOOK_EVERY_MS = 20

/** Everybody is connected and some talk; the server is told to end, and started again. */
export async function measureRestart(bench: Workbench, binary: string, crowd: SeededCrowd): Promise<Restart> {
  requireDescriptors(crowd.seats.length)
  const server = await startParley(bench, binary, crowd)
  const devices = devicesAt(server.port, crowd)
  try {
    for (let from = 0; from < devices.length; from += AT_ONCE) {
      await Promise.all(devices.slice(from, from + AT_ONCE).map((device) => device.arrive(ARRIVE_WITHIN_MS)))
    }
    return await restartUnder(server, devices)
  } finally {
    for (const device of devices) device.leave()
    await server.stop()
  }
}

/** Both of a room have one talk in common. */
function devicesAt(port: number, { seats }: SeededCrowd): Device[] {
  const talks = new Map<number, Talk>()
  for (const { roomId } of seats) talks.set(roomId, { sent: 0, acknowledged: 0, seq: 0, wrong: 0 })
  return seats.flatMap((seat) => {
    const talk = talks.get(seat.roomId)
    return talk ? [new Device(port, seat, talk)] : []
  })
}

async function restartUnder(server: Server, devices: Device[]): Promise<Restart> {
  let isOver = false
  const speakers = devices.filter((_, at) => at % (2 * TALKED_IN) === 0)
  const talking = Promise.all(speakers.map((speaker) => speaker.speak(() => isOver)))
  await Bun.sleep(TALK_MS)
  const killedAt = performance.now()
  const [restarted, backMs] = await Promise.all([server.restart(), allBack(devices, killedAt)])
  const returns = devices.map(({ thereSince = Number.POSITIVE_INFINITY }) => thereSince - killedAt)
  isOver = true
  await Promise.race([talking, Bun.sleep(LAST_WITHIN_MS)])
  await comesTrue(() => devices.every(({ missing }) => missing === 0), LAST_WITHIN_MS)
  return { ...restarted, halfBackMs: median(returns), backMs, ...countsOf(devices, speakers) }
}

/** How long it takes until everybody has come again, and has all that was acknowledged. */
async function allBack(devices: Device[], since: number): Promise<number> {
  const isBack = ({ thereSince = 0, isUpToDate }: Device) => thereSince > since && isUpToDate
  const areBack = await comesTrue(() => devices.every(isBack), BACK_WITHIN_MS)
  return areBack ? performance.now() - since : Number.POSITIVE_INFINITY
}

/** Whether it did, in time. */
async function comesTrue(isTrue: () => boolean, withinMs: number): Promise<boolean> {
  const giveUpAt = performance.now() + withinMs
  while (!isTrue()) {
    if (performance.now() > giveUpAt) return false
    await Bun.sleep(LOOK_EVERY_MS)
  }
  return true
}

/** What was sent is the speakers'; what was lost or doubled is counted for each of both people. */
function countsOf(devices: Device[], speakers: Device[]) {
  const sum = (all: Device[], count: (device: Device) => number) => all.reduce((total, one) => total + count(one), 0)
  return {
    people: devices.length,
    sent: sum(speakers, ({ talk }) => talk.sent),
    lost: sum(devices, ({ lost, missing }) => lost + missing),
    doubled: sum(devices, ({ doubled }) => doubled),
    errors: sum(speakers, ({ talk }) => talk.wrong + talk.sent - talk.acknowledged),
    unrecovered: sum(devices, ({ unrecovered }) => unrecovered),
  }
}

/** A connection takes one in the server and one here. Bun raises the soft limit by itself, up to the hard one. */
function requireDescriptors(connections: number) {
  const hard = /^Max open files +\S+ +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  const needed = connections + 500
  if (hard === 'unlimited' || Number(hard) >= needed) return
  throw new Error(
    `a process may have ${hard} files open here and needs ${needed}: raise it with "ulimit -Hn ${needed}"`,
  )
}
