import { afterAll } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig, type Sources } from '../../src/cli/read-config.ts'
import { type Config, ConfigError } from '../../src/config.ts'

/** Reads configurations in a working directory of its own, which goes with the test file that calls this. */
export function configReader() {
  const cwd = mkdtempSync(join(tmpdir(), 'parley-config-'))
  afterAll(() => rmSync(cwd, { recursive: true }))

  const read = (sources: Partial<Sources> = {}) =>
    readConfig({ flags: {}, env: {}, cwd, isTerminal: false, ...sources })

  const configOf = (env: Record<string, string>): Config => read({ env }).config

  function problemsOf(sources: Partial<Sources>): readonly string[] {
    try {
      read(sources)
    } catch (error) {
      if (error instanceof ConfigError) return error.problems
      throw error
    }
    return []
  }

  function file(name: string, content: string): string {
    const path = join(cwd, name)
    writeFileSync(path, content)
    return path
  }

  /** A new data directory with this parley.toml in it. */
  function dataDir(toml: string): string {
    const dir = mkdtempSync(join(cwd, 'data-'))
    writeFileSync(join(dir, 'parley.toml'), toml)
    return dir
  }

  return { cwd, read, configOf, problemsOf, file, dataDir }
}
