import type { Socket } from 'bun'

const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 } as const

/** A WebSocket client on bare TCP, for what a well-behaved one never does: not reading, not answering, bad frames. */
export class RawSocket {
  answersPings = false
  /** The head of the answer to the upgrade. */
  head = ''
  readonly closed: Promise<{ code: number }>
  readonly #socket: Socket
  #incoming = Buffer.alloc(0)
  #outgoing = Buffer.alloc(0)
  #isUpgraded = false
  #hasEnded = false
  readonly #opened: Promise<void>
  #open: () => void = () => {}
  #close: (end: { code: number }) => void = () => {}
  readonly #texts: string[] = []
  #pings = 0
  #awaited: (() => void)[] = []

  static async open(url: string, token: string, headers: Record<string, string> = {}): Promise<RawSocket> {
    const { hostname, port, pathname, search, host } = new URL(url)
    let raw: RawSocket | undefined
    const socket = await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        data: (_, data) => raw?.take(data),
        drain: () => raw?.flush(),
        close: () => raw?.end(1006),
        error: () => raw?.end(1006),
      },
    })
    raw = new RawSocket(socket)
    socket.write(
      `GET ${pathname}${search} HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n' +
        Object.entries({ Host: host, Authorization: `Bearer ${token}`, ...headers })
          .map(([name, value]) => `${name}: ${value}\r\n`)
          .join('') +
        '\r\n',
    )
    await raw.#opened
    return raw
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#opened = new Promise((resolve) => {
      this.#open = resolve
    })
    this.closed = new Promise((resolve) => {
      this.#close = resolve
    })
  }

  /** The next text frame; fails when the socket is closed instead. */
  async text(): Promise<string> {
    while (this.#texts.length === 0) {
      if (this.#hasEnded) throw new Error('closed before another text')
      await this.#next()
    }
    return this.#texts.shift() ?? ''
  }

  /** Resolves when the next ping has come. */
  async ping(): Promise<void> {
    const before = this.#pings
    while (this.#pings === before) await this.#next()
  }

  /** Stops taking anything off the connection, as a client does that has hung. */
  stopReading(): void {
    this.#socket.pause()
  }

  readOn(): void {
    this.#socket.resume()
  }

  sendTexts(texts: string[]): void {
    this.send(Buffer.concat(texts.map((text) => frame(OPCODE.text, Buffer.from(text)))))
  }

  send(bytes: Uint8Array): void {
    this.#outgoing = Buffer.concat([this.#outgoing, bytes])
    this.flush()
  }

  /** Bun's socket takes what the kernel takes, and leaves the rest to the caller. */
  flush(): void {
    this.#outgoing = this.#outgoing.subarray(Math.max(0, this.#socket.write(this.#outgoing)))
  }

  [Symbol.dispose](): void {
    this.#socket.terminate()
  }

  #next(): Promise<void> {
    return new Promise((resolve) => this.#awaited.push(resolve))
  }

  end(code: number): void {
    this.#hasEnded = true
    this.#close({ code })
    this.#wake()
  }

  #wake() {
    for (const resolve of this.#awaited.splice(0)) resolve()
  }

  take(data: Buffer): void {
    this.#incoming = Buffer.concat([this.#incoming, data])
    if (!this.#isUpgraded) {
      const end = this.#incoming.indexOf('\r\n\r\n')
      if (end < 0) return
      this.#isUpgraded = true
      this.head = this.#incoming.subarray(0, end).toString()
      this.#incoming = this.#incoming.subarray(end + 4)
      this.#open()
    }
    while (this.#takeFrame()) this.#wake()
  }

  /** Server frames are unmasked and, here, never fragmented. */
  #takeFrame(): boolean {
    const bytes = this.#incoming
    if (bytes.length < 2) return false
    const short = (bytes[1] ?? 0) & 127
    const start = short === 126 ? 4 : short === 127 ? 10 : 2
    if (bytes.length < start) return false
    const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short
    if (bytes.length < start + length) return false
    const payload = bytes.subarray(start, start + length)
    this.#incoming = bytes.subarray(start + length)
    this.#handle((bytes[0] ?? 0) & 15, payload)
    return true
  }

  #handle(opcode: number, payload: Buffer) {
    if (opcode === OPCODE.text) this.#texts.push(payload.toString())
    if (opcode === OPCODE.close) this.end(payload.length >= 2 ? payload.readUInt16BE(0) : 1005)
    if (opcode !== OPCODE.ping) return
    this.#pings += 1
    if (this.answersPings) this.#socket.write(frame(OPCODE.pong, payload))
  }
}

/** A final client frame with a mask of zeros. */
export function frame(opcode: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x80 | opcode]), lengthOf(payload), Buffer.alloc(4), payload])
}

function lengthOf({ length }: Buffer): Buffer {
  if (length < 126) return Buffer.from([0x80 | length])
  const bytes = Buffer.alloc(length < 65_536 ? 3 : 9)
  bytes[0] = 0x80 | (length < 65_536 ? 126 : 127)
  if (length < 65_536) bytes.writeUInt16BE(length, 1)
  else bytes.writeBigUInt64BE(BigInt(length), 1)
  return bytes
}
