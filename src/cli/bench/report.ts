import type { Report, Spoken } from '../../bench/bench.ts'
import type { Latency } from '../../bench/meter.ts'
import { counts, isSound, notesOn } from '../../bench/notes.ts'
import { table } from '../config.ts'

/** For people. */
export function text(report: Report): string {
  const { url, version, rooms, people, seconds, size, idle, spoken } = report
  const parts = [
    `Parley ${version} at ${url}: ${rooms} rooms of ${people} people, ${seconds} s each, messages of ${size} characters\n`,
    ...(spoken.length > 0 ? [table([TALK_HEADING, ...spoken.map(talkRow)], { hasFigures: true })] : []),
    ...(spoken.length > 0 ? [table([SOUND_HEADING, ...spoken.map(soundRow)], { hasFigures: true })] : []),
    ...spoken.flatMap(readTable),
    ...(idle ? [idleLine(idle)] : []),
    notesOn(report)
      .map((note) => `${note}\n`)
      .join(''),
    isSound(report) ? '' : 'NOT SOUND: see lost, doubled, disordered and closed above.\n',
  ]
  return parts.filter((part) => part !== '').join('\n')
}

/** For programs. What could not be measured is null. */
export function json(report: Report): string {
  const whole = { ...report, isSound: isSound(report), notes: notesOn(report) }
  return `${JSON.stringify(whole, (_, value) => value ?? null, 2)}\n`
}

const TALK_HEADING = [
  'scenario',
  ...['due/s', 'messages/s', 'deliveries/s', 'p50 ms', 'p99 ms', 'max ms'],
  ...['server CPU', 'MB', 'generator'],
]

const talkRow = ({ name, rate, messagesPerSecond, deliveriesPerSecond, toOthers, server, generatorCpu }: Spoken) => [
  name,
  ...[rate === undefined ? '-' : whole(rate), whole(messagesPerSecond), whole(deliveriesPerSecond)],
  ...latency(toOthers),
  ...[server ? percent(server.cpu) : '-', server ? whole(server.residentBytes / 1e6) : '-', percent(generatorCpu)],
]

const SOUND_HEADING = ['scenario', 'sent', 'lost', 'doubled', 'disordered', 'refused', 'closed']

const soundRow = ({ name, sent, lost, doubled, disordered, refused, closed }: Spoken) => [
  name,
  ...[sent, lost, doubled, disordered].map(whole),
  ...[refused, closed].map((by) => counts(by) || '0'),
]

function readTable({ name, reads }: Spoken): string[] {
  if (reads.length === 0) return []
  const rows = reads.map((read) => [
    `${name}: ${read.name}`,
    whole(read.perSecond),
    ...latency(read.latency),
    counts(read.refused) || '0',
  ])
  return [table([['read', 'requests/s', 'p50 ms', 'p99 ms', 'max ms', 'refused'], ...rows], { hasFigures: true })]
}

function idleLine({ sockets, openedPerSecond, bytesPerSocket }: NonNullable<Report['idle']>): string {
  const each = bytesPerSocket === undefined ? 'memory not told' : `${(bytesPerSocket / 1024).toFixed(1)} KiB each`
  return `idle: ${whole(sockets)} sockets, opened ${whole(openedPerSecond)} a second, ${each}\n`
}

const latency = (latency: Latency | undefined) =>
  latency ? [latency.p50, latency.p99, latency.max].map((ms) => ms.toFixed(1)) : ['-', '-', '-']

const whole = (value: number) => Math.round(value).toLocaleString('en')

const percent = (cores: number) => `${Math.round(100 * cores)} %`
