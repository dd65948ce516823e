import { defaultText, flagName, KEYS, type Key } from '../config.ts'
import type { Sources } from './read-config.ts'

/** A flag that is not a setting; it takes no value. */
export interface Switch {
  name: string
  summary: string
}

/** What a command is given by main.ts. */
export interface Invocation extends Sources {
  /** Names of the switches that were given. */
  switches: ReadonlySet<string>
  version: string
  workerUrl: string
  /** Writes to standard output. */
  print: (text: string) => void
}

export interface Command {
  /** As it is typed: `config show`. */
  name: string
  summary: string
  /** Beside the configuration flags, which every command takes. */
  switches: readonly Switch[]
  /** The exit code. */
  run(invocation: Invocation): Promise<number>
}

export const COMMON: readonly Switch[] = [
  { name: 'help', summary: 'Show this; also -h.' },
  { name: 'version', summary: 'Show the version.' },
]

/** `parley --help`. */
export function overview(commands: readonly Command[]): string {
  const rows = commands.map(({ name, switches, summary }) => row([name, ...switches.map(optional)].join(' '), summary))
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
export function helpOf({ name, summary, switches }: Command): string {
  return `${summary}

Usage: parley ${[name, ...switches.map(optional)].join(' ')} [settings]

Flags:
${[...switches, ...COMMON].map(switchRow).join('\n')}

Settings, each as a flag, as a variable (also with _FILE, for the path of a file that has the value), or as a line of
parley.toml in the data directory; a flag goes before a variable, and a variable before the file:
${Object.values(KEYS).map(settingRows).join('\n')}
`
}

const optional = ({ name }: Switch) => `[--${name}]`

const switchRow = ({ name, summary }: Switch) => row(`--${name}`, summary)

const row = (left: string, right: string) => `  ${left.padEnd(24)} ${right}`

function settingRows(key: Key): string {
  const lines = [key.description, `${key.env}, default: ${defaultText(key)}`]
  return lines.map((line, index) => row(index === 0 ? `--${flagName(key)} VALUE` : '', plain(line))).join('\n')
}

const plain = (markdown: string) => markdown.replaceAll('`', '')
