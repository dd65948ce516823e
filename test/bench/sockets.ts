import type { LoadResult } from './load.ts'
import { closedLoop, type Line, type Loads, loadOne, type Scenario, WARMUP } from './scenarios.ts'
import { PAIRS, type Seeds } from './seed.ts'
import { type Server, startBare, startParley } from './servers.ts'
import type { Workbench } from './workbench.ts'

interface Measured {
  binary: string
  seeds: Seeds
  seconds: number
}

/** Two people in each of 100 rooms; each sends its next message when its last one comes back. */
export function overSockets(bench: Workbench, { binary, seeds, seconds }: Measured): Scenario[] {
  const { pairs, market } = seeds
  const timed = closedLoop(PAIRS, 2, seconds)
  const inPairs = [...timed, '--lines', pairs.pairs]
  // So that it is its data that is cold, and not its code.
  const before = [...closedLoop(PAIRS, 2, WARMUP, 0), '--lines', market.pairs]
  const roaming = [...closedLoop(PAIRS, 2, seconds, 0), '--lines', market.roaming, '--roam', String(PAIRS)]
  const onPairs = () => startParley(bench, binary, pairs)
  const onMarket = () => startParley(bench, binary, market)
  const keeping = () => startParley(bench, binary, pairs, { MIMALLOC_PURGE_DELAY: '-1' })
  const line = (line: Line, start: () => Promise<Server>, ...loads: Loads): Scenario => ({
    lines: [line],
    run: async () => [await loadOne(bench, await start(), loads)],
  })
  const once = (scenario: Scenario): Scenario => ({ ...scenario, rounds: 1 })
  const toBare = (name: string, title: string): Line => ({ part: 'sockets', name, title, base: 'bare' })
  const app: Line = { part: 'sockets', name: 'app', title: 'A  app socket', base: 'parley' }
  const last: { result?: LoadResult } = {}
  return [
    line(toBare('bare', 'A  bare Bun'), () => startBare(bench), timed),
    noting(last, line(toBare('parley', 'A  Parley'), onPairs, inPairs)),
    line(toBare('kept', 'A  Parley, memory kept'), keeping, inPairs),
    line(app, onPairs, [...inPairs, '--app', '1']),
    {
      lines: [{ part: 'sockets', name: 'half', title: 'A  Parley, half as many a second', base: 'half' }],
      run: async () => {
        const rate = String(Math.round((last.result?.msgs_s ?? 0) / 2))
        return [await loadOne(bench, await onPairs(), [[...inPairs, '--rate', rate]])]
      },
    },
    once(line(toBare('clientId', 'A  Parley, client ids'), onPairs, [...inPairs, '--client-id'])),
    once(line(toBare('cold', '10,000 cold rooms'), onMarket, roaming, before)),
    once(line(toBare('coldClientId', 'the same, client ids'), onMarket, [...roaming, '--client-id'], before)),
  ]
}

/** What the round's first one could do decides how much the later one is asked for. */
const noting = (last: { result?: LoadResult }, scenario: Scenario): Scenario => ({
  ...scenario,
  async run() {
    const results = await scenario.run()
    if (results[0]) last.result = results[0]
    return results
  },
})
