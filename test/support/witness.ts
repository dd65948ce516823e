import { expect } from 'bun:test'
import { memoryOf } from '../bench/proc.ts'
import { settled } from './app-client.ts'
import { seqs } from './app-socket.ts'
import type { Person } from './person.ts'
import type { RunningParley } from './server.ts'
import type { TestSocket } from './socket.ts'

/** What a server may hold at the end of it all, more than at its beginning. */
const MOST_KIB = 200_000

/** A text as the room has it afterwards. */
export const asStored = (text: string): string => text.replaceAll('\r\n', '\n').normalize('NFC')

/** Somebody who does all as it should be done, in the room in which somebody else does not. */
export class Witness {
  readonly owner: Person
  /** The one who does not. */
  readonly customer: Person
  readonly roomId: number
  /** What was acknowledged, by its seq. */
  readonly acknowledged = new Map<number, string>()
  /** What was sent in a frame that one may take for a good one, as it would be stored. */
  readonly said = new Set<string>()
  readonly #server: RunningParley
  readonly #socket: TestSocket
  readonly #rssBefore: number

  private constructor(server: RunningParley, pair: Pick<Witness, 'owner' | 'customer' | 'roomId'>, socket: TestSocket) {
    this.#server = server
    this.owner = pair.owner
    this.customer = pair.customer
    this.roomId = pair.roomId
    this.#socket = socket
    this.#rssBefore = memoryOf(server.pid).rss
  }

  static async at(server: RunningParley): Promise<Witness> {
    const pair = await server.pair()
    return new Witness(server, pair, await pair.owner.connect(pair.roomId))
  }

  /** They say something, and hear it. */
  async speak(): Promise<void> {
    this.#socket.send({ message: 'still here' })
    let frame = await this.#socket.next()
    while (frame.message !== 'still here') frame = await this.#socket.next()
    this.acknowledged.set(frame.seq ?? 0, 'still here')
  }

  /** The room has what was acknowledged and nothing that nobody has said; they have heard it all; and nothing is left behind. */
  async expectSound(): Promise<void> {
    // The last words of a connection that has gone may be under way.
    await settled(this.#server, 'parley_connections', (count) => count === 1)
    await this.speak()
    const stored = new Map((await this.owner.history(this.roomId)).map(({ seq, text }) => [seq, text]))
    expect([...stored.keys()]).toEqual(seqs(1, stored.size))
    for (const [seq, text] of this.acknowledged) expect({ seq, text: stored.get(seq) }).toEqual({ seq, text })
    expect([...stored].filter(([seq, text]) => !this.acknowledged.has(seq) && !this.said.has(text))).toEqual([])
    expect(this.#socket.received.map(({ seq }) => seq)).toEqual([...stored.keys()])
    expect(memoryOf(this.#server.pid).rss - this.#rssBefore).toBeLessThan(MOST_KIB)
  }
}
