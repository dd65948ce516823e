import { useSignal } from '@preact/signals'
import type { ComponentChildren, TargetedSubmitEvent } from 'preact'
import { useId } from 'preact/hooks'
import { Refusal } from '../chat/api.ts'
import type { TextKey } from '../locale/en.ts'
import { t } from '../locale/text.ts'

interface FormProps {
  action: string
  /** Gets the fields by their names; what it throws is shown. */
  onSubmit: (fields: Record<string, string>) => Promise<void>
  children: ComponentChildren
}

/** Sends once, and says what was wrong where it was wrong: as the server puts it. */
export const Form = ({ action, onSubmit, children }: FormProps) => {
  const { isBusy, refusal, attempt } = useAttempt()
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const entries = [...new FormData(event.currentTarget)]
    void attempt(() => onSubmit(Object.fromEntries(entries.map(([name, value]) => [name, String(value)]))))
  }
  return (
    <form class="form" onSubmit={submit}>
      {children}
      <Fault refusal={refusal.value} />
      <button type="submit" class="button" disabled={isBusy.value}>
        {action}
      </button>
    </form>
  )
}

/** Does one thing at a time, and keeps why it could not be done. */
export function useAttempt() {
  const isBusy = useSignal(false)
  const refusal = useSignal<Refusal | undefined>(undefined)
  const attempt = async (act: () => Promise<void>) => {
    if (isBusy.value) return
    isBusy.value = true
    refusal.value = undefined
    try {
      await act()
    } catch (error) {
      refusal.value = error instanceof Refusal ? error : new Refusal(undefined)
    } finally {
      isBusy.value = false
    }
  }
  return { isBusy, refusal, attempt }
}

export const Fault = ({ refusal }: { refusal: Refusal | undefined }) => {
  if (!refusal) return null
  const { code, message, fields } = refusal
  return (
    <div class="fault" role="alert">
      {code === 'unreachable'
        ? t('unreachable')
        : fields.length === 0
          ? message
          : fields.map((field) => <p key={field.path}>{`${nameOf(field.path)}: ${field.message}`}</p>)}
    </div>
  )
}

const FIELDS: Record<string, TextKey> = {
  '/email': 'email',
  '/password': 'password',
  '/username': 'username',
  '/title': 'title',
  '/imageUrl': 'imageUrl',
  '/priceMinor': 'price',
  '/currency': 'currency',
  '/current': 'currentPassword',
  '/next': 'nextPassword',
}
function nameOf(path: string): string {
  const key = FIELDS[path]
  return key ? t(key) : path.slice(1)
}

interface FieldProps {
  label: string
  name: string
  hint?: string
  /** Attributes of the input itself. */
  [attribute: string]: string | number | boolean | undefined
}

export const Field = ({ label, name, hint, ...input }: FieldProps) => {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input id={id} name={name} {...input} {...(hint ? { 'aria-describedby': `${id}-hint` } : {})} />
      {hint && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  )
}
