import { useSignal } from '@preact/signals'
import type { Message, MessagePage } from '../../../messages/model.ts'
import { Link } from '../../../web/app/navigation.tsx'
import { Fault, useAttempt } from '../../../web/pages/form.tsx'
import type { AdminRoom } from '../../model.ts'
import { productAt } from '../address.ts'
import { api, asked } from '../entrance.ts'
import { countOf } from '../locale/numbers.ts'
import { t } from '../locale/text.ts'
import { Loaded } from '../parts/loaded.tsx'
import { Fact, PersonLink, When } from '../parts/words.tsx'

/** A room from outside; what was said in it only for whoever asks, and is written down. */
export const Room = ({ roomId }: { roomId: string }) => (
  <Loaded ask={() => asked(api.admin.rooms({ roomId: encodeURIComponent(roomId) }).get())}>
    {(room) => (
      <>
        <header class="view-head">
          <h1>
            {t('room')} #{room.id}
          </h1>
        </header>
        <About room={room} />
        <Reading roomId={room.id} />
      </>
    )}
  </Loaded>
)

const About = ({ room }: { room: AdminRoom }) => (
  <dl class="facts">
    <Fact name={t('product')}>
      <Link href={productAt(room.product.id)} dir="auto">
        {room.product.title}
      </Link>
    </Fact>
    <Fact name={t('owner')}>
      <PersonLink person={room.owner} />
    </Fact>
    <Fact name={t('customer')}>
      <PersonLink person={room.customer} />
    </Fact>
    <Fact name={t('messages')}>{countOf(room.lastSeq)}</Fact>
    <Fact name={t('since')}>
      <When at={room.createdAt} />
    </Fact>
    <Fact name={t('lastActivity')}>
      <When at={room.lastActivityAt} />
    </Fact>
  </dl>
)

const PAGE = 50

const Reading = ({ roomId }: { roomId: number }) => {
  const read = useSignal<MessagePage | undefined>(undefined)
  const { isBusy, refusal, attempt } = useAttempt()
  const readOn = () =>
    attempt(async () => {
      const before = read.value?.items ?? []
      const [oldest] = before
      const query = { limit: PAGE, ...(oldest ? { before: oldest.seq } : {}) }
      const { items, hasMore } = await asked(api.admin.rooms({ roomId }).messages.get({ query }))
      read.value = { items: [...items, ...before], hasMore }
    })
  const { items, hasMore } = read.value ?? { items: [], hasMore: true }
  return (
    <section class="reading">
      <h2>{t('messages')}</h2>
      <p class="muted hint">{t('readingHint')}</p>
      <Fault refusal={refusal.value} />
      {hasMore && (
        <p>
          <button type="button" class="button quiet" disabled={isBusy.value} onClick={() => void readOn()}>
            {t(read.value ? 'readEarlier' : 'read')}
          </button>
        </p>
      )}
      {read.value && items.length === 0 && <p>{t('roomIsEmpty')}</p>}
      <ol class="said">
        {items.map((message) => (
          <Said key={message.seq} message={message} />
        ))}
      </ol>
    </section>
  )
}

const Said = ({ message: { seq, kind, sender, text, createdAt } }: { message: Message }) => (
  <li>
    <p class="said-head">
      <span class="muted">{seq}</span> {sender ? <PersonLink person={sender} /> : t('system')} <When at={createdAt} />
    </p>
    <p class={kind === 'deleted' ? 'muted' : 'said-text'} dir="auto">
      {kind === 'deleted' ? t('deleted') : text}
    </p>
  </li>
)
