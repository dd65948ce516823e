import { effect, signal } from '@preact/signals'
import { keep, readKept } from '../chat/kept.ts'

export const THEMES = { auto: 'themeAuto', light: 'themeLight', dark: 'themeDark' } as const
export type Theme = keyof typeof THEMES

const kept = readKept('theme')
export const theme = signal<Theme>(kept === 'light' || kept === 'dark' ? kept : 'auto')

export function chooseTheme(chosen: Theme): void {
  theme.value = chosen
  keep('theme', chosen === 'auto' ? undefined : chosen)
}

effect(() => {
  document.documentElement.dataset.theme = theme.value
})
