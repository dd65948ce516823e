import { closedLoop, type Line, loadOne, type Scenario } from './scenarios.ts'
import { PAIRS, type SeededTalks, WIDE } from './seed.ts'
import { startParley } from './servers.ts'
import type { Workbench } from './workbench.ts'

interface Measured {
  binary: string
  /** With so many messages in each room, and with ten times as many. */
  talks: SeededTalks
  longTalks: SeededTalks
  seconds: number
}

/** The same 200 sockets each time, each of which sends in one room or in ten by turns; on little that is stored, and on much. */
export function overGrowth(bench: Workbench, { binary, talks, longTalks, seconds }: Measured): Scenario[] {
  const timed = closedLoop(PAIRS, 2, seconds)
  const scenario = (line: Omit<Line, 'part'>, on: SeededTalks, load: string[]): Scenario => ({
    lines: [{ part: 'growth', ...line }],
    run: async () => [await loadOne(bench, await startParley(bench, binary, on), [[...timed, ...load]])],
    rounds: 2,
  })
  const one = ['--lines', talks.narrow, '--roam', '1']
  const ten = ['--lines', talks.wide, '--roam', String(WIDE)]
  return [
    scenario({ name: 'narrow', title: '100 rooms', base: 'narrow' }, talks, one),
    scenario({ name: 'wide', title: '1,000 rooms', base: 'narrow' }, talks, ten),
    scenario({ name: 'short', title: '100,000 stored', base: 'short' }, talks, ['--lines', talks.pairs]),
    scenario({ name: 'long', title: '1,000,000 stored', base: 'short' }, longTalks, ['--lines', longTalks.pairs]),
  ]
}
