import { describe, expect, test } from 'bun:test'
import { basename, dirname, join } from 'node:path'

/** Lowest layer first; the first pattern that fits a file decides. A file may import its own layer and the ones before it. */
const LAYERS: [name: string, files: RegExp][] = [
  ['lib', /^lib\//],
  ['bench', /^bench\//],
  ['contract', /\/model\.ts$|^events\.ts$|^live\/topics\.ts$|^live\/(plain|app)\/protocol[^/]*\.ts$/],
  ['port', /\/store\.ts$|^(storage|relay)\/(storage|relay)\.ts$/],
  ['adapter', /^(storage|relay)\//],
  [
    'service',
    /\/service\.ts$|^auth\/(sessions|origins|credentials|identities|policy|revocations|tickets)\.ts$|^auth\/host\/|^accounts\/passwords\.ts$|^admin\/(links|samples)\.ts$|^users\/export\.ts$|^presence\/(attendance|typing)\.ts$|^rooms\/(inboxes|receipts)\.ts$|^live\/(hub|sequencer|connections|member)\.ts$|^live\/line\/|^cluster\//,
  ],
  [
    'transport',
    /\/(routes|guard)\.ts$|^live\/(handshake|socket|[^/]+-socket)\.ts$|^live\/(plain|app)\/|^(ops|demo)\/|^accounts\/entrance\.ts$|^admin\/([a-z]+-routes|queries)\.ts$|^web\/(assets|bundle(\.macro)?|html)\.ts$/,
  ],
  ['root', /^[^/]+\.ts$|^cli\//],
  // What runs in the browser: of everything else it has only types.
  ['page', /^(web\/(app|chat|conversation|locale|pages|ui|widget)|admin\/page)\/|^web\/service-worker\.ts$/],
]

/** Files that may break a budget, each with its reason. */
const EXCEPTIONS: Record<string, string> = {}

const BUDGET = { linesInFile: 250, filesInFolder: 10, linesInFunction: 40, parameters: 4 }
/** "The folder is a noun, the file its role": none of these says either. */
const NAMELESS = ['index.ts', 'utils.ts', 'helpers.ts', 'common.ts', 'types.ts']

const ROOT = join(import.meta.dir, '..')
const SRC = join(ROOT, 'src')
const files = [...new Bun.Glob('**/*.{ts,tsx}').scanSync(SRC)].filter((file) => !file.endsWith('.d.ts')).sort()
const layerOf = (file: string) => LAYERS.findIndex(([, pattern]) => pattern.test(file))
const nameOf = (layer: number) => LAYERS[layer]?.[0]

interface Import {
  target: string
  isType: boolean
}

async function importsOf(file: string): Promise<Import[]> {
  const source = await Bun.file(join(SRC, file)).text()
  const found = source.matchAll(/^(?:import|export) (type )?[^;'"]*?from '(\.[^']+\.tsx?)'|^import '(\.[^']+\.tsx?)'/gm)
  return [...found].map(([, type, from, bare]) => ({
    target: join(dirname(file), from ?? bare ?? ''),
    isType: type !== undefined,
  }))
}

describe('layers', () => {
  test('every source file belongs to one', () => {
    expect(files.filter((file) => layerOf(file) === -1)).toEqual([])
  })

  test('imports point at lower ones, and adapters meet services only in the root', async () => {
    const wrong: string[] = []
    for (const file of files.filter((file) => nameOf(layerOf(file)) !== 'page')) {
      const from = layerOf(file)
      for (const { target } of await importsOf(file)) {
        const to = layerOf(target)
        if (to === -1) continue
        const skipsTheRoot = nameOf(to) === 'adapter' && nameOf(from) !== 'adapter' && nameOf(from) !== 'root'
        if (to > from || skipsTheRoot) wrong.push(`${file} (${nameOf(from)}) -> ${target} (${nameOf(to)})`)
      }
    }
    expect(wrong).toEqual([])
  })

  test('what runs in the browser takes types of contracts, and of the app as a whole, and nothing else', async () => {
    const wrong: string[] = []
    for (const file of files.filter((file) => nameOf(layerOf(file)) === 'page')) {
      for (const { target, isType } of await importsOf(file)) {
        const to = nameOf(layerOf(target)) ?? ''
        const isContract = isType && (['lib', 'contract'].includes(to) || target === 'app.ts')
        if (to !== 'page' && !isContract) wrong.push(`${file} -> ${target} (${to})`)
      }
    }
    expect(wrong).toEqual([])
  })

  test('no import goes round in a circle, types included', async () => {
    const graph = new Map<string, string[]>()
    for (const file of files)
      graph.set(
        file,
        (await importsOf(file)).map(({ target }) => target),
      )
    expect(circlesIn(graph)).toEqual([])
  })
})

function circlesIn(graph: Map<string, string[]>): string[] {
  const circles: string[] = []
  const done = new Set<string>()
  const visit = (file: string, path: string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
    if (path.includes(file) || done.has(file)) return
    for (const target of graph.get(file) ?? []) visit(target, [...path, file])
    done.add(file)
  }
  for (const file of graph.keys()) visit(file, [])
  return circles
}

describe('budgets', () => {
  test(`a file has at most ${BUDGET.linesInFile} lines`, async () => {
    const long: string[] = []
    for (const file of files) {
      const lines = (await Bun.file(join(SRC, file)).text()).split('\n').length - 1
      if (lines > BUDGET.linesInFile && !(file in EXCEPTIONS)) long.push(`${file}: ${lines}`)
    }
    expect(long).toEqual([])
  })

  test(`a folder has at most ${BUDGET.filesInFolder} files`, () => {
    const folders = Map.groupBy(files, dirname)
    const full = [...folders].filter(([, inside]) => inside.length > BUDGET.filesInFolder)
    expect(full.map(([folder, inside]) => `${folder}: ${inside.length}`)).toEqual([])
  })

  test(`a function has at most ${BUDGET.linesInFunction} lines and ${BUDGET.parameters} parameters`, async () => {
    const rules = ['noExcessiveLinesPerFunction', 'useMaxParams'].map((rule) => `--only=complexity/${rule}`)
    const biome = join(ROOT, 'node_modules/.bin/biome')
    const lint = Bun.spawnSync([biome, 'lint', '--reporter=json', ...rules, 'src'], { cwd: ROOT })
    const report = JSON.parse(lint.stdout.toString())
    const config = await Bun.file(join(ROOT, '.biome.jsonc')).text()
    expect(config).toContain(`"maxLines": ${BUDGET.linesInFunction} `)
    expect(config).toContain(`"max": ${BUDGET.parameters} `)
    expect(report.summary.unchanged).toBeGreaterThan(50)
    expect(report.diagnostics).toEqual([])
  })

  test('no file has a name that says nothing', () => {
    expect(files.filter((file) => NAMELESS.includes(basename(file)))).toEqual([])
  })
})

test('only main.ts ends the process, and only it reads the environment', async () => {
  const wrong: string[] = []
  for (const file of files.filter((file) => file !== 'main.ts' && file !== 'production.ts')) {
    const source = await Bun.file(join(SRC, file)).text()
    if (/process\.(exit|env)\b|Bun\.env\b/.test(source)) wrong.push(file)
  }
  expect(wrong).toEqual([])
})
