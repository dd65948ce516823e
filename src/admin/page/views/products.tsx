import type { Product } from '../../../products/model.ts'
import { Link } from '../../../web/app/navigation.tsx'
import { moneyOf } from '../../../web/locale/dates.ts'
import { personAt, productAt } from '../address.ts'
import { api, asked } from '../entrance.ts'
import { t } from '../locale/text.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Listing } from '../parts/listing.tsx'
import { Tag, When } from '../parts/words.tsx'

export const Products = () => (
  <Listing
    title={t('products')}
    seek={t('seekProducts')}
    ask={(query) => asked(api.admin.products.get({ query }))}
    keyOf={({ id }) => id}
    empty={t('noProducts')}
    columns={(reload) => [
      {
        name: t('product'),
        kind: 'wide',
        cell: ({ id, title, archivedAt }) => (
          <>
            <Link href={productAt(id)} dir="auto">
              {title}
            </Link>{' '}
            {archivedAt && <Tag>{t('withdrawn')}</Tag>}
            <code class="under">{id}</code>
          </>
        ),
      },
      { name: t('price'), kind: 'number', cell: priceOf },
      {
        name: t('owner'),
        cell: ({ ownerId }) => (
          <Link href={personAt(ownerId)}>
            <code>{ownerId}</code>
          </Link>
        ),
      },
      { name: t('since'), cell: ({ createdAt }) => <When at={createdAt} /> },
      {
        name: t('actions'),
        kind: 'actions',
        cell: (product) => product.archivedAt === null && <Withdraw product={product} onDone={reload} />,
      },
    ]}
  />
)

const priceOf = ({ priceMinor, currency }: Product) =>
  priceMinor !== null && currency !== null ? moneyOf(priceMinor, currency) : <span class="muted">{t('none')}</span>

const Withdraw = ({ product, onDone }: { product: Product; onDone: () => void }) => (
  <Confirm
    action={t('withdraw')}
    to={product.title}
    means={t('withdrawMeans')}
    act={() => asked(api.admin.products({ productId: encodeURIComponent(product.id) }).delete())}
    onDone={onDone}
  />
)
