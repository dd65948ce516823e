import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { t } from '../locale/text.ts'

/** Those that people use most; for the others every device has a keyboard of its own. */
const EMOJI = [
  ...['😀', '😄', '😂', '🙂', '😉', '😊', '😍', '🤗', '🤔', '😅', '😎', '🥳', '😢', '😮', '😴', '🙈'],
  ...['👍', '👎', '👌', '🙏', '👏', '💪', '🤝', '👋', '✌️', '🤞', '❤️', '💚', '🎉', '✨', '🔥', '💯'],
  ...['🚲', '⛺', '📷', '🎸', '🔧', '🏄', '🎿', '🚗', '🏠', '🔑', '📦', '💶', '💳', '📍', '🗓️', '⏰'],
  ...['☀️', '🌧️', '❄️', '🌊', '⛰️', '🌳', '☕', '🍕', '🍻', '🎂', '🐶', '🐱', '✅', '❌', '❓', '❗'],
]

/** A button, and a grid of emoji above it. */
export const EmojiPicker = ({ onPick }: { onPick: (emoji: string) => void }) => {
  const isOpen = useSignal(false)
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!isOpen.value) return
    const close = ({ target }: Event) => {
      if (!box.current?.contains(target as Node)) isOpen.value = false
    }
    const root = box.current?.getRootNode() ?? document
    root.addEventListener('pointerdown', close)
    return () => root.removeEventListener('pointerdown', close)
  }, [isOpen.value])
  const pick = (emoji: string) => {
    isOpen.value = false
    onPick(emoji)
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape is heard from the buttons inside
    <div
      class="emoji"
      ref={box}
      onKeyDown={({ key }) => {
        if (key !== 'Escape' || !isOpen.value) return
        isOpen.value = false
        box.current?.querySelector('button')?.focus()
      }}
    >
      <button
        type="button"
        class="icon"
        aria-label={t('emoji')}
        aria-expanded={isOpen.value}
        onClick={() => {
          isOpen.value = !isOpen.value
        }}
      >
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <circle cx="12" cy="12" r="9" />
          <path d="M8.5 14.5a4.5 4.5 0 0 0 7 0M9 9.5v.5M15 9.5v.5" />
        </svg>
      </button>
      {isOpen.value && (
        <fieldset class="emoji-grid" aria-label={t('emoji')}>
          {EMOJI.map((emoji) => (
            <button key={emoji} type="button" onClick={() => pick(emoji)}>
              {emoji}
            </button>
          ))}
        </fieldset>
      )}
    </div>
  )
}
