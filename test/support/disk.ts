import { Database } from 'bun:sqlite'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A directory that outlives a server. `using` removes it. */
export function lastingDir() {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-lasting-'))
  return { dataDir, [Symbol.dispose]: () => rmSync(dataDir, { recursive: true, force: true }) }
}

export const isRoot = process.getuid?.() === 0

/** A file system of its own, in memory, for which one has to be root. `using` unmounts it. */
export function smallDisk(size: string) {
  const { dataDir, ...directory } = lastingDir()
  const mount = (options: string) => {
    const { success, stderr } = Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', options, 'tmpfs', dataDir])
    if (!success) throw new Error(`mount failed: ${stderr}`)
  }
  mount(`size=${size}`)
  return {
    dataDir,
    makeReadOnly: () => mount('remount,ro'),
    [Symbol.dispose]() {
      Bun.spawnSync(['umount', dataDir])
      directory[Symbol.dispose]()
    },
  }
}

export const FLUSHES = 'fdatasync,fsync'

/**
 * strace makes these calls to the kernel slow, or makes them fail; the process itself is the real one (-D: and the one that
 * is killed). `when` counts for each thread by itself.
 */
export const underStrace = (calls: string, fault: string) => [
  ...['strace', '-D', '-f', '-qq', '-o', '/dev/null'],
  ...['-e', `trace=${calls}`, '-e', `inject=${calls}:${fault}`],
]

export function databaseIn(dataDir: string) {
  return new Database(join(dataDir, 'parley.db'))
}
