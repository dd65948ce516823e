import type { ComponentChildren } from 'preact'
import { Empty, Loading } from '../../../web/ui/states.tsx'
import { t } from '../locale/text.ts'
import { type Ask, useFound } from './found.ts'
import { Refused } from './loaded.tsx'
import { type Column, Table } from './table.tsx'

interface ListingProps<T> {
  title: string
  /** In another view it is a part, and smaller. */
  isPart?: boolean
  hint?: string
  /** What can be sought, where something can. */
  seek?: string
  ask: Ask<T>
  /** `reload` is for what changes the items. */
  columns: (reload: () => void) => Column<T>[]
  keyOf: (item: T) => string | number
  empty: string
  /** What stands before the list. */
  children?: (reload: () => void) => ComponentChildren
}

/** A list of the server's: found, shown in a table, page by page. */
export const Listing = <T,>({ title, isPart = false, seek, ask, columns, ...rest }: ListingProps<T>) => {
  const { sought, found, load } = useFound(ask)
  const reload = () => void load()
  const { state, items, nextCursor, refusal } = found.value
  const Heading = isPart ? 'h2' : 'h1'
  return (
    <section class="listing" aria-busy={state === 'loading'}>
      <header class="view-head">
        <Heading>{title}</Heading>
        {seek && (
          <input
            type="search"
            aria-label={seek}
            placeholder={seek}
            maxLength={254}
            value={sought.value}
            onInput={({ currentTarget }) => {
              sought.value = currentTarget.value
            }}
          />
        )}
        <Refresh onPress={reload} />
      </header>
      {rest.hint && <p class="muted hint">{rest.hint}</p>}
      {rest.children?.(reload)}
      {refusal && <Refused refusal={refusal} onRetry={reload} />}
      {state === 'loading' && items.length === 0 && <Loading rows={6} kind="row" />}
      {state === 'ready' && items.length === 0 && (
        <Empty title={sought.value ? t('nothingFound', { query: sought.value }) : rest.empty} />
      )}
      {items.length > 0 && <Table name={title} columns={columns(reload)} items={items} keyOf={rest.keyOf} />}
      {state === 'ready' && nextCursor !== null && (
        <button type="button" class="link more" onClick={() => void load(nextCursor)}>
          {t('more')}
        </button>
      )}
    </section>
  )
}

const Refresh = ({ onPress }: { onPress: () => void }) => (
  <button type="button" class="icon" aria-label={t('refresh')} onClick={onPress}>
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <path d="M19 12a7 7 0 1 1-2.2-5.1M19 3v4.5h-4.5" />
    </svg>
  </button>
)
