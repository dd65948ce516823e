import type { Command } from './help.ts'
import { readConfig, type Setting } from './read-config.ts'

export const configShow: Command = {
  name: 'config show',
  summary: 'Show every setting with its value and where that comes from; secrets are masked.',
  switches: [],
  async run(invocation) {
    invocation.print(table(readConfig(invocation).sources))
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

function table(settings: Setting[]): string {
  const rows = [['key', 'value', 'source'], ...settings.map(({ key, value, source }) => [key, value || '-', source])]
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
  return `${lines.join('\n')}\n`
}
