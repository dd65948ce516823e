import { Link } from '../../../web/app/navigation.tsx'
import { roomAt } from '../address.ts'
import { api, asked } from '../entrance.ts'
import { countOf } from '../locale/numbers.ts'
import { t } from '../locale/text.ts'
import { Listing } from '../parts/listing.tsx'
import { PersonLink, When } from '../parts/words.tsx'

interface RoomsProps {
  /** Where those of one person stand beside what else they have. */
  userId?: string
  productId?: string
}

/** All rooms, those of a person, or those about a product. */
export const Rooms = ({ userId, productId }: RoomsProps) => (
  <Listing
    title={t('rooms')}
    isPart={userId !== undefined}
    {...(productId === undefined ? {} : { hint: t('roomsAbout', { id: productId }) })}
    {...(userId === undefined && productId === undefined ? { seek: t('seekRooms') } : {})}
    ask={(query) =>
      asked(
        api.admin.rooms.get({
          query: {
            ...query,
            // As it stands in the list.
            ...(query.q === undefined ? {} : { q: query.q.replace(/^#/, '') }),
            ...(userId === undefined ? {} : { userId }),
            ...(productId === undefined ? {} : { productId }),
          },
        }),
      )
    }
    keyOf={({ id }) => id}
    empty={t('noRooms')}
    columns={() => [
      { name: t('room'), cell: ({ id }) => <Link href={roomAt(id)}>{`#${id}`}</Link> },
      { name: t('product'), kind: 'wide', cell: ({ product }) => <span dir="auto">{product.title}</span> },
      { name: t('owner'), cell: ({ owner }) => <PersonLink person={owner} /> },
      { name: t('customer'), cell: ({ customer }) => <PersonLink person={customer} /> },
      { name: t('messages'), kind: 'number', cell: ({ lastSeq }) => countOf(lastSeq) },
      { name: t('lastActivity'), cell: ({ lastActivityAt }) => <When at={lastActivityAt} /> },
    ]}
  />
)
