import { useSignal } from '@preact/signals'
import { timeOf } from '../../../web/locale/dates.ts'
import { t } from '../locale/text.ts'

export interface Line {
  /** Where there are several. */
  name?: string
  /** Oldest first; the last one is now. */
  values: readonly number[]
}

interface ChartProps {
  name: string
  lines: readonly [Line, ...Line[]]
  /** When each of the values was, and how many of them fill the chart. */
  times: readonly string[]
  width: number
  shown: (value: number) => string
}

const HEIGHT = 40

/** How something has gone lately: the last value, the line, the least and the most. A pointer on it asks for any other. */
export const Chart = ({ name, lines, times, width, shown }: ChartProps) => {
  const pointed = useSignal<number | undefined>(undefined)
  const last = times.length - 1
  const at = Math.min(pointed.value ?? last, last)
  const all = lines.flatMap(({ values }) => values)
  const [least, most] = [Math.min(...all), Math.max(...all)]
  const toX = (index: number) => width - 1 - last + index
  const toY = (value: number) => HEIGHT - 1 - (value / (most || 1)) * (HEIGHT - 3)
  const range = t('leastMost', { least: shown(least), most: shown(most) })
  return (
    <figure class="chart">
      <figcaption>
        {name}
        <span class="values">
          {lines.map(({ name, values }) => (
            <b key={name}>
              {name && <small>{name}</small>} {shown(values[at] ?? 0)}
            </b>
          ))}
        </span>
      </figcaption>
      <svg
        role="img"
        aria-label={`${name}: ${range}`}
        viewBox={`0 0 ${width - 1} ${HEIGHT}`}
        preserveAspectRatio="none"
        onPointerMove={({ offsetX, currentTarget }) => {
          const index = Math.round((offsetX / currentTarget.clientWidth) * (width - 1)) - (width - 1 - last)
          pointed.value = Math.max(0, Math.min(index, last))
        }}
        onPointerLeave={() => {
          pointed.value = undefined
        }}
      >
        {lines.map(({ name, values }) => (
          <path
            key={name}
            d={values.map((value, at) => `${at ? 'L' : 'M'}${toX(at)} ${toY(value).toFixed(1)}`).join('')}
          />
        ))}
        {pointed.value !== undefined && <path class="pointed" d={`M${toX(at)} 0V${HEIGHT}`} />}
      </svg>
      <p>{pointed.value === undefined ? range : timeOf(times[at] ?? '')}</p>
    </figure>
  )
}
