import type { Spread } from './statistics.ts'

export function spread({ median, min, max }: Spread, digits: number, per = 1): string {
  const [middle, low, high] = [median, min, max].map((value) => (value / per).toFixed(digits))
  return `${middle} [${low}–${high}]`
}

export function print(rows: string[][]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      (column === 0 ? cell.padEnd : cell.padStart).call(cell, widths[column] ?? 0),
    )
    console.log(cells.join('  '))
  }
  console.log()
}
