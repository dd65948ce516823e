import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Door } from './app-client.ts'

/** One address for several servers: each connection goes to the next one. `await using` ends it. */
export class RoundRobin implements AsyncDisposable, Door {
  readonly url: string
  readonly wsUrl: string
  readonly port: number
  /** How many connections went to each. */
  readonly counts: number[]
  readonly #server: Server
  readonly #open = new Set<Socket>()
  #isShut = false

  private constructor(server: Server, count: number) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    this.url = `http://127.0.0.1:${this.port}`
    this.wsUrl = `ws://127.0.0.1:${this.port}`
    this.counts = Array.from({ length: count }, () => 0)
  }

  static async to(ports: readonly number[]): Promise<RoundRobin> {
    let next = 0
    const server = createServer((near) => {
      const at = next++ % ports.length
      door.#join(near, at, ports[at] ?? 0)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const door = new RoundRobin(server, ports.length)
    return door
  }

  #join(near: Socket, at: number, port: number) {
    if (this.#isShut) return near.resetAndDestroy()
    this.counts[at] = (this.counts[at] ?? 0) + 1
    const far = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#open.add(from)
      from.setNoDelay(true)
      from.pipe(to)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        this.#open.delete(from)
        to.destroy()
      })
    }
  }

  /** Resets what is open, and whoever comes. */
  shut(): void {
    this.#isShut = true
    for (const socket of this.#open) socket.resetAndDestroy()
  }

  reopen(): void {
    this.#isShut = false
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
