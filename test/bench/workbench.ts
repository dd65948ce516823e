import { Database } from 'bun:sqlite'
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'

export const ROOT = join(import.meta.dir, '../..')

/** Of the two cores one serves and the other makes the load, so that neither takes time from the other. */
export const CORE = { server: 0, generator: 1 } as const

const TMPFS = 0x01021994

export interface Machine {
  cores: number
  cpu: string
  bun: string
  /** Bun's, which the binary has too. */
  sqlite: string
  kernel: string
  /** Whether server and generator have a core each. */
  pinned: boolean
}

function sqliteVersion(): string {
  using sqlite = new Database(':memory:')
  return sqlite.query<{ version: string }, []>('SELECT sqlite_version() AS version').get()?.version ?? 'unknown'
}

/** Everything that a run starts or writes. All of it is gone when this process ends, also by Ctrl-C. */
export class Workbench {
  readonly directory = mkdtempSync(join(tmpdir(), 'parley-bench-'))
  readonly machine: Machine = {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? 'unknown',
    bun: Bun.version,
    sqlite: sqliteVersion(),
    kernel: release(),
    pinned: cpus().length >= 2 && Bun.which('taskset') !== null,
  }
  readonly #children = new Set<Bun.Subprocess>()
  #places = 0

  constructor() {
    process.once('exit', () => this.#clear())
    for (const [signal, code] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) {
      process.once(signal, () => process.exit(code))
    }
    if (statfsSync(this.directory).type !== TMPFS) return
    console.warn(`${tmpdir()} is in memory, so a flush costs nothing there. Set TMPDIR to a directory on a disk.`)
  }

  #clear() {
    for (const child of this.#children) child.kill('SIGKILL')
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 })
  }

  /** A path of its own. */
  place(name: string): string {
    this.#places += 1
    return join(this.directory, `${this.#places}-${name}`)
  }

  start(core: number, command: string[], env: Record<string, string> = {}) {
    const pinned = this.machine.pinned ? ['taskset', '-c', String(core), ...command] : command
    const child = Bun.spawn(pinned, {
      cwd: this.directory,
      env: { PATH: process.env.PATH ?? '', ...env },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'inherit',
    })
    this.#children.add(child)
    void child.exited.then(() => this.#children.delete(child))
    return child
  }

  /** To the generator's core: what this process does, watching or sending requests, must not cost the server anything. */
  stepAside(): void {
    if (this.machine.pinned) Bun.spawnSync(['taskset', '-a', '-c', '-p', String(CORE.generator), String(process.pid)])
  }
}
