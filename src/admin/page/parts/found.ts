import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { Refusal } from '../../../web/chat/api.ts'

export interface Page<T> {
  items: T[]
  nextCursor?: string | null
}

export interface Query {
  limit: number
  q?: string
  cursor?: string
}

/** Asks for a page. */
export type Ask<T> = (query: Query) => Promise<Page<T>>

interface Found<T> {
  state: 'loading' | 'ready' | 'failed'
  items: T[]
  nextCursor: string | null
  refusal?: Refusal
}

/** People are still typing until then. */
const PAUSE_MS = 250
const PAGE = 50

/** What is found, page by page. What was found before stays until there is an answer. */
export function useFound<T>(ask: Ask<T>) {
  const sought = useSignal('')
  const found = useSignal<Found<T>>({ state: 'loading', items: [], nextCursor: null })
  const turns = useRef(0)
  const load = async (cursor?: string) => {
    turns.current += 1
    const turn = turns.current
    const isStale = () => turn !== turns.current
    const { refusal: _, ...shown } = found.value
    found.value = { ...shown, state: 'loading' }
    const before = cursor === undefined ? [] : shown.items
    try {
      const { items, nextCursor = null } = await search(ask, { q: sought.value, cursor, isStale })
      // What was asked for since has its own answer.
      if (!isStale()) found.value = { state: 'ready', items: [...before, ...items], nextCursor }
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal(undefined)
      if (!isStale()) found.value = { ...found.value, state: 'failed', refusal }
    }
  }
  useEffect(() => {
    const timer = setTimeout(() => void load(), sought.value ? PAUSE_MS : 0)
    return () => {
      clearTimeout(timer)
      turns.current += 1
    }
  }, [sought.value])
  return { sought, found, load }
}

interface Search {
  q: string
  cursor: string | undefined
  isStale: () => boolean
}

/** A search looks at so many rows at a time: it goes on until something is found, or nothing is left. */
async function search<T>(ask: Ask<T>, { q, cursor, isStale }: Search): Promise<Page<T>> {
  const page = await ask({ limit: PAGE, ...(q ? { q } : {}), ...(cursor === undefined ? {} : { cursor }) })
  if (page.items.length > 0 || !page.nextCursor || isStale()) return page
  return search(ask, { q, cursor: page.nextCursor, isStale })
}
