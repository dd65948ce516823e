import { useSignal } from '@preact/signals'
import type { TargetedKeyboardEvent } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
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
      {isOpen.value && <EmojiGrid onPick={pick} />}
    </div>
  )
}

/** One stop for Tab; within it the arrows lead from one to the next. */
const EmojiGrid = ({ onPick }: { onPick: (emoji: string) => void }) => {
  const grid = useRef<HTMLFieldSetElement>(null)
  const at = useSignal(0)
  const focusOn = (index: number) => grid.current?.querySelectorAll('button')[index]?.focus()
  useLayoutEffect(() => focusOn(0), [])
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLFieldSetElement>) => {
    const columns = getComputedStyle(event.currentTarget).gridTemplateColumns.split(' ').length
    const steps: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }
    const next = at.value + (steps[event.key] ?? 0)
    if (next === at.value || !EMOJI[next]) return
    event.preventDefault()
    at.value = next
    focusOn(next)
  }
  return (
    <fieldset class="emoji-grid" ref={grid} aria-label={t('emoji')} onKeyDown={onKeyDown}>
      {EMOJI.map((emoji, index) => (
        <button key={emoji} type="button" tabIndex={index === at.value ? 0 : -1} onClick={() => onPick(emoji)}>
          {emoji}
        </button>
      ))}
    </fieldset>
  )
}
