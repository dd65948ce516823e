import { t } from '../locale/text.ts'

interface AvatarProps {
  id: string
  name: string
  online?: boolean | undefined
}

const HUES = 12

/** The first letter of a name, in a colour that stays with the person. */
export const Avatar = ({ id, name, online }: AvatarProps) => (
  <span class={`avatar hue-${hueOf(id)}`} aria-hidden={online ? undefined : 'true'}>
    <span aria-hidden="true">{firstOf(name)}</span>
    {online && <span class="online-dot" role="img" aria-label={t('online')} />}
  </span>
)

function hueOf(id: string): number {
  let sum = 0
  for (const char of id) sum = (sum * 31 + char.charCodeAt(0)) >>> 0
  return sum % HUES
}

/** As a reader counts letters, not as UTF-16 does. */
const firstOf = (name: string): string =>
  [...new Intl.Segmenter().segment(name.trim())][0]?.segment.toUpperCase() ?? '?'
