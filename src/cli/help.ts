import { defaultText, flagName, KEYS, type Key } from '../config.ts'
import type { Sources } from './read-config.ts'

/** A flag that is not a setting; it takes no value. */
export interface Switch {
  name: string
  summary: string
}

/** A flag of one command that takes a value. */
export interface Option {
  name: string
  /** What the value is, in the usage: `FILE`. */
  value: string
  summary: string
  isRequired?: true
}

/** What a command is given by main.ts. */
export interface Invocation extends Sources {
  /** Names of the switches that were given. */
  switches: ReadonlySet<string>
  /** Values of its own flags, by name. */
  options: Readonly<Record<string, string | undefined>>
  /** What stood behind its name, as many as its `operands`. */
  operands: readonly string[]
  version: string
  workerUrl: string
  /** Writes to standard output. */
  print: (text: string) => void
  /** Writes to standard error, which a program that takes the output does not read. */
  note: (text: string) => void
  /** The next line of standard input; a person is asked for it, and does not see what they type. */
  readSecret: (question: string) => Promise<string>
}

/** What was typed asks for nothing that there is. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** What was asked for cannot be done; the message says why. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}

export interface Command {
  /** As it is typed: `config show`. */
  name: string
  summary: string
  /** Beside the configuration flags, which every command takes. */
  switches: readonly Switch[]
  options?: readonly Option[]
  /** What stands behind its name, all of it required: `USER`. */
  operands?: readonly string[]
  /** The exit code. */
  run(invocation: Invocation): Promise<number>
}

export const COMMON: readonly Switch[] = [
  { name: 'help', summary: 'Show this; also -h.' },
  { name: 'version', summary: 'Show the version.' },
]

const COLUMN = 24

/** `parley --help`. */
export function overview(commands: readonly Command[]): string {
  const rows = commands.map((command) => row(usageOf(command), command.summary))
  return `Parley, the chat server for marketplaces.

Usage: parley [command] [flags]

Commands; serve, if there is none:
${rows.join('\n')}

Flags of every command:
${COMMON.map(switchRow).join('\n')}
  and every setting: see parley serve --help.

Exit codes: 0 done, 1 failed, 2 usage, 78 configuration or data that a restart won't mend.
`
}

/** `parley serve --help`. */
export function helpOf(command: Command): string {
  const { summary, switches, options = [] } = command
  return `${summary}

Usage: parley ${usageOf(command)} [settings]

Flags:
${[...options.map(optionRow), ...[...switches, ...COMMON].map(switchRow)].join('\n')}

Settings, each as a flag, as a variable (also with _FILE, for the path of a file that has the value), or as a line of
parley.toml in the data directory; a flag goes before a variable, and a variable before the file:
${Object.values(KEYS).map(settingRows).join('\n')}
`
}

const usageOf = ({ name, switches, options = [], operands = [] }: Command) =>
  [name, ...operands, ...options.map(valued), ...switches.map(({ name }) => `[--${name}]`)].join(' ')

const valued = ({ name, value, isRequired }: Option) => (isRequired ? `--${name} ${value}` : `[--${name} ${value}]`)

const optionRow = ({ name, value, summary }: Option) => row(`--${name} ${value}`, summary)

const switchRow = ({ name, summary }: Switch) => row(`--${name}`, summary)

const row = (left: string, right: string) =>
  left.length <= COLUMN ? `  ${left.padEnd(COLUMN)} ${right}` : `  ${left}\n  ${''.padEnd(COLUMN)} ${right}`

function settingRows(key: Key): string {
  const lines = [key.description, `${key.env}, default: ${defaultText(key)}`]
  return lines.map((line, index) => row(index === 0 ? `--${flagName(key)} VALUE` : '', plain(line))).join('\n')
}

const plain = (markdown: string) => markdown.replaceAll('`', '')
