export interface Frame {
  message?: string
  sender_username?: string
  sender_id?: string | null
  room_id?: number
  seq?: number
  sent_at?: string
  client_id?: string
  error?: string
  code?: string
}

interface Dial {
  headers?: Record<string, string>
  protocols?: string[]
}

/** Bun's client, which unlike a browser's takes headers. Resolves when the upgrade succeeded, rejects when it failed. */
export async function openSocket(url: string, { headers = {}, protocols = [] }: Dial = {}): Promise<TestSocket> {
  const socket = new WebSocket(url, { headers, protocols })
  const wrapped = new TestSocket(socket)
  await new Promise((resolve, reject) => {
    socket.onopen = resolve
    socket.onerror = () => reject(new Error(`no upgrade at ${url}`))
  })
  return wrapped
}

/** A WebSocket whose frames are awaited one by one. `using` closes it. */
export class TestSocket {
  readonly #socket: WebSocket
  readonly #frames: Frame[] = []
  readonly #waiting: { resolve: (frame: Frame) => void; reject: (error: Error) => void }[] = []
  readonly #milestones: { count: number; resolve: () => void }[] = []
  #ending: string | undefined
  /** Everything received so far, as it came. */
  readonly received: Frame[] = []
  readonly closed: Promise<{ code: number; reason: string }>

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.onmessage = ({ data }) => this.#take(JSON.parse(String(data)))
    this.closed = new Promise((resolve) => {
      socket.onclose = ({ code, reason }) => {
        this.#ending = `closed with ${code} ${reason}`
        for (const { reject } of this.#waiting.splice(0)) reject(new Error(this.#ending))
        resolve({ code, reason })
      }
    })
  }

  get protocol(): string {
    return this.#socket.protocol
  }

  /** Resolves when so many frames have been received in all, whoever takes them. */
  reached(count: number): Promise<void> {
    if (this.received.length >= count) return Promise.resolve()
    return new Promise((resolve) => this.#milestones.push({ count, resolve }))
  }

  #take(frame: Frame) {
    this.received.push(frame)
    for (const { count, resolve } of this.#milestones) if (this.received.length >= count) resolve()
    const next = this.#waiting.shift()
    if (next) next.resolve(frame)
    else this.#frames.push(frame)
  }

  /** An object is sent as JSON, anything else as it is. */
  send(frame: object | string | Uint8Array): void {
    const isRaw = typeof frame === 'string' || frame instanceof Uint8Array
    this.#socket.send(isRaw ? frame : JSON.stringify(frame))
  }

  /** The next frame that was not taken yet; fails when the socket is closed instead. */
  next(): Promise<Frame> {
    const frame = this.#frames.shift()
    if (frame) return Promise.resolve(frame)
    if (this.#ending) return Promise.reject(new Error(this.#ending))
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  async take(count: number): Promise<Frame[]> {
    const frames: Frame[] = []
    while (frames.length < count) frames.push(await this.next())
    return frames
  }

  close(): void {
    this.#socket.close()
  }

  [Symbol.dispose](): void {
    this.#socket.close()
  }
}
