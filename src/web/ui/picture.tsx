import { useSignal } from '@preact/signals'
import type { Product } from '../../products/model.ts'
import type { Chat } from '../chat/chat.ts'

/** The picture of a product, or its first letter where there is none, or none comes. */
export const Picture = ({ chat, product: { imageUrl, title } }: { chat: Chat; product: Product }) => {
  const isBroken = useSignal(false)
  if (imageUrl === null || isBroken.value) {
    return (
      <span class="picture no-picture" aria-hidden="true">
        {title.trim().slice(0, 1)}
      </span>
    )
  }
  return (
    <img
      class="picture"
      // A path is one on Parley, whatever page this is on.
      src={new URL(imageUrl, chat.server).href}
      alt=""
      loading="lazy"
      decoding="async"
      referrerpolicy="no-referrer"
      onError={() => {
        isBroken.value = true
      }}
    />
  )
}
