import { type HostTokens, keyTokens, secretTokens } from './host-tokens.ts'
import { type LoadResult, load } from './load.ts'
import { loadPosts, type PostLoad } from './posts.ts'
import { PAIRS, type Person, type Seeds } from './seed.ts'
import { type Server, startBare, startParley } from './servers.ts'
import type { Workbench } from './workbench.ts'

/** A line of the report. */
export interface Line {
  name: string
  title: string
  /** The name of the line that it is compared with. */
  base: string
}

/** One or more lines that are measured together, each on a fresh server of its own. */
export interface Scenario {
  lines: Line[]
  run: () => Promise<LoadResult[]>
}

/** What stands in a run's way: whatever is not zero here makes its figures worthless. */
export const faultsOf = ({ lost, unacked, dup_ooo, ...run }: LoadResult) => ({
  lost: Math.max(lost, unacked),
  doubled: dup_ooo,
  errors: run.errs + run.srv_err + run.badframe + run.closed + run.hs_fail,
})

interface Measured {
  binary: string
  seeds: Seeds
  seconds: number
}

const WARMUP = 2

/** Two people in each of 100 rooms; each sends its next message when its last one comes back. */
export function overSockets(bench: Workbench, { binary, seeds, seconds }: Measured): Scenario[] {
  const { pairs, market } = seeds
  const closed = (warmup: number, duration: number) => [
    ...['--rate', 'closed', '--rooms', String(PAIRS), '--members', '2', '--size', '100'],
    ...['--warmup', String(warmup), '--duration', String(duration)],
  ]
  const timed = closed(WARMUP, seconds)
  const inPairs = [...timed, '--lines', pairs.pairs]
  // So that it is its data that is cold, and not its code.
  const before = [...closed(0, WARMUP), '--lines', market.pairs]
  const roaming = [...closed(0, seconds), '--lines', market.roaming, '--roam', String(PAIRS)]
  const onPairs = () => startParley(bench, binary, pairs)
  const onMarket = () => startParley(bench, binary, market)
  const line = (line: Line, start: () => Promise<Server>, ...loads: Loads): Scenario => ({
    lines: [line],
    run: async () => [await loadOne(bench, await start(), loads)],
  })
  const toBare = (name: string, title: string): Line => ({ name, title, base: 'bare' })
  const app: Line = { name: 'app', title: 'A  app socket', base: 'parley' }
  return [
    line(toBare('bare', 'A  bare Bun'), () => startBare(bench), timed),
    line(toBare('parley', 'A  Parley'), onPairs, inPairs),
    line(app, onPairs, [...inPairs, '--app', '1']),
    line(toBare('clientId', 'A  Parley, client ids'), onPairs, [...inPairs, '--client-id']),
    line(toBare('cold', '10,000 cold rooms'), onMarket, roaming, before),
    line(toBare('coldClientId', 'the same, client ids'), onMarket, [...roaming, '--client-id'], before),
  ]
}

/** What is measured, and what comes before it. */
type Loads = [measured: string[], before?: string[]]

async function loadOne(bench: Workbench, server: Server, [measured, before]: Loads): Promise<LoadResult> {
  try {
    if (before) await load(bench, server, before)
    return await load(bench, server, measured)
  } finally {
    await server.stop()
  }
}

/** The same people and rooms; what differs is only the token that a request shows. */
export function overRest(bench: Workbench, { binary, seeds: { pairs }, seconds }: Measured): Scenario {
  const bySecret = secretTokens()
  const byKey = keyTokens()
  const kept = ({ mint }: HostTokens) => {
    const tokens = new Map(pairs.seats.map(({ person }) => [person, mint(person)]))
    return (person: Person) => tokens.get(person) ?? ''
  }
  const kinds = [
    { name: 'restSession', title: 'session token', by: bySecret, tokenOf: ({ token }: Person) => token },
    { name: 'restHost', title: 'host token (HS256)', by: bySecret, tokenOf: kept(bySecret) },
    { name: 'restHostKey', title: 'host token (EdDSA)', by: byKey, tokenOf: kept(byKey) },
    { name: 'restNew', title: 'each token new (HS256)', by: bySecret, tokenOf: bySecret.mint },
    { name: 'restNewKey', title: 'each token new (EdDSA)', by: byKey, tokenOf: byKey.mint },
  ]
  const run = async () => {
    const loads: PostLoad[] = []
    try {
      for (const { by, tokenOf } of kinds) {
        loads.push({ server: await startParley(bench, binary, pairs, by.env), seats: pairs.seats, tokenOf })
      }
      return await loadPosts(loads, WARMUP, seconds)
    } finally {
      for (const { server } of loads) await server.stop()
    }
  }
  return { lines: kinds.map(({ name, title }) => ({ name, title: `REST, ${title}`, base: 'restSession' })), run }
}

/** Each run with fresh processes, and one scenario after the other, so that a noisy minute troubles all alike. */
export async function runInTurns(all: Scenario[], runs: number): Promise<Map<string, LoadResult[]>> {
  const results = new Map<string, LoadResult[]>()
  for (let round = 1; round <= runs; round++) {
    for (const { lines, run } of all) {
      for (const [at, result] of (await run()).entries()) {
        const { name, title } = lines[at] ?? { name: '', title: '' }
        const rate = `${Math.round(result.msgs_s)}/s, ${result.srv_us_per_msg} µs`
        console.error(`  run ${round} of ${runs}  ${title.padEnd(28)} ${rate}`)
        results.set(name, [...(results.get(name) ?? []), result])
      }
    }
  }
  return results
}
