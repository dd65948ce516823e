import type { Spread } from './statistics.ts'

/** The first row is the header; the first column says what a row is about. */
export type Table = string[][]

/** A piece of the report, for the console and for the document. */
export interface Section {
  title: string
  notes: string[]
  tables: Table[]
}

export function spread({ median, min, max }: Spread, digits: number, per = 1): string {
  const [middle, low, high] = [median, min, max].map((value) => (value / per).toFixed(digits))
  return min === max ? `${middle}` : `${middle} [${low}–${high}]`
}

export function print({ title, notes, tables }: Section): void {
  console.log([`\n${title}`, ...notes].join('\n'))
  for (const table of tables) console.log(`\n${inColumns(table)}`)
}

/** Words to the left, numbers to the right. */
function inColumns(table: Table): string {
  const columns = (table[0] ?? []).map((_, at) => table.map((row) => row[at] ?? ''))
  const padded = columns.map((cells, at) => {
    const width = Math.max(...cells.map((cell) => cell.length))
    const isText = at === 0 || cells.slice(1).some((cell) => /\p{L}{3}/u.test(cell))
    return cells.map((cell) => (isText ? cell.padEnd(width) : cell.padStart(width)))
  })
  return table
    .map((_, row) =>
      padded
        .map((cells) => cells[row])
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

export const markdown = ({ title, notes, tables }: Section): string =>
  [`### ${title}`, ...notes, ...tables.map(asMarkdown)].join('\n\n')

function asMarkdown([header = [], ...rows]: Table): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  return [header, header.map(() => '---'), ...rows].map(line).join('\n')
}
