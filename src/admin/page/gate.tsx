import type { Entrance } from './entrance.ts'
import { t } from './locale/text.ts'
import { Refused } from './parts/loaded.tsx'

const WHY = { stranger: 'whyStranger', spent: 'whySpent', noAdmin: 'whyNoAdmin', ended: 'whyEnded' } as const

/** For whoever is not in: why, and how one comes in. */
export const Gate = ({ entrance }: { entrance: Exclude<Entrance, { state: 'in' }> }) => {
  switch (entrance.state) {
    case 'loading':
      return <main class="gate" aria-busy="true" />
    case 'failed':
      return (
        <main class="gate">
          <Refused refusal={entrance.refusal} onRetry={entrance.again} />
        </main>
      )
    case 'out':
      return (
        <main class="gate">
          <img src="/icon.svg" alt="" width="56" height="56" />
          <h1>{t('consoleOf')}</h1>
          <p>{t(WHY[entrance.why])}</p>
          <p class="muted">{t('howToEnter')}</p>
          <pre class="command">parley admin link</pre>
          <p class="muted">{t('linkIsGood')}</p>
          <p>
            <a class="button quiet" href="/">
              {t('toChat')}
            </a>
          </p>
        </main>
      )
  }
}
