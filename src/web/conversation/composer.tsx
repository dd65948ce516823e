import { useSignal } from '@preact/signals'
import type { TargetedKeyboardEvent } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { keep, readKept } from '../chat/kept.ts'
import { t } from '../locale/text.ts'
import { EmojiPicker } from './emoji.tsx'

/** As the server counts, after it has put the text into its normal form (messages/model.ts). */
const MOST = 4000
const lengthOf = (text: string) => text.replaceAll('\r\n', '\n').normalize('NFC').length

interface ComposerProps {
  /** Where what is not finished is kept. */
  draft: string
  onSend: (text: string) => void
  onTyping: () => void
}

/** Where one writes. Enter sends, Shift and Enter begin a new line; on a touch screen Enter does, as people expect there. */
export const Composer = ({ draft, onSend, onTyping }: ComposerProps) => {
  const text = useSignal(readKept(draft) ?? '')
  const field = useRef<HTMLTextAreaElement>(null)
  const excess = lengthOf(text.value) - MOST
  const change = (next: string) => {
    text.value = next
    keep(draft, next)
  }
  const send = () => {
    if (text.value.trim() === '' || excess > 0) return
    onSend(text.value)
    change('')
    field.current?.focus()
  }
  const insert = (emoji: string) => {
    const { current } = field
    if (!current) return
    // In the field itself, so that the caret is behind it.
    current.setRangeText(emoji, current.selectionStart, current.selectionEnd, 'end')
    change(current.value)
    current.focus()
  }
  useEffect(() => grow(field.current), [text.value])
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <EmojiPicker onPick={insert} />
      <textarea
        ref={field}
        value={text.value}
        rows={1}
        dir="auto"
        aria-label={t('write')}
        placeholder={t('write')}
        enterkeyhint={isTouch() ? 'enter' : 'send'}
        onInput={({ currentTarget }) => {
          change(currentTarget.value)
          onTyping()
        }}
        onKeyDown={sendByKey}
      />
      <SendButton isReady={text.value.trim() !== '' && excess <= 0} excess={excess} />
    </form>
  )
}

function sendByKey(event: TargetedKeyboardEvent<HTMLTextAreaElement>) {
  if (!isSending(event)) return
  event.preventDefault()
  event.currentTarget.form?.requestSubmit()
}

const SendButton = ({ isReady, excess }: { isReady: boolean; excess: number }) => (
  <>
    {excess > 0 && (
      <span class="excess" role="status">
        {t('tooLong', { count: excess })}
      </span>
    )}
    <button type="submit" class="send" aria-label={t('send')} disabled={!isReady}>
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d="M3.4 20.4 21 12 3.4 3.6 3.4 10.2 15 12 3.4 13.8z" />
      </svg>
    </button>
  </>
)

/**
 * While a syllable or a word is composed (Korean, Japanese), Enter only ends that. Safari ends the composition before it
 * tells of the key, and gives it the number 229.
 */
function isSending({ key, shiftKey, isComposing, keyCode }: TargetedKeyboardEvent<HTMLTextAreaElement>): boolean {
  return key === 'Enter' && !shiftKey && !isComposing && keyCode !== 229 && !isTouch()
}

const isTouch = () => matchMedia('(pointer: coarse) and (hover: none)').matches

/** As high as what is in it, up to what the style allows. */
function grow(field: HTMLTextAreaElement | null) {
  if (!field || CSS.supports('field-sizing', 'content')) return
  field.style.height = 'auto'
  field.style.height = `${field.scrollHeight}px`
}
