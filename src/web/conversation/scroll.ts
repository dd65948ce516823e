import { useSignal } from '@preact/signals'
import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import type { Room } from '../chat/room.ts'

/** So near to its end a list counts as being there. */
const NEAR_PX = 60
/** Earlier messages are asked for before one gets to the first. */
const AHEAD_PX = 800

/**
 * Keeps a list of messages where its reader wants it: at the end as long as they are there, and else where it is, also when
 * earlier messages come in above. (Browsers do that by themselves, but Safari, and not at the very top.) What is at the end of a page that can be seen is read.
 */
export function useScroll(room: Room) {
  const view = useRef<HTMLDivElement>(null)
  const isAtEnd = useSignal(true)
  const before = useRef<{ firstSeq?: number | undefined; height: number; top: number }>({ height: 0, top: 0 })
  const firstSeq = room.messages.value[0]?.seq
  const count = room.messages.value.length + room.unsent.value.length

  const note = () => {
    const { scrollHeight = 0, scrollTop = 0 } = view.current ?? {}
    before.current = { firstSeq: room.messages.value[0]?.seq, height: scrollHeight, top: scrollTop }
  }
  const toEnd = () => {
    view.current?.scrollTo({ top: view.current.scrollHeight })
  }
  const readOn = () => {
    if (isAtEnd.value && !document.hidden) room.read()
  }
  const onScroll = () => {
    const list = view.current
    if (!list) return
    isAtEnd.value = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_PX
    if (list.scrollTop < AHEAD_PX) void room.loadOlder()
    note()
    readOn()
  }

  useLayoutEffect(() => {
    const list = view.current
    if (!list) return
    const { firstSeq: known, height, top } = before.current
    if (known === undefined) showFirst(list)
    else if (firstSeq !== undefined && firstSeq < known) list.scrollTop = top + list.scrollHeight - height
    else if (isAtEnd.value) toEnd()
    onScroll()
  }, [firstSeq, count, room.isPeerTyping.value])

  // What one has just written is to be seen, wherever one was.
  useLayoutEffect(() => {
    if (room.unsent.value.length > 0) toEnd()
  }, [room.unsent.value.length])

  useChanges(view, { onResize: () => isAtEnd.value && toEnd(), onShow: readOn })
  return { view, isAtEnd, toEnd, onScroll }
}

interface Changes {
  /** A keyboard that opens, a window that is turned. */
  onResize: () => void
  /** The page came into view, or went out of it. */
  onShow: () => void
}

function useChanges(view: RefObject<HTMLElement | null>, { onResize, onShow }: Changes) {
  const latest = useRef({ onResize, onShow })
  latest.current = { onResize, onShow }
  useEffect(() => {
    if (!view.current) return
    const resized = new ResizeObserver(() => latest.current.onResize())
    const shown = () => latest.current.onShow()
    resized.observe(view.current)
    document.addEventListener('visibilitychange', shown)
    return () => {
      resized.disconnect()
      document.removeEventListener('visibilitychange', shown)
    }
  }, [])
}

/** What is new first, with a little of what was before it; else the end. */
function showFirst(list: HTMLElement) {
  const divider = list.querySelector<HTMLElement>('.new')
  list.scrollTop = divider ? divider.offsetTop - list.clientHeight / 4 : list.scrollHeight
}
