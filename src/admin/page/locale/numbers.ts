import { locale } from './text.ts'

const shown = (value: number, options: Intl.NumberFormatOptions) =>
  new Intl.NumberFormat(locale.value, options).format(value)

export const countOf = (count: number): string => shown(count, { maximumFractionDigits: 1 })

export const msOf = (ms: number): string =>
  shown(ms, { style: 'unit', unit: 'millisecond', maximumFractionDigits: ms < 10 ? 1 : 0 })

export const bytesOf = (bytes: number): string =>
  shown(bytes / 1_000_000, { style: 'unit', unit: 'megabyte', maximumFractionDigits: 0 })
