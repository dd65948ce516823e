import { readFileSync } from 'node:fs'
import type { Options, Report, ScenarioName, Surroundings } from '../../bench/bench.ts'
import type { Config } from '../../config.ts'
import { type Command, CommandError, type Invocation, type Option, UsageError } from '../help.ts'
import { readConfig } from '../read-config.ts'

/** What a shell reports for a process that the signal ended. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const

/** Whole numbers, and what stands where one is not given. */
const NUMBERS = {
  seconds: { usual: 10, least: 1, most: 3600, summary: 'How long each scenario is measured' },
  rooms: { usual: 100, least: 1, most: 10_000, summary: 'Rooms, with two sockets each' },
  rate: { usual: undefined, least: 1, most: 1_000_000, summary: 'Messages a second of open' },
  sockets: { usual: 3000, least: 10, most: 100_000, summary: 'Sockets of idle' },
  listeners: { usual: 100, least: 2, most: 10_000, summary: 'Sockets in the one room of fanout' },
  size: { usual: 64, least: 1, most: 4000, summary: 'Characters of a message' },
} as const

const MEANS: Record<ScenarioName, string> = {
  idle: 'memory of a connection',
  rooms: 'two sockets a room, each sends when it has its last message back',
  open: 'the same at a fixed rate',
  mixed: 'half of that, with reads',
  fanout: 'one room with many sockets',
}

const OPTIONS: readonly Option[] = [
  {
    name: 'only',
    value: 'LIST',
    summary: `${Object.entries(MEANS)
      .map(([name, means]) => `${name} (${means})`)
      .join(', ')}; all, if left out.`,
  },
  ...Object.entries(NUMBERS).map(([name, { summary, usual }]) => ({
    name,
    value: 'N',
    summary: `${summary}; ${usual ?? 'half of what rooms reached'}, if left out.`,
  })),
  {
    name: 'key-file',
    value: 'FILE',
    summary:
      'File with a server key of the scope privacy: its people and messages are erased afterwards. Without it they ' +
      'stay in the database; its people are signed out, and its products archived.',
  },
]

export const benchCommand: Command = {
  name: 'bench',
  summary: 'Measure a running Parley as its clients find it, with people of its own. See docs/operations.md.',
  switches: [{ name: 'json', summary: 'The figures as JSON.' }],
  options: OPTIONS,
  operands: ['URL'],
  async run(invocation) {
    const { config } = readConfig(invocation, { forServing: false })
    const options = optionsOf(invocation, config)
    const { isSound } = await import('../../bench/notes.ts')
    const { json, text } = await import('./report.ts')
    const stopped = new AbortController()
    for (const [signal, code] of Object.entries(EXIT_CODES)) process.once(signal, () => stopped.abort(code))
    const report = await measured(options, { signal: stopped.signal, ...teller(invocation) })
    if (!report) return stopped.signal.reason
    invocation.print(invocation.switches.has('json') ? json(report) : text(report))
    return isSound(report) ? 0 : 1
  },
}

/** `undefined` if it was stopped before its end. */
async function measured(options: Options, surroundings: Surroundings): Promise<Report | undefined> {
  const { bench } = await import('../../bench/bench.ts')
  const { TargetError } = await import('../../bench/target.ts')
  try {
    return await bench(options, surroundings)
  } catch (error) {
    if (surroundings.signal.aborted) return undefined
    throw error instanceof TargetError ? new CommandError(error.message, { cause: error }) : error
  } finally {
    surroundings.progress('')
  }
}

function optionsOf({ options, operands }: Invocation, { metricsToken, hostTokens }: Config): Options {
  const number = (name: keyof typeof NUMBERS) => numberIn(options, name)
  const { source, issuer, audience } = hostTokens ?? {}
  return {
    url: operands[0] ?? '',
    only: scenariosIn(options.only),
    seconds: number('seconds'),
    rooms: number('rooms'),
    rate: options.rate === undefined ? undefined : number('rate'),
    sockets: number('sockets'),
    listeners: number('listeners'),
    size: number('size'),
    metricsToken,
    signer: source && 'secret' in source ? { secret: source.secret, issuer, audience } : undefined,
    key: keyIn(options['key-file']),
  }
}

function scenariosIn(list: string | undefined): ScenarioName[] {
  const names = Object.keys(MEANS) as ScenarioName[]
  const words = list?.split(',').map((word) => word.trim()) ?? names
  const unknown = words.find((word) => !names.some((name) => name === word))
  if (unknown !== undefined) throw new UsageError(`--only takes some of ${names.join(',')}`)
  return names.filter((name) => words.includes(name))
}

function numberIn(options: Invocation['options'], name: keyof typeof NUMBERS): number {
  const { usual, least, most } = NUMBERS[name]
  const text = options[name] ?? String(usual)
  if (/^\d{1,7}$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text)
  throw new UsageError(`--${name} takes a whole number from ${least} to ${most}`)
}

function keyIn(file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  const key = textOf(file).trim()
  if (/^plk_[\x21-\x7e]+$/.test(key)) return key
  throw new CommandError(`--key-file ${file} has no server key in it. See parley key create.`)
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new CommandError(`--key-file ${file} can't be read.`, { cause: error })
  }
}

const TOLD_EVERY_MS = 5000
const NEW_LINE = '\r\u001b[K'

/** On a terminal one line that is written over; else a line now and then, for a log. */
function teller({ note, isTerminal }: Invocation): Pick<Surroundings, 'progress' | 'note'> {
  if (isTerminal)
    return { progress: (line) => note(`${NEW_LINE}${line}`), note: (line) => note(`${NEW_LINE}${line}\n`) }
  let toldAt = Number.NEGATIVE_INFINITY
  const progress = (line: string) => {
    if (line === '' || performance.now() - toldAt < TOLD_EVERY_MS) return
    toldAt = performance.now()
    note(`${line}\n`)
  }
  return { progress, note: (line) => note(`${line}\n`) }
}
