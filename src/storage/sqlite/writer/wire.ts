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
