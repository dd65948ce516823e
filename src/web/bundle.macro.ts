import { join } from 'node:path'
import type { Bundle } from './bundle.ts'

/** Read when the code is bundled or transpiled: the compiled binary carries its pages inside. */
export function bundled(): Bundle {
  // In a process of its own: the bundler that waits for this can't run another one.
  const { stdout, stderr, success } = Bun.spawnSync([process.execPath, join(import.meta.dir, 'bundle.ts')])
  if (!success) throw new Error(`the pages can't be bundled:\n${stderr}`)
  return JSON.parse(stdout.toString())
}
