import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { Product } from '../../products/model.ts'
import { go, Link } from '../app/navigation.tsx'
import { answered } from '../chat/api.ts'
import type { Chat } from '../chat/chat.ts'
import { moneyOf } from '../locale/dates.ts'
import { t } from '../locale/text.ts'
import { Picture } from '../ui/picture.tsx'
import { Empty, Failed, Loading } from '../ui/states.tsx'
import { Fault, useAttempt } from './form.tsx'

interface Found {
  state: 'loading' | 'ready' | 'failed'
  items: Product[]
  nextCursor: string | null
}

const NOTHING: Found = { state: 'loading', items: [], nextCursor: null }
/** People are still typing until then. */
const PAUSE_MS = 250
const PAGE = 24

/** What is offered. From a product one gets to its owner. */
export const Browse = ({ chat }: { chat: Chat }) => {
  const query = useSignal('')
  const found = useSignal<Found>(NOTHING)
  const asked = useRef(0)
  const load = async (cursor?: string) => {
    asked.current += 1
    const turn = asked.current
    if (cursor === undefined) found.value = NOTHING
    const before = found.value.items
    try {
      const page = await answered(
        chat.api.products.get({
          query: {
            limit: PAGE,
            ...(query.value ? { q: query.value } : {}),
            ...(cursor === undefined ? {} : { cursor }),
          },
        }),
      )
      // What was typed since has its own answer.
      if (turn === asked.current) found.value = { ...page, state: 'ready', items: [...before, ...page.items] }
    } catch {
      if (turn === asked.current) found.value = { ...found.value, state: 'failed' }
    }
  }
  useEffect(() => {
    const timer = setTimeout(() => void load(), query.value ? PAUSE_MS : 0)
    return () => clearTimeout(timer)
  }, [query.value])
  const { state, items, nextCursor } = found.value
  return (
    <section class="page browse">
      <header class="page-head">
        <h1>{t('browse')}</h1>
        <input
          type="search"
          aria-label={t('search')}
          placeholder={t('searchHint')}
          maxLength={100}
          value={query.value}
          onInput={({ currentTarget }) => {
            query.value = currentTarget.value
          }}
        />
        <Link class="button" href="/offer">
          {t('offer')}
        </Link>
      </header>
      {state === 'failed' && <Failed title={t('productsFailed')} onRetry={() => void load()} />}
      {state === 'loading' && items.length === 0 && <Loading rows={6} kind="card" />}
      {state === 'ready' && items.length === 0 && <NothingFound query={query.value} />}
      <ul class="cards">
        {items.map((product) => (
          <Card key={product.id} chat={chat} product={product} onGone={() => void load()} />
        ))}
      </ul>
      {nextCursor !== null && (
        <button type="button" class="link more" onClick={() => void load(nextCursor)}>
          {t('more')}
        </button>
      )}
    </section>
  )
}

const NothingFound = ({ query }: { query: string }) =>
  query ? <Empty title={t('nothingFound', { query })} /> : <Empty title={t('noProducts')} hint={t('noProductsHint')} />

interface CardProps {
  chat: Chat
  product: Product
  onGone: () => void
}

const Card = ({ chat, product, onGone }: CardProps) => {
  const { refusal, attempt } = useAttempt()
  const { id: productId, title, priceMinor, currency, ownerId } = product
  const ask = () => attempt(async () => go(`/rooms/${(await answered(chat.api.rooms.post({ productId }))).id}`))
  const withdraw = () =>
    attempt(async () => {
      await answered(chat.api.products({ productId: encodeURIComponent(productId) }).delete())
      onGone()
    })
  return (
    <li class="card">
      <Picture chat={chat} product={product} />
      <h2 dir="auto">{title}</h2>
      <p class="price">{priceMinor !== null && currency !== null ? moneyOf(priceMinor, currency) : ' '}</p>
      {ownerId === chat.me.value?.id ? (
        <p class="own">
          <span class="muted">{t('yours')}</span>{' '}
          <button type="button" class="link" onClick={withdraw}>
            {t('withdraw')}
          </button>
        </p>
      ) : (
        <button type="button" class="button quiet" aria-label={`${t('askOwner')}: ${title}`} onClick={ask}>
          {t('askOwner')}
        </button>
      )}
      <Fault refusal={refusal.value} />
    </li>
  )
}
