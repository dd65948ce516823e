import type { Log } from '../lib/log.ts'
import type { Hub } from '../live/hub.ts'
import type { Presence } from '../presence/service.ts'
import { nodeChannel, type Relay, type RelayState } from '../relay/relay.ts'
import type { Inboxes } from '../rooms/inboxes.ts'
import { EVERYBODY, type Hints } from './hints.ts'
import type { ClusterLimits } from './limits.ts'

/** What is measured of a relay. */
export interface RelayGauges {
  onHintLag(ms: number): void
  onForgedHint(): void
  onRelayState(state: RelayState): void
}

interface Deps extends RelayGauges {
  relay: Relay
  hints: Hints
  limits: ClusterLimits
  hub: Pick<Hub, 'check'>
  inboxes: Pick<Inboxes, 'check'>
  presence: Pick<Presence, 'recheck'>
  /** A command of a client whose emulated socket is on this node. */
  onCommand: (session: string, data: string) => void
  log: Log
  /** Milliseconds of a clock that never jumps. */
  uptime: () => number
}

/** After the relay came back. */
const SOON_MS = 10_000
const MAX_TROUBLES = 10

/** This node among the others: where their words go, and what is done when they could not be heard. */
export class ClusterNode {
  readonly #deps: Deps
  /** Whether it was ever up: to be away then is news. */
  #wasUp = false
  readonly #troubles = new Set<string>()
  #backAt = Number.NEGATIVE_INFINITY

  constructor(deps: Deps) {
    this.#deps = deps
    const { relay, onHintLag, onForgedHint } = deps
    relay.attend({
      onHeard: (channel, text) => this.#hear(channel, text),
      onBack: () => this.#sweep(),
      onState: (state) => this.#note(state),
      onLag: onHintLag,
      onForged: onForgedHint,
      onTrouble: (error) => this.#warn(error),
    })
    void relay.listen(EVERYBODY)
  }

  get name(): string {
    return this.#deps.relay.node
  }

  /** Takes a command to the node on which its client's emulated socket is. Resolves to whether there is such a node. */
  forward(node: string, session: string, data: string): Promise<boolean> {
    return this.#deps.relay.ask(nodeChannel(node), JSON.stringify({ session, data }))
  }

  #hear(channel: string, text: string) {
    const { hints, limits, onCommand, log } = this.#deps
    try {
      const word = JSON.parse(text)
      if (channel === nodeChannel(this.name)) onCommand(word.session, word.data)
      else if (channel === EVERYBODY && word.taken !== undefined) limits.hear(word)
      else hints.hear(channel, word)
    } catch (error) {
      log.error('hint_failed', { error })
    }
  }

  /** What was said meanwhile is in the database. */
  #sweep() {
    const { hub, inboxes, presence, hints, uptime } = this.#deps
    hints.flush()
    void hub.check(1)
    void inboxes.check()
    void presence.recheck()
    this.#backAt = uptime()
  }

  /** Once for each thing that is wrong, until the relay is up again. Redis' own words name no password. */
  #warn(error: unknown) {
    const trouble = error instanceof Error ? error.message : String(error)
    if (this.#troubles.has(trouble) || this.#troubles.size >= MAX_TROUBLES) return
    this.#troubles.add(trouble)
    this.#deps.log.warn('relay_trouble', { note: trouble })
  }

  /** Whether others may have done something lately that this node could not hear. */
  get wasAwayLately(): boolean {
    return this.#deps.uptime() - this.#backAt < SOON_MS
  }

  #note(state: RelayState) {
    const { log, onRelayState } = this.#deps
    onRelayState(state)
    if (state === 'up') log.info(this.#wasUp ? 'relay_back' : 'relay_up')
    else if (this.#wasUp) log.warn('relay_away', { note: 'what others write comes by the database, some seconds late' })
    if (state !== 'up') return
    this.#wasUp = true
    this.#troubles.clear()
  }
}
