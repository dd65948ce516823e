import { RedisRelay } from '../../src/relay/redis.ts'
import { parseRedisUrl } from '../../src/relay/redis-url.ts'
import { nodeChannel, type Relay, type RelayState } from '../../src/relay/relay.ts'
import { until } from './redis.ts'

/** A node's relay, and what it has told of. */
export class Member {
  readonly relay: Relay
  /** `channel text`, in the order in which they came. */
  readonly heard: string[] = []
  readonly states: RelayState[] = []
  readonly lags: number[] = []
  readonly troubles: string[] = []
  backs = 0
  forged = 0

  constructor(relay: Relay) {
    this.relay = relay
    relay.attend({
      onHeard: (channel, text) => this.heard.push(`${channel} ${text}`),
      onBack: () => {
        this.backs += 1
      },
      onState: (state) => this.states.push(state),
      onLag: (ms) => this.lags.push(ms),
      onTrouble: (error) => this.troubles.push(String(error)),
      onForged: () => {
        this.forged += 1
      },
    })
  }

  /** Resolves when it has heard this. */
  hears(word: string): Promise<void> {
    return until(() => this.heard.includes(word), `hears ${word}`)
  }

  is(state: RelayState): Promise<void> {
    return until(() => this.relay.state === state, `is ${state}`)
  }

  /** Resolves when what the other one has said before is heard, if it ever will be. */
  async catchUp(other: Member): Promise<void> {
    const word = crypto.randomUUID()
    await other.relay.ask(nodeChannel(this.relay.node), word)
    const whole = `${nodeChannel(this.relay.node)} ${word}`
    await this.hears(whole)
    this.heard.splice(this.heard.indexOf(whole), 1)
  }
}

/** Nodes of one cluster on this Redis, and of no other that is there too. `await using` closes them. */
export class RedisNodes implements AsyncDisposable {
  readonly clusterKey = crypto.getRandomValues(new Uint8Array(32)).toHex()
  readonly #url: string
  readonly #members: Member[] = []

  constructor(url: string) {
    this.#url = url
  }

  /** It may be away still. */
  add(): Member {
    const target = parseRedisUrl(this.#url)
    if (!target) throw new Error(`no URL: ${this.#url}`)
    const times = { now: Date.now, uptime: () => performance.now() }
    const member = new Member(new RedisRelay({ ...times, target, clusterKey: this.clusterKey }))
    this.#members.push(member)
    return member
  }

  async join(): Promise<Member> {
    const member = this.add()
    await member.is('up')
    return member
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#members.map(({ relay }) => relay.close()))
  }
}
