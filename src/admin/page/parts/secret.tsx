import { useSignal } from '@preact/signals'
import { useEffect, useId, useRef } from 'preact/hooks'
import { t } from '../locale/text.ts'

interface SecretProps {
  name: string
  secret: string
  onSeen: () => void
}

/** What is shown once. */
export const NewSecret = ({ name, secret, onSeen }: SecretProps) => {
  const box = useRef<HTMLInputElement>(null)
  const isCopied = useSignal(false)
  const id = useId()
  useEffect(() => box.current?.select(), [])
  const copy = async () => {
    box.current?.select()
    // Without TLS a browser has no clipboard for a page: then what is selected is for the person to copy.
    await navigator.clipboard?.writeText(secret).then(
      () => {
        isCopied.value = true
      },
      () => {},
    )
  }
  return (
    <section class="secret" aria-labelledby={id}>
      <h2 id={id}>{name}</h2>
      <p>{t('shownOnce')}</p>
      <p class="secret-line">
        <input ref={box} readOnly value={secret} aria-labelledby={id} />
        <button type="button" class="button" onClick={() => void copy()}>
          {t(isCopied.value ? 'copied' : 'copy')}
        </button>
        <button type="button" class="button quiet" onClick={onSeen}>
          {t('seen')}
        </button>
      </p>
    </section>
  )
}
