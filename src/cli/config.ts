import type { Command } from './help.ts'
import { readConfig } from './read-config.ts'

export const configShow: Command = {
  name: 'config show',
  summary: 'Show every setting with its value and where that comes from; secrets are masked.',
  switches: [],
  async run(invocation) {
    const settings = readConfig(invocation).sources
    const rows = settings.map(({ key, value, source }) => [key, value || '-', source])
    invocation.print(table([['key', 'value', 'source'], ...rows]))
    return 0
  },
}

export const configCheck: Command = {
  name: 'config check',
  summary: 'Check the configuration without starting: prints ok, or every problem (exit code 78).',
  switches: [],
  async run(invocation) {
    const { config } = readConfig(invocation)
    invocation.print([...config.warnings.map((warning) => `warning: ${warning}`), 'ok', ''].join('\n'))
    return 0
  },
}

/** Columns as wide as their widest cell; the first row is the heading. Figures are flush right, behind what they are of. */
export function table(rows: string[][], { hasFigures = false } = {}): string {
  const widest = (column: number) => rows.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0)
  const widths = (rows[0] ?? []).map((_, column) => widest(column))
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        hasFigures && column > 0 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}
