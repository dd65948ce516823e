import type { Room } from './crowd.ts'

/** One socket in a room: what was said on it in a talk, and what came. */
export class Seat {
  readonly number: number
  readonly room: Room
  said = 0
  /** Of what was said here: what came back, and what was refused. */
  acknowledged = 0
  refused = 0
  /** Of all that was said in the room: what came, each once. */
  heard = 0
  doubled = 0
  /** Came after a later one. */
  disordered = 0
  /** The code with which the server closed it. */
  closedWith: number | undefined
  readonly #socket: WebSocket
  #newest: number | undefined
  readonly #skipped = new Set<number>()

  constructor(socket: WebSocket, room: Room, number: number) {
    this.#socket = socket
    this.room = room
    this.number = number
    socket.onclose = ({ code }) => {
      this.closedWith = code
    }
  }

  onFrame(listener: (seat: Seat, frame: string) => void): void {
    this.#socket.onmessage = ({ data }) => listener(this, String(data))
  }

  begin(): void {
    this.said = this.acknowledged = this.refused = this.heard = this.doubled = this.disordered = 0
    this.#newest = undefined
    this.#skipped.clear()
  }

  get isOpen(): boolean {
    return this.closedWith === undefined
  }

  say(frame: string): void {
    this.said += 1
    this.#socket.send(frame)
  }

  /** A room's messages are numbered without a gap, so their numbers tell what comes twice or too late. */
  hear(seq: number): void {
    const newest = this.#newest ?? seq - 1
    if (seq > newest) {
      for (let between = newest + 1; between < seq; between++) this.#skipped.add(between)
      this.#newest = seq
      this.heard += 1
    } else if (this.#skipped.delete(seq)) {
      this.disordered += 1
      this.heard += 1
    } else this.doubled += 1
  }

  async leave(): Promise<void> {
    if (!this.isOpen) return
    const gone = new Promise<void>((resolve) => {
      this.#socket.onclose = () => resolve()
    })
    this.#socket.close()
    await Promise.race([gone, Bun.sleep(LEAVE_WITHIN_MS)])
  }
}

const LEAVE_WITHIN_MS = 2000
