import { type HostTokens, keyTokens, secretTokens } from './host-tokens.ts'
import { type LoadResult, load } from './load.ts'
import { loadPosts } from './posts.ts'
import { PAIRS, type Person, type Seeded, type SeededMarket } from './seed.ts'
import { type Server, startBare, startParley } from './servers.ts'
import type { Workbench } from './workbench.ts'

export interface Scenario {
  name: string
  title: string
  /** The name of the one that it is compared with. */
  base: string
  start: () => Promise<Server>
  drive: (server: Server) => Promise<LoadResult>
}

/** What stands in a run's way: whatever is not zero here makes its figures worthless. */
export const faultsOf = ({ lost, unacked, dup_ooo, ...run }: LoadResult) => ({
  lost: Math.max(lost, unacked),
  doubled: dup_ooo,
  errors: run.errs + run.srv_err + run.badframe + run.closed + run.hs_fail,
})

interface Parts {
  binary: string
  pairs: Seeded
  market: SeededMarket
  seconds: number
}

export const scenarios = (bench: Workbench, parts: Parts): Scenario[] => [
  ...overSockets(bench, parts),
  ...overRest(bench, parts),
]

const WARMUP = 2

/** Two people in each of 100 rooms; each sends its next message when its last one comes back. */
function overSockets(bench: Workbench, { binary, pairs, market, seconds }: Parts): Scenario[] {
  const closed = (warmup: number, duration: number) => [
    ...['--rate', 'closed', '--rooms', String(PAIRS), '--members', '2', '--size', '100'],
    ...['--warmup', String(warmup), '--duration', String(duration)],
  ]
  const timed = closed(WARMUP, seconds)
  const inPairs = [...timed, '--lines', pairs.pairs]
  const before = [...closed(0, WARMUP), '--lines', market.pairs]
  const roaming = [...closed(0, seconds), '--lines', market.roaming, '--roam', String(PAIRS)]
  const onPairs = () => startParley(bench, binary, pairs)
  const onMarket = () => startParley(bench, binary, market)
  const once = (args: string[]) => (server: Server) => load(bench, server, args)
  // What the server does first, so that it is its data that is cold, and not its code.
  const cold = (args: string[]) => async (server: Server) => {
    await load(bench, server, before)
    return load(bench, server, args)
  }
  const base = 'bare'
  return [
    { name: base, title: 'A  bare Bun', base, start: () => startBare(bench), drive: once(timed) },
    { name: 'parley', title: 'A  Parley', base, start: onPairs, drive: once(inPairs) },
    {
      name: 'clientId',
      title: 'A  Parley, client ids',
      base,
      start: onPairs,
      drive: once([...inPairs, '--client-id']),
    },
    { name: 'cold', title: '10,000 cold rooms', base, start: onMarket, drive: cold(roaming) },
    {
      name: 'coldClientId',
      title: 'the same, client ids',
      base,
      start: onMarket,
      drive: cold([...roaming, '--client-id']),
    },
  ]
}

/** The same people and rooms; what differs is only the token that a request shows. */
function overRest(bench: Workbench, { binary, pairs, seconds }: Parts): Scenario[] {
  const bySecret = secretTokens()
  const byKey = keyTokens()
  const on =
    ({ env }: HostTokens) =>
    () =>
      startParley(bench, binary, pairs, env)
  const showing = (tokenOf: (person: Person) => string) => (server: Server) =>
    loadPosts(server, { seats: pairs.seats, tokenOf, warmup: WARMUP, seconds })
  const kept = ({ mint }: HostTokens) => {
    const tokens = new Map(pairs.seats.map(({ person }) => [person, mint(person)]))
    return showing((person) => tokens.get(person) ?? '')
  }
  const base = 'restSession'
  return [
    { name: base, title: 'REST, session token', base, start: on(bySecret), drive: showing(({ token }) => token) },
    { name: 'restHost', title: 'REST, host token (HS256)', base, start: on(bySecret), drive: kept(bySecret) },
    { name: 'restHostKey', title: 'REST, host token (EdDSA)', base, start: on(byKey), drive: kept(byKey) },
    {
      name: 'restHostNew',
      title: 'REST, new host token each time',
      base,
      start: on(bySecret),
      drive: showing(bySecret.mint),
    },
  ]
}

/** Each run with a fresh process, and one scenario after the other, so that a noisy minute troubles all alike. */
export async function runInTurns(all: Scenario[], runs: number): Promise<Map<string, LoadResult[]>> {
  const results = new Map<string, LoadResult[]>()
  for (let round = 1; round <= runs; round++) {
    for (const scenario of all) {
      const result = await runOnce(scenario)
      const rate = `${Math.round(result.msgs_s)}/s, ${result.srv_us_per_msg} µs`
      console.error(`  run ${round} of ${runs}  ${scenario.title.padEnd(30)} ${rate}`)
      results.set(scenario.name, [...(results.get(scenario.name) ?? []), result])
    }
  }
  return results
}

async function runOnce({ start, drive }: Scenario): Promise<LoadResult> {
  const server = await start()
  try {
    return await drive(server)
  } finally {
    await server.stop()
  }
}
