import type { Report } from './bench.ts'

/** One core is what a generator has; near to it, its own delays are in the figures. */
const GENERATOR_FULL = 0.85
/** A server that is asked for all it can do, and does less, waits for something. */
const SERVER_IDLE = 0.7

/** Whether all that was sent came, once and in order, to sockets that stayed open. */
export const isSound = ({ spoken }: Report): boolean =>
  spoken.every(
    ({ lost, doubled, disordered, closed }) => lost + doubled + disordered === 0 && Object.keys(closed).length === 0,
  )

/** What one has to know to read the figures. */
export function notesOn(report: Report): string[] {
  const { url, limits, state, spoken } = report
  const full = spoken.filter(({ generatorCpu }) => generatorCpu > GENERATOR_FULL).map(({ name }) => name)
  const waiting = spoken.filter(({ rate, server, generatorCpu }) => {
    return rate === undefined && server && server.cpu < SERVER_IDLE && generatorCpu <= GENERATOR_FULL
  })
  const closed = spoken.filter((talk) => Object.keys(talk.closed).length > 0)
  const isNear = /^(localhost|127\.|\[::1\])/.test(new URL(url).hostname)
  const notes: [applies: boolean, note: string][] = [
    [
      limits,
      'The limits of the server are on: no closed loop, since that would measure them; the rates stay below five ' +
        'messages a second for a person. What the server can do is seen with PARLEY_LIMITS=off there.',
    ],
    [
      full.length > 0,
      `The generator was at its own ceiling (one core) in ${full.join(', ')}: the server can do more, in less time. ` +
        'Run it on another machine, or several of it.',
    ],
    [
      waiting.length > 0,
      `In ${waiting.map(({ name }) => name).join(' and ')} neither the server nor the generator was busy: the disk (each ` +
        'message is flushed), the network, or other work on the machine was what they waited for.',
    ],
    [isNear && full.length === 0, 'The generator ran on the machine of the server, and took its share of it.'],
    [state !== 'ok', `The server says of itself: ${state}.`],
    [
      spoken.some(({ server }) => server === undefined),
      'The server did not tell its CPU and its memory: it did not answer, or it wants its PARLEY_METRICS_TOKEN.',
    ],
    ...closed.map(({ name, closed }): [boolean, string] => [
      true,
      `In ${name} the server closed sockets: ${counts(closed)}. What they missed is not counted as lost.`,
    ]),
  ]
  return notes.filter(([applies]) => applies).map(([, note]) => note)
}

/** `2 × rate_limited, 1 × unavailable` */
export const counts = (by: Record<string, number>): string =>
  Object.entries(by)
    .map(([what, count]) => `${count} × ${what}`)
    .join(', ')
