import { timingSafeEqual } from 'node:crypto'

/** What one node says on a channel, as it travels: `mac node stamp text`. */
export interface Word {
  node: string
  /** Milliseconds since 1970, by the clock of the sender. */
  sentAt: number
  text: string
}

/** HMAC-SHA-256 (RFC 2104) in base64url, then the node's 16 digits, then 16 of the stamp. */
const MAC_LENGTH = 43
const NODE_END = MAC_LENGTH + 16
const STAMP_END = NODE_END + 16

/** The names and seals of one cluster: whoever does not have its key can say nothing in it, nor say again what was said. */
export class Envelopes {
  readonly #key: Buffer
  readonly #node: string
  /** Microseconds since 1970, or more: each word has a higher one than the word before, whatever the clock does. */
  #stamp = 0
  /** The last stamp of each node on each line. Never forgotten, for what is old could be said again; nodes are few. */
  readonly #opened = new Map<string, number>()
  /** Apart from other clusters on the same Redis. */
  readonly prefix: string

  /** `clusterKey`: hexadecimal, 32 bytes. `node`: 16 characters. */
  constructor(clusterKey: string, node: string) {
    this.#key = Buffer.from(clusterKey, 'hex')
    this.#node = node
    // A name that tells nothing of the key.
    this.prefix = `parley:${this.#mac('the name of this cluster').slice(0, 12)}:`
  }

  seal(channel: string, text: string, now: number): string {
    this.#stamp = Math.max(this.#stamp + 1, now * 1000)
    return this.sign(channel, `${this.#node}${String(this.#stamp).padStart(16, '0')}${text}`)
  }

  /** Whose it says to be, before it is known whether that is true. */
  nodeOf(envelope: string): string {
    return envelope.slice(MAC_LENGTH, NODE_END)
  }

  /**
   * `undefined` for what no node of this cluster has said on this channel, and for what it has said before something that was
   * heard already. `line`: whatever keeps the words of each node in order.
   */
  open(channel: string, envelope: string, line: number): Word | undefined {
    const signed = this.verify(channel, envelope)
    if (signed === undefined || envelope.length < STAMP_END) return undefined
    const node = this.nodeOf(envelope)
    const stamp = Number(envelope.slice(NODE_END, STAMP_END))
    const sender = `${node}${line}`
    if (stamp <= (this.#opened.get(sender) ?? 0)) return undefined
    this.#opened.set(sender, stamp)
    return { node, sentAt: Math.floor(stamp / 1000), text: envelope.slice(STAMP_END) }
  }

  /** The text with what proves that this cluster has written it at this place. */
  sign(place: string, text: string): string {
    return this.#mac(`${place}\n${text}`) + text
  }

  verify(place: string, signed: string): string | undefined {
    const text = signed.slice(MAC_LENGTH)
    const mac = Buffer.from(signed.slice(0, MAC_LENGTH))
    const expected = Buffer.from(this.#mac(`${place}\n${text}`))
    return mac.length === expected.length && timingSafeEqual(mac, expected) ? text : undefined
  }

  #mac(text: string): string {
    return new Bun.CryptoHasher('sha256', this.#key).update(text).digest('base64url')
  }
}
