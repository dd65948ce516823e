import type { Deed } from '../../../audit/model.ts'
import type { Durability } from '../database.ts'

/** The first message; every later one is a batch. Strings both ways: they cross threads without a structured clone. */
export interface Opening {
  path: string
  durability: Durability
  /** A command: the run of a server, if there is one, is not its own. */
  isGuest?: boolean
}

/** One write: the name of a command, then its arguments. */
export type Item = [name: string, ...args: unknown[]]

/** Why a whole batch stored nothing. */
export type Problem = 'disk_full' | 'busy' | 'io' | 'damaged'

/** `results` has a value for each item; `failed` names the items whose own fault kept them out, by position. */
export interface Results {
  results: unknown[]
  failed: Record<number, string>
}
export type Outcome = Results | { problem: Problem; code: string }

/** Runs a command of `C` in the writer; resolves after the commit that holds it was flushed. */
export type Write<C> = <K extends keyof C & string>(
  name: K,
  ...args: C[K] extends (...args: infer A) => unknown ? A : never
) => Promise<C[K] extends (...args: never[]) => infer R ? R : never>

/** The same, with these deeds in the transaction of the command, if that does anything. */
export const auditing = <C>(write: Write<C>, deeds: readonly (Deed | undefined)[], at: number): Write<C> => {
  const told = deeds.filter((deed) => deed !== undefined)
  if (told.length === 0) return write
  // The command `audited` answers what the command within it answers, which the compiler cannot follow through a name.
  const outer = write as unknown as (name: 'audited', ...args: unknown[]) => Promise<never>
  return (...item) => outer('audited', told, at, ...item)
}
