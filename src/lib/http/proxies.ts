import { BlockList, isIP } from 'node:net'

export interface Client {
  ip: string
  isTls: boolean
}

/** Whoever likes can send the header. */
const MAX_TOLD = 10

/** Whose forwarding headers are believed. Everybody else is who they connect as. */
export class Proxies {
  readonly #trusted = new BlockList()
  readonly #isTls: boolean
  readonly #onUntrusted: (peer: string) => void
  readonly #told = new Set<string>()

  /**
   * `trusted` are addresses and CIDRs; `isTls` says whether this server itself speaks TLS. `onUntrusted` hears of each
   * peer once that names somebody else as the client and is not believed: perhaps a proxy that was forgotten.
   */
  constructor(trusted: readonly string[], isTls: boolean, onUntrusted: (peer: string) => void = () => {}) {
    this.#isTls = isTls
    this.#onUntrusted = onUntrusted
    for (const range of trusted) {
      const [address = '', bits] = range.split('/')
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
      this.#trusted.addSubnet(address, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family)
    }
  }

  /** `X-Forwarded-For` is walked from the right: the first address that is not one of ours is the client. */
  clientOf(headers: Headers, peer: string): Client {
    if (!this.#isTrusted(peer)) {
      if (headers.has('x-forwarded-for')) this.#tell(peer)
      return { ip: peer, isTls: this.#isTls }
    }
    const ip = this.#firstOfOthers((headers.get('x-forwarded-for') ?? '').split(','), peer)
    const proto = headers.get('x-forwarded-proto')?.split(',').at(-1)?.trim()
    return { ip, isTls: proto === undefined ? this.#isTls : proto === 'https' }
  }

  /** From the right, as far as trusted hops say so: what stands beyond the first that is none may be made up. */
  #firstOfOthers(hops: string[], peer: string): string {
    let nearest = peer
    for (const hop of hops.reverse()) {
      const address = addressOf(hop.trim())
      if (address === undefined) break
      nearest = address
      if (!this.#isTrusted(address)) break
    }
    return nearest
  }

  #tell(peer: string) {
    if (this.#told.has(peer) || this.#told.size >= MAX_TOLD) return
    this.#told.add(peer)
    this.#onUntrusted(peer)
  }

  #isTrusted(address: string): boolean {
    const family = isIP(address)
    return family !== 0 && this.#trusted.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }
}

/** Some proxies write the port too: `203.0.113.9:4711`, `[2001:db8::1]:4711`. */
function addressOf(hop: string): string | undefined {
  const [, bracketed, plain] = /^\[(.+)\](?::\d+)?$|^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(hop) ?? []
  const address = bracketed ?? plain ?? hop
  return isIP(address) === 0 ? undefined : address
}

/** What limits go by: an IPv4 address, however it is written, or the /64 of an IPv6 one, of which a customer has all. */
export function networkOf(ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1]
  if (mapped !== undefined) return mapped
  if (isIP(ip) !== 6) return ip
  // As a URL has it: no zone, no dotted end, no leading zeros.
  const canonical = URL.parse(`http://[${ip.replace(/%.*$/, '')}]`)?.hostname.slice(1, -1) ?? ip
  const [left = [], right] = canonical.split('::').map((part) => part.split(':').filter((group) => group !== ''))
  const zeros = right ? Array<string>(8 - left.length - right.length).fill('0') : []
  return `${[...left, ...zeros, ...(right ?? [])].slice(0, 4).join(':')}::/64`
}
