import type { Locale } from '../../lib/texts.ts'
import { chooseTheme, THEMES, type Theme, theme } from '../app/theme.ts'
import { LANGUAGES, locale, speak, t } from '../locale/text.ts'

/** The language and the colours, as one likes them. */
export const Looks = () => (
  <div class="two">
    <label class="field">
      <span>{t('language')}</span>
      <select value={locale.value} onChange={({ currentTarget }) => speak(currentTarget.value as Locale)}>
        {Object.entries(LANGUAGES).map(([code, name]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
    </label>
    <label class="field">
      <span>{t('theme')}</span>
      <select value={theme.value} onChange={({ currentTarget }) => chooseTheme(currentTarget.value as Theme)}>
        {Object.entries(THEMES).map(([name, text]) => (
          <option key={name} value={name}>
            {t(text)}
          </option>
        ))}
      </select>
    </label>
  </div>
)
