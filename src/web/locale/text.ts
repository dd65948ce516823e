import { signal } from '@preact/signals'
import type { Locale } from '../../lib/texts.ts'
import { keep, readKept } from '../chat/kept.ts'
import { en, type TextKey } from './en.ts'
import { ko } from './ko.ts'

type Texts<Key extends string> = Record<Locale, Record<Key, string>>

const TEXTS: Texts<TextKey> = { en, ko }
export const LANGUAGES: Record<Locale, string> = { en: 'English', ko: '한국어' }

/** What the person chose, else what the browser asks for, else the server's own. */
export const locale = signal<Locale>(
  known(readKept('locale')) ??
    navigator.languages.map(languageOf).find(isKnown) ??
    known(document.documentElement.lang) ??
    'en',
)

export function speak(chosen: Locale): void {
  keep('locale', chosen)
  locale.value = chosen
}

/** What says these texts in the person's language. */
export const speaker =
  <Key extends string>(texts: Texts<Key>) =>
  (key: Key, values: Record<string, string | number> = {}): string =>
    texts[locale.value][key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''))

/** The text in the person's language. */
export const t = speaker(TEXTS)

function languageOf(tag: string): string {
  return tag.split('-')[0] ?? ''
}

function isKnown(language: string): language is Locale {
  return Object.hasOwn(TEXTS, language)
}

function known(language: string | undefined): Locale | undefined {
  return language !== undefined && isKnown(language) ? language : undefined
}

/** In the direction of its own, within a sentence of another (UAX #9, FSI and PDI). */
export const isolated = (text: string): string => `\u2068${text}\u2069`
