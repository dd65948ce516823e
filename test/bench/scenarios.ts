import { type LoadResult, load } from './load.ts'
import { PAIRS, type Seeded, type SeededMarket } from './seed.ts'
import { type Server, startBare, startParley } from './servers.ts'
import type { Workbench } from './workbench.ts'

export interface Scenario {
  name: string
  title: string
  start: () => Promise<Server>
  args: string[]
  /** What the server does first, so that it is its data that is cold, and not its code. */
  before?: string[]
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

/** Two people in each of 100 rooms; each sends its next message when its last one comes back. */
export function scenarios(bench: Workbench, { binary, pairs, market, seconds }: Parts): Scenario[] {
  const closed = (warmup: number, duration: number) => [
    ...['--rate', 'closed', '--rooms', String(PAIRS), '--members', '2', '--size', '100'],
    ...['--warmup', String(warmup), '--duration', String(duration)],
  ]
  const timed = closed(2, seconds)
  const inPairs = [...timed, '--lines', pairs.pairs]
  const before = [...closed(0, 2), '--lines', market.pairs]
  const roaming = [...closed(0, seconds), '--lines', market.roaming, '--roam', String(PAIRS)]
  const onPairs = () => startParley(bench, binary, pairs)
  const onMarket = () => startParley(bench, binary, market)
  return [
    { name: 'bare', title: 'A  bare Bun', start: () => startBare(bench), args: timed },
    { name: 'parley', title: 'A  Parley', start: onPairs, args: inPairs },
    { name: 'clientId', title: 'A  Parley, client ids', start: onPairs, args: [...inPairs, '--client-id'] },
    { name: 'cold', title: '10,000 cold rooms', start: onMarket, args: roaming, before },
    { name: 'coldClientId', title: 'the same, client ids', start: onMarket, args: [...roaming, '--client-id'], before },
  ]
}

/** Each run with a fresh process, and one scenario after the other, so that a noisy minute troubles all alike. */
export async function runInTurns(bench: Workbench, all: Scenario[], runs: number): Promise<Map<string, LoadResult[]>> {
  const results = new Map<string, LoadResult[]>()
  for (let round = 1; round <= runs; round++) {
    for (const scenario of all) {
      const result = await runOnce(bench, scenario)
      const rate = `${Math.round(result.msgs_s)}/s, ${result.srv_us_per_msg} µs`
      console.error(`  run ${round} of ${runs}  ${scenario.title.padEnd(22)} ${rate}`)
      results.set(scenario.name, [...(results.get(scenario.name) ?? []), result])
    }
  }
  return results
}

async function runOnce(bench: Workbench, { start, args, before }: Scenario): Promise<LoadResult> {
  const server = await start()
  try {
    if (before) await load(bench, server, before)
    return await load(bench, server, args)
  } finally {
    await server.stop()
  }
}
