import { useSignal } from '@preact/signals'
import type { Product } from '../../products/model.ts'

/** The picture of a product, or its first letter where there is none, or none comes. */
export const Picture = ({ product: { imageUrl, title } }: { product: Product }) => {
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
      src={imageUrl}
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
