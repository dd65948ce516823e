import { timingSafeEqual } from 'node:crypto'
import { Elysia, t } from 'elysia'
import { peerOf } from '../auth/guard.ts'
import { ChatError } from '../lib/errors.ts'
import { open } from '../lib/http/operation.ts'
import { failures } from '../lib/http/problem.ts'
import { hashToken } from '../lib/tokens.ts'
import type { Relay } from '../relay/relay.ts'
import type { Storage } from '../storage/storage.ts'
import type { Metrics } from './metrics.ts'

interface Deps {
  storage: Storage
  relay: Pick<Relay, 'state'>
  metrics: Metrics
  durability: 'full' | 'relaxed'
  metricsToken: string | undefined
}

const plain = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' }

/** Balancers wait for about so long. */
const ANSWER_WITHIN_MS = 2000

export const healthRoutes = ({ storage, relay, metrics, durability, metricsToken }: Deps) => {
  const problemOf = readiness(storage)
  return new Elysia({ tags: ['operations'] })
    .get('/livez', () => new Response('ok\n', { headers: plain }), LIVE)
    .get(
      '/readyz',
      async () => {
        const problem = await problemOf()
        const state = problem ?? stateOf(relay, durability)
        return new Response(`${state}\n`, { status: problem ? 503 : 200, headers: plain })
      },
      READY,
    )
    .get(
      '/metrics',
      async ({ request, server }) => {
        allowMetrics(request, peerOf(request, server), metricsToken)
        return new Response(await metrics.text(), { headers: { ...plain, 'content-type': metrics.contentType } })
      },
      METRICS,
    )
}

/** A node whose relay is away goes on serving its own people, and needs no other place to send them. */
function stateOf({ state }: Pick<Relay, 'state'>, durability: Deps['durability']): string {
  const notes = [
    ...(state === 'away' ? ['relay away'] : []),
    ...(durability === 'relaxed' ? ['durability relaxed'] : []),
  ]
  const word = state === 'away' ? 'degraded' : 'ok'
  return notes.length > 0 ? `${word} (${notes.join(', ')})` : word
}

/** What is known to be wrong is asked again by the server itself. One probe at a time: while it hangs, whoever asks next waits no longer than the first. */
function readiness(storage: Storage): () => Promise<string | undefined> {
  let probe: { at: number; isWell: Promise<boolean> } | undefined
  return async () => {
    const { problem } = storage.health()
    if (problem !== undefined) return problem
    probe ??= { at: performance.now(), isWell: storage.probe().finally(() => (probe = undefined)) }
    const late = Bun.sleep(Math.max(0, probe.at + ANSWER_WITHIN_MS - performance.now()))
    const isWell = await Promise.race([probe.isWell, late])
    return isWell ? undefined : (storage.health().problem ?? 'slow')
  }
}

/** With a token configured, whoever has it; else this machine itself, and nobody through a proxy. */
function allowMetrics({ headers }: Request, peer: string, token: string | undefined): void {
  if (token !== undefined) {
    if (!isSame(headers.get('authorization') ?? '', `Bearer ${token}`)) throw new ChatError('unauthenticated')
    return
  }
  const isForwarded = headers.has('x-forwarded-for') || headers.has('forwarded')
  if (isForwarded || !/^(127\.|::1$|::ffff:127\.)/.test(peer)) throw new ChatError('forbidden')
}

/** Takes as long however much of it is right. */
const isSame = (given: string, expected: string) =>
  timingSafeEqual(Buffer.from(hashToken(given)), Buffer.from(hashToken(expected)))

const text = (example: string) => t.String({ examples: [example] })

const LIVE = { response: { 200: text('ok') }, detail: open('Is it alive?', 'The process answers.') }

const READY = {
  response: { 200: text('ok'), 503: text('disk_full') },
  detail: open(
    'Can it store?',
    'The last commit went well, or one that is made for this question, within 2 s; the disk has room. ' +
      'Otherwise 503 with one word: disk_full, io, slow, busy, refused, unreachable, damaged or stopped.',
  ),
}

const METRICS = {
  response: { 200: text('parley_messages_total 42'), ...failures('unauthenticated', 'forbidden') },
  detail: open(
    'Metrics for Prometheus',
    'With PARLEY_METRICS_TOKEN, for whoever sends it as a bearer token; without, for requests from this machine only.',
  ),
}
