import { type Answer, Connection } from './connection.ts'
import type { LoadResult } from './load.ts'
import { type Cost, costOf, memoryOf } from './proc.ts'
import type { Server } from './servers.ts'

const CONNECTIONS = 64
const SLICE_MS = 500
const LAST_ANSWERS_MS = 5000

/** What one server is asked: the next request is sent on whichever connection is free. */
export interface Asking {
  server: Server
  next(): Asked
  /** Of all answers, also those before the measured time. */
  counts(): Counts
}

export interface Asked {
  request: string
  take(answer: Answer): void
}

export type Counts = Omit<LoadResult, keyof ReturnType<typeof figuresOf> | 'rss_kb' | 'closed' | 'errs' | 'hs_fail'>

/**
 * Requests on kept connections, each of which sends its next when its last was answered. The servers take turns of half a
 * second, so that a noisy second troubles all alike; those whose turn it isn't have nothing to do.
 */
export async function loadRequests(all: Asking[], warmup: number, seconds: number): Promise<LoadResult[]> {
  const crews = all.map((asking) => new Crew(asking))
  await Promise.all(crews.map((crew) => crew.open()))
  const takeTurns = async (ms: number) => {
    for (let slice = 0; slice < ms / SLICE_MS; slice++) for (const crew of crews) await crew.send()
  }
  await takeTurns(warmup * 1000)
  const measured = crews.map((crew) => crew.measure())
  await takeTurns(seconds * 1000)
  const results = measured.map((result) => result())
  for (const crew of crews) crew.close()
  return results
}

/** All that speak to one server. */
class Crew {
  readonly #asking: Asking
  readonly #connections = Array.from({ length: CONNECTIONS }, () => new Connection())
  /** In milliseconds. */
  #latencies: number[] = []
  #sentForMs = 0
  #ownCpuMs = 0
  #closed = 0

  constructor(asking: Asking) {
    this.#asking = asking
  }

  async open(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.open(this.#asking.server.port)))
  }

  close(): void {
    for (const connection of this.#connections) connection.close()
  }

  /** For a slice, and until the last answer of it is there. */
  async send(): Promise<void> {
    const startedAt = performance.now()
    const cpuBefore = process.cpuUsage()
    const isOver = () => performance.now() - startedAt >= SLICE_MS
    const senders = this.#connections.map((connection) => this.#sendOn(connection, isOver))
    await Promise.race([Promise.all(senders), Bun.sleep(SLICE_MS + LAST_ANSWERS_MS)])
    this.#sentForMs += performance.now() - startedAt
    const { user, system } = process.cpuUsage(cpuBefore)
    this.#ownCpuMs += (user + system) / 1000
  }

  async #sendOn(connection: Connection, isOver: () => boolean): Promise<void> {
    try {
      while (!isOver()) {
        const { request, take } = this.#asking.next()
        const sentAt = performance.now()
        const answer = await connection.exchange(request)
        this.#latencies.push(performance.now() - sentAt)
        take(answer)
      }
    } catch {
      this.#closed += 1
    }
  }

  /** From now to the call of what it returns. */
  measure(): () => LoadResult {
    const { pid } = this.#asking.server
    this.#latencies = []
    this.#sentForMs = 0
    this.#ownCpuMs = 0
    const cost = costOf(pid)
    return () => ({
      ...figuresOf(this.#latencies, this.#sentForMs, this.#ownCpuMs, cost()),
      ...this.#asking.counts(),
      ...{ closed: this.#closed, errs: 0, hs_fail: 0 },
      rss_kb: memoryOf(pid).rss,
    })
  }
}

function figuresOf(latencies: number[], ms: number, ownCpuMs: number, { cpuSeconds, steal, diskWait }: Cost) {
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (part: number) => sorted[Math.floor(part * sorted.length)] ?? Number.NaN
  return {
    msgs_s: (1000 * sorted.length) / ms,
    srv_us_per_msg: Number(((1e6 * cpuSeconds) / sorted.length).toFixed(1)),
    own: { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: sorted.at(-1) ?? Number.NaN },
    gen_cpu_pct: (100 * ownCpuMs) / ms,
    steal,
    core0_iowait: diskWait,
  }
}

interface Sent {
  method: 'GET' | 'POST'
  path: string
  token: string
  port: number
  body?: string
}

export function requestText({ method, path, token, port, body }: Sent): string {
  const headers = [
    `${method} ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    `Authorization: Bearer ${token}`,
    ...(body === undefined ? [] : ['Content-Type: application/json', `Content-Length: ${body.length}`]),
  ]
  return `${headers.join('\r\n')}\r\n\r\n${body ?? ''}`
}
