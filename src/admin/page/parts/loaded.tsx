import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import { Refusal } from '../../../web/chat/api.ts'
import { Failed, Loading } from '../../../web/ui/states.tsx'
import { t } from '../locale/text.ts'

interface LoadedProps<T> {
  ask: () => Promise<T>
  /** `reload` is for what changes it. */
  children: (value: T, reload: () => void) => ComponentChildren
}

/** One thing of the server's. While it is asked for again, it stays as it was. */
export const Loaded = <T,>({ ask, children }: LoadedProps<T>) => {
  const value = useSignal<T | undefined>(undefined)
  const refusal = useSignal<Refusal | undefined>(undefined)
  const load = async () => {
    refusal.value = undefined
    try {
      value.value = await ask()
    } catch (error) {
      refusal.value = error instanceof Refusal ? error : new Refusal(undefined)
    }
  }
  useEffect(() => void load(), [])
  if (refusal.value) return <Refused refusal={refusal.value} onRetry={() => void load()} />
  if (value.value === undefined) return <Loading rows={4} kind="row" />
  return <>{children(value.value, () => void load())}</>
}

/** In the server's words, where it had some. */
export const Refused = ({ refusal: { code, message }, onRetry }: { refusal: Refusal; onRetry: () => void }) => {
  if (code === 'unreachable') return <Failed title={t('listFailed')} onRetry={onRetry} />
  return <Failed title={code === 'not_found' ? t('notFound') : t('listFailed')} hint={message} onRetry={onRetry} />
}
