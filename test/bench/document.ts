import { join } from 'node:path'
import type { Report } from './report.ts'
import { markdown } from './rows.ts'
import { machineLine, sectionsOf } from './table.ts'
import { ROOT } from './workbench.ts'

export const DOCUMENT = join(ROOT, 'docs/benchmarks.md')
const BETWEEN = /(<!-- figures[^>]*-->).*(<!-- \/figures -->)/s

/** Why these figures are not written there, if they are not: all of them are of one run, which was complete and clean. */
export function whyNotWritten({ skipped, clean }: Report): string | undefined {
  if (!clean) return 'messages were lost, doubled or refused'
  const missing = Object.entries(skipped).map(([part, why]) => `${part}: ${why}`)
  return missing.length === 0 ? undefined : `not everything was measured (${missing.join('; ')})`
}

/** Between the two markers; what stands around them is written by hand. */
export async function writeFigures(path: string, report: Report): Promise<void> {
  const text = await Bun.file(path).text()
  if (!BETWEEN.test(text)) throw new Error(`${path} has no place for figures`)
  // A function, since figures may have a $ in them.
  await Bun.write(
    path,
    text.replace(BETWEEN, (_, begin, end) => `${begin}\n\n${figuresOf(report)}\n\n${end}`),
  )
}

function figuresOf(report: Report): string {
  const { date, version, command, tookSeconds, machine, cluster } = report
  const others = cluster
    ? `; PostgreSQL ${versionOf(cluster.settings.postgres)}, Redis ${versionOf(cluster.settings.redis)}`
    : ''
  const made = `${date}, \`${command}\`, ${Math.round(tookSeconds)} seconds. ${version}; ${machineLine(machine)}${others}.`
  return [made, ...sectionsOf(report).map(markdown)].join('\n\n')
}

const versionOf = (settings: string) => settings.split(/[ :]/, 1)[0]
