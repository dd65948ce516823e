import { type LoadResult, load } from './load.ts'
import type { Part } from './parts.ts'
import type { Server } from './servers.ts'
import type { Workbench } from './workbench.ts'

/** A line of the report. */
export interface Line {
  part: Part
  name: string
  title: string
  /** The name of the line that it is compared with. */
  base: string
}

/** One or more lines that are measured together, each on a fresh server of its own. */
export interface Scenario {
  lines: Line[]
  run: () => Promise<LoadResult[]>
  /** Of three runs; all of them where it says nothing. */
  rounds?: 1 | 2
}

/** What stands in a run's way: whatever is not zero here makes its figures worthless. */
export const faultsOf = ({ lost, unacked, dup_ooo, ...run }: LoadResult) => ({
  lost: Math.max(lost, unacked),
  doubled: dup_ooo,
  errors: run.errs + run.srv_err + run.badframe + run.closed + run.hs_fail,
})

/** Seconds. With less than that, what is measured is the compiler too. */
export const WARMUP = 3

/** Options of `load.c` for a closed loop: each sends its next message when its last one comes back. */
export const closedLoop = (rooms: number, members: number, seconds: number, warmup = WARMUP): string[] => [
  ...['--rate', 'closed', '--rooms', String(rooms), '--members', String(members), '--size', '100'],
  ...['--warmup', String(warmup), '--duration', String(seconds)],
]

/** What is measured, and what comes before it. */
export type Loads = [measured: string[], before?: string[]]

export async function loadOne(bench: Workbench, server: Server, [measured, before]: Loads): Promise<LoadResult> {
  try {
    if (before) await load(bench, server, before)
    return await load(bench, server, measured)
  } finally {
    await server.stop()
  }
}

/** Each run with fresh processes, and one scenario after the other, so that a noisy minute troubles all alike. */
export async function runInTurns(all: Scenario[], runs: number): Promise<Map<string, LoadResult[]>> {
  const results = new Map<string, LoadResult[]>()
  for (let round = 1; round <= runs; round++) {
    for (const { lines, run, rounds = 3 } of all) {
      if (round > Math.ceil((runs * rounds) / 3)) continue
      for (const [at, result] of (await run()).entries()) {
        const { name, title } = lines[at] ?? { name: '', title: '' }
        const rate = `${Math.round(result.msgs_s)}/s, ${result.srv_us_per_msg} µs`
        console.error(`  run ${round} of ${runs}  ${title.padEnd(40)} ${rate}`)
        results.set(name, [...(results.get(name) ?? []), result])
      }
    }
  }
  return results
}
