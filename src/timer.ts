import type { Samples } from './admin/samples.ts'
import type { Services } from './app.ts'
import type { Config } from './config.ts'
import type { Metrics } from './ops/metrics.ts'
import type { Relay } from './relay/relay.ts'
import type { Storage } from './storage/storage.ts'

/** A running server's. */
export interface Parts {
  services: Services
  storage: Storage
  relay: Relay
}

/** Whoever keeps how it does. */
export interface Observers {
  metrics: Metrics
  samples: Samples
}

/** Half of what an ending may take to reach the sockets. */
const TICK_MS = 500
/** Each live room is compared with storage so often: what this node was not told of is late by no more. */
const CHECK_MS = 10_000
/** The same while there is a relay that should tell of it, and does not. */
const CHECK_DEAF_MS = 2000
/** What somebody has read on another node is late by no more, if nothing tells of it. */
const COMPARE_MS = 60_000
/** The one timer of the server: pings, deadlines and expiry of every socket, and what others have ended; its own delay is the event loop's lag. */
export function keepTime(
  { services, relay, metrics, samples, storage }: Parts & Observers,
  config: Config,
): () => void {
  const every = Math.min(TICK_MS, config.pingIntervalMs / 5)
  const { connections, presence, attendance, hub, inboxes, revocations, clusterLimits, clusterNode } = services
  const askAgain = whileItFails(storage)
  let inboxesDue = performance.now()
  let due = performance.now() + every
  const timer = setInterval(() => {
    const lagMs = Math.max(0, performance.now() - due)
    metrics.onLag(lagMs)
    samples.tick(lagMs)
    due = performance.now() + every
    connections.tick()
    presence.tick()
    attendance.tick()
    const checkMs = relay.state === 'away' ? CHECK_DEAF_MS : CHECK_MS
    void hub.check(every / checkMs)
    void revocations.tell()
    clusterLimits.tell()
    askAgain()
    if (relay.state === 'alone') return
    void inboxes.compare(every / (clusterNode.wasAwayLately ? CHECK_MS : COMPARE_MS))
    if (performance.now() < inboxesDue) return
    inboxesDue = performance.now() + checkMs
    void inboxes.check()
  }, every)
  return () => clearInterval(timer)
}

/** Until a restart. */
const LASTING = ['damaged', 'stopped']

/** Asks a storage that fails whether it still does, once at a time: so that it is known when it is over. */
function whileItFails(storage: Storage): () => void {
  let isAsked = false
  return () => {
    const { ok, problem = '' } = storage.health()
    if (isAsked || ok || LASTING.includes(problem)) return
    isAsked = true
    void storage.probe().finally(() => {
      isAsked = false
    })
  }
}
