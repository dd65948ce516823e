import type { Socket } from 'bun'

export interface Answer {
  status: number
  body: string
}

/** A kept HTTP/1.1 connection for one request at a time. `fetch` would choose by itself how many connections there are. */
export class Connection {
  #socket: Socket | undefined
  #waiting: PromiseWithResolvers<Answer> | undefined
  #received = ''

  async open(port: number): Promise<void> {
    const ends = () => this.#end()
    const handlers = { data: (_: Socket, chunk: Buffer) => this.#receive(chunk), close: ends, error: ends }
    this.#socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: handlers })
    this.#socket.setNoDelay(true)
  }

  /** Rejects where the connection is closed before the answer is complete. */
  exchange(request: string): Promise<Answer> {
    const waiting = Promise.withResolvers<Answer>()
    this.#waiting = waiting
    // Nothing else is on its way: what is so small is written whole, or the connection is gone.
    if (this.#socket?.write(request) !== request.length) this.#end()
    return waiting.promise
  }

  close(): void {
    this.#socket?.end()
  }

  /** All of it is ASCII here, so that its characters are its bytes. */
  #receive(chunk: Buffer): void {
    this.#received += chunk.toString('latin1')
    const [head, body] = this.#received.split('\r\n\r\n', 2)
    if (head === undefined || body === undefined) return
    if (body.length < Number(/^content-length: *(\d+)/im.exec(head)?.[1])) return
    this.#received = ''
    this.#waiting?.resolve({ status: Number(head.split(' ', 2)[1]), body })
  }

  #end(): void {
    this.#waiting?.reject(new Error('closed'))
  }
}
