import { en as appEn } from '../../../web/locale/en.ts'
import { ko as appKo } from '../../../web/locale/ko.ts'
import { speaker } from '../../../web/locale/text.ts'
import { en } from './en.ts'
import { ko } from './ko.ts'

export { locale } from '../../../web/locale/text.ts'

/** The text in the person's language: the console says what the chat app says, and more. */
export const t = speaker({ en: { ...appEn, ...en }, ko: { ...appKo, ...ko } })
export type TextKey = Parameters<typeof t>[0]
