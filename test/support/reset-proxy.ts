import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Door } from './app-client.ts'

/** When a line breaks: at this piece from now of what passes, of which so great a part still gets through. */
export interface Break {
  pieces: number
  part: number
}

/** A line to a server that can break: its TCP connections are reset (RST), not closed. `await using` ends it. */
export class ResetProxy implements AsyncDisposable, Door {
  readonly url: string
  readonly wsUrl: string
  /** How often it broke. */
  breaks = 0
  readonly #server: Server
  readonly #open = new Set<Socket>()
  #plan: Break[] = []
  #passed = 0
  #isCut = false

  private constructor(server: Server) {
    this.#server = server
    const { port } = server.address() as AddressInfo
    this.url = `http://127.0.0.1:${port}`
    this.wsUrl = `ws://127.0.0.1:${port}`
  }

  static async to({ url }: Pick<Door, 'url'>): Promise<ResetProxy> {
    const { port } = new URL(url)
    const server = createServer((near) => proxy.#join(near, connect(Number(port), '127.0.0.1')))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const proxy = new ResetProxy(server)
    return proxy
  }

  /** Each break is counted from the one before. */
  breakAt(plan: Break[]): void {
    this.#plan = [...plan]
    this.#passed = 0
  }

  /** Resets whatever is open now. */
  break(): void {
    this.breaks += 1
    for (const socket of this.#open) socket.resetAndDestroy()
    this.#open.clear()
  }

  /** Breaks it, and until it is mended whoever comes is turned away. */
  cut(): void {
    this.#isCut = true
    this.break()
  }

  mend(): void {
    this.#isCut = false
  }

  #join(near: Socket, far: Socket) {
    if (this.#isCut) {
      near.resetAndDestroy()
      far.destroy()
      return
    }
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#open.add(from)
      from.setNoDelay(true)
      from.on('data', (piece: Buffer) => this.#pass(piece, from, to))
      from.on('drain', () => to.resume())
      from.on('end', () => to.end())
      // It breaks on both sides at once.
      from.on('error', () => to.resetAndDestroy())
      from.on('close', () => this.#open.delete(from))
    }
  }

  #pass(piece: Buffer, from: Socket, to: Socket) {
    const [next] = this.#plan
    this.#passed += 1
    if (!next || this.#passed < next.pieces) {
      if (!to.write(piece)) from.pause()
      return
    }
    this.#plan.shift()
    this.#passed = 0
    to.write(piece.subarray(0, Math.floor(piece.length * next.part)), () => this.break())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
