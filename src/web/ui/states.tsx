import type { ComponentChildren } from 'preact'
import { t } from '../locale/text.ts'

interface Notice {
  title: string
  hint?: string
  children?: ComponentChildren
}

/** Nothing is here, and what to do about it. */
export const Empty = ({ title, hint, children }: Notice) => (
  <div class="state">
    <h2>{title}</h2>
    {hint && <p>{hint}</p>}
    {children}
  </div>
)

/** It went wrong, and may go well the next time. */
export const Failed = ({ title, hint, onRetry }: Notice & { onRetry: () => void }) => (
  <div class="state" role="alert">
    <h2>{title}</h2>
    <p>{hint ?? t('unreachable')}</p>
    <button type="button" class="button" onClick={onRetry}>
      {t('tryAgain')}
    </button>
  </div>
)

/** The shape of what is to come. */
export const Loading = ({ rows, kind }: { rows: number; kind: 'row' | 'bubble' | 'card' }) => (
  <div class="loading" aria-busy="true">
    {Array.from({ length: rows }, (_, at) => (
      <div key={at} class={`ghost ghost-${kind}`} />
    ))}
  </div>
)
