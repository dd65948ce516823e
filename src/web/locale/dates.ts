import { locale, t } from './text.ts'

const DAY_MS = 24 * 3600 * 1000

const formats = new Map<string, Intl.DateTimeFormat>()

/** One is slow to make. */
function format(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale.value} ${name}`
  const made = formats.get(key) ?? new Intl.DateTimeFormat(locale.value, options)
  formats.set(key, made)
  return made
}

export const timeOf = (iso: string): string =>
  format('time', { hour: 'numeric', minute: '2-digit' }).format(new Date(iso))

/** The date and the time; `medium` has the seconds. */
export const momentOf = (iso: string, timeStyle: 'short' | 'medium'): string =>
  format(`moment ${timeStyle}`, { dateStyle: 'medium', timeStyle }).format(new Date(iso))

export const isSameDay = (a: string, b: string): boolean => new Date(a).toDateString() === new Date(b).toDateString()

/** Today, yesterday, a weekday of the last week, or the date. */
export function dayOf(iso: string, now = new Date()): string {
  const [date, days] = [new Date(iso), daysAgo(iso, now)]
  if (days <= 0) return t('today')
  if (days === 1) return t('yesterday')
  if (days < 7) return format('weekday', { weekday: 'long' }).format(date)
  const isThisYear = date.getFullYear() === now.getFullYear()
  return format(isThisYear ? 'day' : 'date', {
    day: 'numeric',
    month: 'long',
    ...(isThisYear ? {} : { year: 'numeric' }),
  }).format(date)
}

/** In a list: the time of today, and the day of what is older. */
export const shortOf = (iso: string, now = new Date()): string =>
  daysAgo(iso, now) <= 0 ? timeOf(iso) : dayOf(iso, now)

/** How long ago, roughly. */
export function agoOf(iso: string, now = Date.now()): string {
  const minutes = Math.max(1, Math.round((now - Date.parse(iso)) / 60_000))
  const relative = new Intl.RelativeTimeFormat(locale.value, { numeric: 'auto' })
  if (minutes < 60) return relative.format(-minutes, 'minute')
  if (minutes < 24 * 60) return relative.format(-Math.round(minutes / 60), 'hour')
  return relative.format(-Math.round(minutes / 60 / 24), 'day')
}

function daysAgo(iso: string, now: Date): number {
  const midnight = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime()
  return Math.round((midnight(now) - midnight(new Date(iso))) / DAY_MS)
}

/** An amount in minor units, as people write it. */
export function moneyOf(minor: number, currency: string): string {
  const money = new Intl.NumberFormat(locale.value, { style: 'currency', currency })
  return money.format(minor / 10 ** minorDigits(currency))
}

export const minorDigits = (currency: string): number =>
  new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2
