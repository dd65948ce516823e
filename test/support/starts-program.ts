import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

// Prints the test files that start the program, whether from source or as a binary: those whose imports lead to server.ts.
// The others run the same code either way.

const ROOT = join(import.meta.dir, '../..')
const STARTER = join(import.meta.dir, 'server.ts')
const transpiler = new Bun.Transpiler({ loader: 'ts' })

function leadsToIt(file: string, seen = new Set<string>()): boolean {
  if (file === STARTER) return true
  if (seen.has(file)) return false
  seen.add(file)
  const imported = transpiler.scanImports(readFileSync(file, 'utf8')).map(({ path }) => path)
  return imported.some((path) => /^\..*\.ts$/.test(path) && leadsToIt(join(dirname(file), path), seen))
}

const files = [...new Bun.Glob('test/**/*.test.ts').scanSync(ROOT)].sort()
console.log(files.filter((file) => leadsToIt(join(ROOT, file))).join('\n'))
