import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { ChatEvent } from '../events.ts'
import { DISCONNECT } from '../live/app/protocol.ts'
import { CLOSE } from '../live/plain/protocol.ts'
import type { ReplayResult } from '../live/plain/session.ts'
import type { RelayState } from '../relay/relay.ts'

/** Clients may close with any code of theirs; each would be a series of its own. */
const CLOSE_CODES: ReadonlySet<number> = new Set([
  ...[1000, 1001, 1002, 1005, 1006, 1007, 1009],
  ...Object.values(CLOSE),
  ...Object.values(DISCONNECT),
])

/** What is read when somebody asks. */
export interface Sources {
  connections: () => number
  liveRooms: () => number
  waitingWrites: () => number
  isRelayUp: () => boolean
}

/** Prometheus metrics of this process. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #messages = this.#counter('parley_messages_total', 'Messages stored.')
  readonly #requests = this.#counter('parley_http_requests_total', 'HTTP requests.', ['route', 'status'])
  readonly #closed = this.#counter('parley_sockets_closed_total', 'Sockets closed, by close code.', ['code'])
  readonly #replays = this.#counter('parley_replays_total', 'Replays that clients asked for, by result.', ['result'])
  readonly #refused = this.#counter('parley_frames_refused_total', 'Frames answered with an error, by code.', ['code'])
  readonly #commitSeconds = this.#histogram(
    'parley_commit_seconds',
    'From shipping a batch to its flush.',
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
  )
  readonly #commitRows = this.#histogram(
    'parley_commit_writes',
    'Writes in one commit.',
    [1, 2, 5, 10, 25, 50, 100, 250, 512],
  )
  readonly #lag = this.#gauge(
    'parley_event_loop_lag_seconds',
    'The worst delay of the event loop since the last reading.',
  )
  readonly #hintLag = this.#histogram(
    'parley_hint_lag_seconds',
    "From another node's sending of a hint to hearing it, by the clocks of both.",
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
  )
  readonly #forged = this.#counter('parley_hints_forged_total', 'Hints that no node of this cluster has sent.')
  readonly #repaired = this.#counter(
    'parley_repaired_entries_total',
    'Entries that were read from the database since no hint of them had come.',
  )
  readonly #relayLost = this.#counter('parley_relay_lost_total', 'How often the relay was lost.')
  #worstLagMs = 0
  /** Stored through this process since it started. */
  messages = 0

  readonly onCommit = (ms: number, rows: number): void => {
    this.#commitSeconds.observe(ms / 1000)
    this.#commitRows.observe(rows)
  }
  readonly onRequest = (route: string, status: number): void => this.#requests.inc({ route, status })
  readonly publish = (event: ChatEvent): void => {
    if (event.type !== 'message.created') return
    this.#messages.inc()
    this.messages += 1
  }
  readonly onClosed = (code: number): void => this.#closed.inc({ code: CLOSE_CODES.has(code) ? code : 'other' })
  /** What the sockets tell of. */
  readonly ofSockets = {
    onReplay: (result: ReplayResult): void => this.#replays.inc({ result }),
    onRefused: (code: string): void => this.#refused.inc({ code }),
  }
  readonly onRepaired = (entries: number): void => this.#repaired.inc(entries)
  /** What the relay tells of. */
  readonly ofRelay = {
    onHintLag: (ms: number): void => this.#hintLag.observe(ms / 1000),
    onForgedHint: (): void => this.#forged.inc(),
    onRelayState: (state: RelayState): void => {
      if (state === 'away') this.#relayLost.inc()
    },
  }
  readonly onLag = (ms: number): void => {
    this.#worstLagMs = Math.max(this.#worstLagMs, ms)
  }

  watch({ connections, liveRooms, waitingWrites, isRelayUp }: Sources): void {
    this.#gauge('parley_connections', 'Open sockets.', connections)
    this.#gauge('parley_live_rooms', 'Rooms with an open socket.', liveRooms)
    this.#gauge('parley_writes_waiting', 'Writes that wait for a commit.', waitingWrites)
    const state = 'Whether other nodes are heard: 1 or 0; 1 too where there is no relay.'
    this.#gauge('parley_relay_up', state, () => Number(isRelayUp()))
    this.#watchCpu()
    this.#gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss())
  }

  /** The text format of Prometheus. */
  async text(): Promise<string> {
    this.#lag.set(this.#worstLagMs / 1000)
    this.#worstLagMs = 0
    return this.#registry.metrics()
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** Of all threads, under the name and in the type that every Prometheus client has for it. */
  #watchCpu() {
    const counter: Counter = new Counter({
      name: 'process_cpu_seconds_total',
      help: 'CPU time of all threads since the start.',
      registers: [this.#registry],
      collect: () => {
        const { user, system } = process.cpuUsage()
        counter.reset()
        counter.inc((user + system) / 1e6)
      },
    })
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[] = []) {
    return new Counter({ name, help, labelNames, registers: [this.#registry] })
  }

  #histogram(name: string, help: string, buckets: number[]) {
    return new Histogram({ name, help, buckets, registers: [this.#registry] })
  }

  #gauge(name: string, help: string, read?: () => number) {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: [this.#registry],
      ...(read ? { collect: () => gauge.set(read()) } : {}),
    })
    return gauge
  }
}
