import { useSignal } from '@preact/signals'
import { useEffect, useId, useRef } from 'preact/hooks'
import { Fault, useAttempt } from '../../../web/pages/form.tsx'
import { t } from '../locale/text.ts'

interface ConfirmProps {
  /** What is done, on the buttons. */
  action: string
  /** To whom, or what. */
  to: string
  /** What will come of it. */
  means: string
  /** Where it can be taken back. */
  isMild?: boolean
  act: () => Promise<unknown>
  onDone: () => void
}

/** A button for what is not to be done by accident: it says what will happen, and asks. */
export const Confirm = (question: ConfirmProps) => {
  const isAsking = useSignal(false)
  const { action, to, isMild } = question
  const close = () => {
    isAsking.value = false
  }
  return (
    <>
      <button
        type="button"
        class={isMild ? 'small' : 'small danger'}
        aria-label={`${action}: ${to}`}
        onClick={() => {
          isAsking.value = true
        }}
      >
        {action}
      </button>
      {isAsking.value && <Question {...question} onClose={close} />}
    </>
  )
}

const Question = ({ action, to, means, isMild, act, onDone, onClose }: ConfirmProps & { onClose: () => void }) => {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  const { isBusy, refusal, attempt } = useAttempt()
  // A modal dialog keeps the focus within it, and gives it back to the button.
  useEffect(() => dialog.current?.showModal(), [])
  const confirm = () =>
    attempt(async () => {
      await act()
      dialog.current?.close()
      onDone()
    })
  return (
    <dialog
      ref={dialog}
      class="question"
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-means`}
      onClose={onClose}
    >
      <h2 id={`${id}-title`}>{action}</h2>
      <p class="about" dir="auto">
        {to}
      </p>
      <p id={`${id}-means`}>{means}</p>
      <Fault refusal={refusal.value} />
      <p class="answers">
        <button type="button" class="button quiet" onClick={() => dialog.current?.close()}>
          {t('cancel')}
        </button>
        <button
          type="button"
          class={isMild ? 'button' : 'button grave'}
          disabled={isBusy.value}
          onClick={() => void confirm()}
        >
          {action}
        </button>
      </p>
    </dialog>
  )
}
