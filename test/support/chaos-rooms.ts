import type { Random } from './chaos-random.ts'
import type { Entry, RoomRecord } from './chaos-record.ts'

/** A retry finds its message among the newest 64 entries of the room (LV14): nobody gets further ahead of it. */
const LEAD = 40

/** A room, and everything that is known of it from outside. */
export class ChaosRoom {
  readonly id: number
  readonly sent = new Map<string, string>()
  readonly acknowledged: Entry[] = []
  readonly seen = new Map<string, Entry[]>()
  /** What was sent and not acknowledged, and how many were sent before it. */
  readonly #pending = new Map<string, number>()
  /** Nobody begins to send after that: some rooms fall silent in the middle of the faults. */
  isSilent = false

  constructor(id: number) {
    this.id = id
  }

  get maySend(): boolean {
    const [oldest = this.sent.size] = this.#pending.values()
    return !this.isSilent && this.sent.size - oldest < LEAD
  }

  get isSettled(): boolean {
    return this.#pending.size === 0
  }

  begin(clientId: string, text: string): void {
    this.#pending.set(clientId, this.sent.size)
    this.sent.set(clientId, text)
  }

  acknowledge(entry: Entry): void {
    this.#pending.delete(entry.clientId)
    this.acknowledged.push(entry)
  }

  /** What this device sees of the room goes here. */
  watch(device: string): Entry[] {
    const entries: Entry[] = []
    this.seen.set(device, entries)
    return entries
  }

  record(history: Entry[]): RoomRecord {
    const { id: roomId, sent, acknowledged, seen } = this
    return { roomId, sent, acknowledged, history, seen }
  }
}

/** A way to the server; it may be gone in any moment, and then comes back. */
export interface Device {
  readonly name: string
  readonly rooms: readonly ChaosRoom[]
  /** What no server may do. */
  readonly complaints: string[]
  /** How often it sent something that it had sent before. */
  readonly repeats: number
  /** It was told to go. */
  readonly isOver: boolean
  /** `undefined` where nobody knows whether it was stored. Never fails. */
  send(room: ChaosRoom, text: string, clientId: string): Promise<Entry | undefined>
  /** Comes, and comes back, until it is told to go. */
  live(): Promise<void>
  go(): void
}

const RETRY_AFTER_MS = 20

/** How long somebody thinks before the next message, in milliseconds. */
export type Pauses = [least: number, most: number]

/** Talks through the device until all its rooms are silent, and everything that it said is acknowledged. */
export async function talk(device: Device, random: Random, pauses: Pauses = [50, 500]): Promise<void> {
  let count = 0
  while (device.rooms.some(({ isSilent }) => !isSilent)) {
    await Bun.sleep(random.between(...pauses))
    const room = random.pick(device.rooms)
    if (!room.maySend) continue
    const [clientId, text] = [`${device.name}-${++count}`, `${device.name} says ${count}`]
    room.begin(clientId, text)
    let entry = await device.send(room, text, clientId)
    while (!entry && !device.isOver) {
      await Bun.sleep(RETRY_AFTER_MS)
      entry = await device.send(room, text, clientId)
    }
    if (!entry) return
    room.acknowledge(entry)
  }
}
