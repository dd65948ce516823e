import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { Refusal } from '../../../../web/chat/api.ts'
import { Loading } from '../../../../web/ui/states.tsx'
import type { Figures, Sample } from '../../../model.ts'
import { api, asked } from '../../entrance.ts'
import { bytesOf, countOf, msOf } from '../../locale/numbers.ts'
import { t } from '../../locale/text.ts'
import { Chart } from '../../parts/chart.tsx'
import { Refused } from '../../parts/loaded.tsx'
import { Fact, Tag, When } from '../../parts/words.tsx'

const REFRESH_MS = 3000
const QUARTER_OF_AN_HOUR_MS = 15 * 60_000

/** How the server does, now and in the last quarter of an hour. */
export const Overview = () => {
  const { figures, refusal, load } = useFigures()
  return (
    <section>
      <header class="view-head">
        <h1>{t('overview')}</h1>
        {figures && refusal && (
          <p class="fault" role="status">
            {t('figuresOld')}
          </p>
        )}
      </header>
      {figures ? (
        <Shown figures={figures} />
      ) : refusal ? (
        <Refused refusal={refusal} onRetry={load} />
      ) : (
        <Loading rows={4} kind="row" />
      )}
    </section>
  )
}

/** Asked for again and again, while somebody can see them. */
function useFigures() {
  const figures = useSignal<Figures | undefined>(undefined)
  const refusal = useSignal<Refusal | undefined>(undefined)
  const isAsking = useRef(false)
  const load = async () => {
    if (isAsking.current || document.hidden) return
    isAsking.current = true
    try {
      figures.value = await asked(api.admin.figures.get())
      refusal.value = undefined
    } catch (error) {
      refusal.value = error instanceof Refusal ? error : new Refusal(undefined)
    } finally {
      isAsking.current = false
    }
  }
  useEffect(() => {
    void load()
    const timer = setInterval(load, REFRESH_MS)
    document.addEventListener('visibilitychange', load)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', load)
    }
  }, [])
  return { figures: figures.value, refusal: refusal.value, load: () => void load() }
}

const Shown = ({ figures: { now, history, everyMs } }: { figures: Figures }) => (
  <>
    <State now={now} />
    <p class="muted hint">{t('chartsHint')}</p>
    <Charts
      samples={[...history, { at: new Date().toISOString(), ...now }]}
      width={QUARTER_OF_AN_HOUR_MS / everyMs + 1}
    />
  </>
)

const RELAY = { alone: 'relayAlone', up: 'relayUp', away: 'relayAway' } as const

const State = ({ now: { storage, relay, ...now } }: { now: Figures['now'] }) => (
  <dl class="facts">
    <Fact name={t('storage')}>
      <Tag kind={storage.ok ? 'good' : 'bad'}>{storage.ok ? t('well') : (storage.problem ?? t('unwell'))}</Tag>{' '}
      {storage.engine}
    </Fact>
    <Fact name={t('relay')}>
      <Tag kind={relay === 'away' ? 'bad' : 'good'}>{t(RELAY[relay])}</Tag>
    </Fact>
    <Fact name={t('messagesTotal')}>{countOf(now.messagesTotal)}</Fact>
    <Fact name={t('startedAt')}>{<When at={new Date(Date.now() - now.uptimeMs).toISOString()} />}</Fact>
    <Fact name={t('version')}>{now.version}</Fact>
    <Fact name={t('node')}>
      <code>{now.node}</code>
    </Fact>
  </dl>
)

/** What has a line of its own. */
const CHARTS = [
  ['connections', countOf],
  ['people', countOf],
  ['liveRooms', countOf],
  ['messagesPerSecond', countOf],
  ['writesWaiting', countOf],
  ['rssBytes', bytesOf],
  ['eventLoopLagMs', msOf],
] as const

const Charts = ({ samples, width }: { samples: Sample[]; width: number }) => {
  const times = samples.map(({ at }) => at)
  const valuesOf = (key: Exclude<keyof Sample, 'at'>) => samples.map((sample) => sample[key])
  const commits = [
    { name: 'p99', values: valuesOf('commitP99Ms') },
    { name: 'p50', values: valuesOf('commitP50Ms') },
  ] as const
  return (
    <div class="charts">
      {CHARTS.map(([key, shown]) => (
        <Chart key={key} name={t(key)} lines={[{ values: valuesOf(key) }]} {...{ times, width, shown }} />
      ))}
      <Chart name={t('commit')} lines={commits} {...{ times, width, shown: msOf }} />
    </div>
  )
}
