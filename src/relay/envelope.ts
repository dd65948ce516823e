import { createCipheriv, createDecipheriv, timingSafeEqual } from 'node:crypto'

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
const NONCE_LENGTH = 12
const TAG_LENGTH = 16

/** The names and seals of one cluster: whoever does not have its key can say nothing in it, nor say again what was said. */
export class Envelopes {
  /** With the key in it, and nothing else yet. */
  readonly #hasher: Bun.CryptoHasher
  readonly #secretKey: Buffer
  readonly #node: string
  /** Microseconds since 1970, or more: each word has a higher one than the word before, whatever the clock does. */
  #stamp = 0
  /** The last stamp of each node on each line. Never forgotten, for what is old could be said again; nodes are few. */
  readonly #opened = new Map<string, number>()
  /** Apart from other clusters on the same Redis. */
  readonly prefix: string

  /** `clusterKey`: hexadecimal, 32 bytes. `node`: 16 characters. `db`: the number that Redis' channels do not know of. */
  constructor(clusterKey: string, node: string, db = 0) {
    this.#hasher = new Bun.CryptoHasher('sha256', Buffer.from(clusterKey, 'hex'))
    this.#secretKey = Buffer.from(this.#mac('the key of secret words'), 'base64url')
    this.#node = node
    // A name that tells nothing of the key.
    this.prefix = `parley:${this.#mac(`the name of this cluster ${db}`).slice(0, 12)}:`
  }

  /** For nobody who listens in: AES-256-GCM (NIST SP 800-38D), the nonce before it and the tag behind it. */
  hide(text: string): string {
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_LENGTH))
    const cipher = createCipheriv('aes-256-gcm', this.#secretKey, nonce)
    return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64')
  }

  /** @throws Error for what was not hidden by this cluster */
  show(hidden: string): string {
    const bytes = Buffer.from(hidden, 'base64')
    const decipher = createDecipheriv('aes-256-gcm', this.#secretKey, bytes.subarray(0, NONCE_LENGTH))
    decipher.setAuthTag(bytes.subarray(-TAG_LENGTH))
    return decipher.update(bytes.subarray(NONCE_LENGTH, -TAG_LENGTH), undefined, 'utf8') + decipher.final('utf8')
  }

  seal(channel: string, text: string, now: number): string {
    this.#stamp = Math.max(this.#stamp + 1, now * 1000)
    return this.sign(channel, `${this.#node}${String(this.#stamp).padStart(16, '0')}${text}`)
  }

  /** Whose it says to be, before it is known whether that is true. */
  nodeOf(envelope: Buffer): string {
    return envelope.toString('latin1', MAC_LENGTH, NODE_END)
  }

  /**
   * `undefined` for what no node of this cluster has said on this channel, and for what it has said before something that was
   * heard already. `line`: whatever keeps the words of each node in order.
   */
  open(channel: string, envelope: string, line: number): Word | undefined {
    const signed = this.verify(channel, envelope)
    if (signed === undefined || envelope.length < STAMP_END) return undefined
    const node = envelope.slice(MAC_LENGTH, NODE_END)
    const stamp = Number(envelope.slice(NODE_END, STAMP_END))
    const sender = `${node}${line}`
    if (stamp <= (this.#opened.get(sender) ?? 0)) return undefined
    this.#opened.set(sender, stamp)
    return { node, sentAt: Math.floor(stamp / 1000), text: envelope.slice(STAMP_END) }
  }

  /** The text with what proves that this cluster has written it at this place. */
  sign(place: string, text: string): string {
    return this.#mac(whole(place, text)) + text
  }

  verify(place: string, signed: string): string | undefined {
    const text = signed.slice(MAC_LENGTH)
    const mac = Buffer.from(signed.slice(0, MAC_LENGTH))
    const expected = Buffer.from(this.#mac(whole(place, text)))
    return mac.length === expected.length && timingSafeEqual(mac, expected) ? text : undefined
  }

  #mac(text: string): string {
    return this.#hasher.copy().update(text).digest('base64url')
  }
}

/** No other place and text make the same of it. */
const whole = (place: string, text: string) => `${place.length} ${place}${text}`
