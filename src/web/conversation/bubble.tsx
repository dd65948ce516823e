import type { Message } from '../../messages/model.ts'
import type { Unsent } from '../chat/outbox.ts'
import { timeOf } from '../locale/dates.ts'
import { t } from '../locale/text.ts'
import { isEmojiOnly, Words } from './words.tsx'

/** How far a message of one's own has come. */
export type Reach = 'sent' | 'delivered' | 'read'

interface BubbleProps {
  message: Message
  isMine: boolean
  /** It follows one of the same person. */
  isNext: boolean
  /** The time stands under the last one of several. */
  isLast: boolean
  reach: Reach | undefined
}

export const Bubble = ({ message, isMine, isNext, isLast, reach }: BubbleProps) => {
  const { kind, text, sender, createdAt } = message
  if (kind === 'system') return <p class="note">{text}</p>
  if (kind !== 'text' && kind !== 'deleted') return null
  return (
    <div class={`line ${isMine ? 'mine' : 'theirs'} ${isNext ? 'next' : ''}`}>
      <span class="visually-hidden">{isMine ? t('you') : sender?.username}: </span>
      {kind === 'deleted' ? (
        <p class="bubble gone">{t('deleted')}</p>
      ) : (
        <p class={isEmojiOnly(text) ? 'bubble large' : 'bubble'} dir="auto">
          <Words text={text} />
        </p>
      )}
      {isLast && (
        <p class="meta">
          <time dateTime={createdAt}>{timeOf(createdAt)}</time>
          {reach && <Mark reach={reach} />}
        </p>
      )}
    </div>
  )
}

const TICKS = {
  sent: 'M2 8.5 5.5 12 13 4.5',
  delivered: 'M1 8.5 4.5 12 12 4.5M8 11.5 8.5 12 16 4.5',
  read: 'M1 8.5 4.5 12 12 4.5M8 11.5 8.5 12 16 4.5',
}

const Mark = ({ reach }: { reach: Reach }) => (
  <svg class={`mark ${reach}`} viewBox="0 0 17 16" role="img" aria-label={t(reach)}>
    <path d={TICKS[reach]} />
  </svg>
)

interface UnsentProps {
  message: Unsent
  onAgain: () => void
  onDrop: () => void
}

/** On its way, or refused. */
export const UnsentBubble = ({ message: { text, refusal }, onAgain, onDrop }: UnsentProps) => (
  <div class={`line mine ${refusal === undefined ? 'pending' : 'refused'}`}>
    <span class="visually-hidden">{t('you')}: </span>
    <p class="bubble" dir="auto">
      <Words text={text} />
    </p>
    {refusal === undefined ? (
      <p class="meta">{t('sending')}</p>
    ) : (
      <p class="meta" role="alert">
        {t('notSent', { reason: refusal })}{' '}
        <button type="button" class="link" onClick={onAgain}>
          {t('sendAgain')}
        </button>{' '}
        <button type="button" class="link" onClick={onDrop}>
          {t('drop')}
        </button>
      </p>
    )}
  </div>
)
