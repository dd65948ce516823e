import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { Chat } from '../chat/chat.ts'
import { t } from '../locale/text.ts'

/** A blink of the line is nobody's concern. */
const PATIENCE_MS = 2000

/** Says that there is no line, when it lasts. */
export const LineState = ({ chat }: { chat: Chat }) => {
  const isLasting = useSignal(false)
  const isOnline = useSignal(navigator.onLine)
  const isUp = chat.line.value === 'connected'
  useEffect(() => {
    if (isUp) return
    const timer = setTimeout(() => {
      isLasting.value = true
    }, PATIENCE_MS)
    return () => {
      clearTimeout(timer)
      isLasting.value = false
    }
  }, [isUp])
  useEffect(() => {
    const note = () => {
      isOnline.value = navigator.onLine
    }
    for (const event of ['online', 'offline']) addEventListener(event, note)
    return () => {
      for (const event of ['online', 'offline']) removeEventListener(event, note)
    }
  }, [])
  return (
    <p class="line-state" role="status" hidden={isUp || !isLasting.value}>
      {isUp || !isLasting.value ? '' : isOnline.value ? t('connecting') : t('offline')}
    </p>
  )
}
