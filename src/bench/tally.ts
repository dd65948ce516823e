import { Latencies } from './meter.ts'

let talks = 0

/** What is being counted of one talk, all of its sockets together. */
export class Tally {
  readonly id = ++talks
  readonly toOthers = new Latencies()
  readonly toSender = new Latencies()
  readonly refused: Record<string, number> = {}
  messages = 0
  deliveries = 0
  isOver = false
  lastHeardAt = 0
  from = Number.POSITIVE_INFINITY
  until = Number.POSITIVE_INFINITY

  /** Counted by when it came, and timed by when it was due: what comes late is not left out. */
  hear(isOwn: boolean, due: number, now: number): void {
    this.lastHeardAt = now
    if (now >= this.from && now < this.until) {
      if (isOwn) this.messages += 1
      this.deliveries += 1
    }
    if (due >= this.from && due < this.until) (isOwn ? this.toSender : this.toOthers).record(now - due)
  }

  refuse(code: string, now: number): void {
    this.lastHeardAt = now
    this.refused[code] = (this.refused[code] ?? 0) + 1
  }
}
