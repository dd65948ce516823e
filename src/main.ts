import './production.ts'
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import pkg from '../package.json' with { type: 'json' }
import { benchCommand } from './cli/bench/command.ts'
import { configCheck, configShow } from './cli/config.ts'
import { didYouMean } from './cli/did-you-mean.ts'
import { COMMON, type Command, CommandError, helpOf, overview, UsageError } from './cli/help.ts'
import { adminCommands } from './cli/manage/admin.ts'
import { keyCommands } from './cli/manage/key.ts'
import { userCommands } from './cli/manage/user.ts'
import { migrate } from './cli/migrate.ts'
import { readSecret } from './cli/secret.ts'
import { serve } from './cli/serve.ts'
import { ConfigError, flagName, KEYS } from './config.ts'
import { ChatError, StartError } from './lib/errors.ts'
import { detailOf, faultOf } from './lib/texts.ts'

const MANAGING = [...userCommands, ...keyCommands, ...adminCommands]
const COMMANDS: Command[] = [serve, migrate, configShow, configCheck, ...MANAGING, benchCommand]
const OPTIONS = COMMANDS.flatMap((command) => command.options ?? []).map(({ name }) => name)
const SETTINGS = Object.values(KEYS).map(flagName)
const EXIT = { done: 0, failed: 1, usage: 2, misconfigured: 78 } as const

/** What was typed. A setting has a text, a switch has none. */
interface Typed {
  words: string[]
  settings: Record<string, string>
  options: Record<string, string>
  switches: Set<string>
}

async function main(args: string[]): Promise<number> {
  const { words, settings, options, switches } = parse(args)
  const command = commandOf(words, switches)
  if (switches.has('version')) return say(`parley ${pkg.version}\n`)
  if (!command) return say(overview(COMMANDS))
  const known = [...command.switches, ...(command.options ?? []), ...COMMON].map(({ name }) => name)
  const foreign = [...switches, ...Object.keys(options)].find((name) => !known.includes(name))
  if (foreign) throw new UsageError(`--${foreign} is not a flag of parley ${command.name}`)
  if (switches.has('help')) return say(helpOf(command))
  const operands = words.slice(command.name.split(' ').length)
  requireAll(command, operands, options)
  return command.run({
    flags: settings,
    switches,
    options,
    operands,
    env: process.env,
    cwd: process.cwd(),
    isTerminal: process.stderr.isTTY === true,
    version: pkg.version,
    // Only in this form, and only in this file, does the bundler put the worker where the binary finds it.
    workerUrl: new URL('./storage/sqlite/writer/worker.ts', import.meta.url).href,
    print: say,
    note: (text) => void process.stderr.write(text),
    readSecret,
  })
}

function requireAll({ name, operands = [], options = [] }: Command, given: string[], typed: Typed['options']) {
  if (given.length < operands.length)
    throw new UsageError(`parley ${name} needs ${operands.slice(given.length).join(' ')}`)
  // What is too much is not repeated: it may be a password.
  if (given.length > operands.length)
    throw new UsageError(`parley ${name} takes ${operands.join(' ') || 'nothing'}, and no more`)
  const missing = options.find((option) => option.isRequired && typed[option.name] === undefined)
  if (missing) throw new UsageError(`parley ${name} needs --${missing.name} ${missing.value}`)
}

function parse(args: string[]): Typed {
  const names = [...COMMANDS.flatMap((command) => command.switches), ...COMMON].map(({ name }) => name)
  const options: ParseArgsOptionsConfig = {}
  for (const name of [...SETTINGS, ...OPTIONS]) options[name] = { type: 'string' }
  for (const name of names) options[name] = { type: 'boolean' }
  options.help = { type: 'boolean', short: 'h' }
  const { tokens = [] } = parseArgs({ args, options, strict: false, allowPositionals: true, tokens: true })
  const typed: Typed = { words: [], settings: {}, options: {}, switches: new Set() }
  for (const token of tokens) {
    if (token.kind === 'positional') typed.words.push(token.value)
    if (token.kind === 'option') addFlag(typed, token, names)
  }
  if (typed.words[0] !== 'help') return typed
  return { ...typed, words: typed.words.slice(1), switches: typed.switches.add('help') }
}

interface Flag {
  name: string
  rawName: string
  value?: string | undefined
  inlineValue?: boolean | undefined
}

/** An unknown flag is named without its value, which may be a secret. */
function addFlag({ settings, options, switches }: Typed, { name, rawName, value, inlineValue }: Flag, known: string[]) {
  if (known.includes(name)) {
    if (value !== undefined) throw new UsageError(`${rawName} takes no value`)
    switches.add(name)
  } else if (SETTINGS.includes(name) || OPTIONS.includes(name)) {
    const isMissing = value === undefined || (!inlineValue && value.startsWith('--'))
    if (isMissing) throw new UsageError(`${rawName} needs a value`)
    const place = SETTINGS.includes(name) ? settings : options
    place[name] = value
  } else {
    const flags = [...SETTINGS, ...OPTIONS, ...known].map((flag) => `--${flag}`)
    const hint = didYouMean(rawName, flags, (flag) => flag.replace(/^-+/, ''))
    throw new UsageError(`unknown flag ${rawName}.${hint}`)
  }
}

/** `parley` alone serves; with --help alone it is none of the commands. */
function commandOf(words: string[], switches: ReadonlySet<string>): Command | undefined {
  if (words.length === 0) return switches.has('help') ? undefined : serve
  const name = words.slice(0, 2).join(' ')
  const command = COMMANDS.find((candidate) => candidate.name === name || candidate.name === words[0])
  if (command) return command
  const names = COMMANDS.map((candidate) => candidate.name)
  const group = names.filter((candidate) => candidate.startsWith(`${name} `))
  if (group.length > 0) throw new UsageError(`say which: ${group.map((member) => `parley ${member}`).join(' or ')}`)
  const candidates = [...names, ...names.map((candidate) => candidate.replace(/ .*/, ''))]
  throw new UsageError(`unknown command ${name}.${didYouMean(name, candidates)}`)
}

// A pipe whose reader is slow has not taken all yet, and the end of the process would take the rest away.
let written: Promise<unknown> = Promise.resolve()
// Whoever reads it may go before the end, as `head` does.
process.stdout.on('error', () => {})

function say(text: string): number {
  written = new Promise((resolve) => process.stdout.write(text, resolve))
  return EXIT.done
}

/** What a person can act on is told in words; anything else is a bug, and told with its stack. */
function explain(error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(`parley: ${error.message}\nSee parley --help.\n`)
    return EXIT.usage
  }
  if (error instanceof ConfigError || error instanceof StartError) {
    process.stderr.write(`parley: ${error.message}\n`)
    return error instanceof StartError && error.mayPass ? EXIT.failed : EXIT.misconfigured
  }
  if (error instanceof CommandError) {
    process.stderr.write(`parley: ${error.message}\n`)
    return EXIT.failed
  }
  if (error instanceof ChatError && error.code !== 'internal') {
    const fields = (error.errors ?? []).map((field) => `\n  ${field.path.slice(1)} ${faultOf(field, 'en')}`)
    process.stderr.write(`parley: ${detailOf(error.reason ?? error.code, 'en')}${fields.join('')}\n`)
    return EXIT.failed
  }
  process.stderr.write(`parley: ${error instanceof Error ? error.stack : error}\n`)
  return EXIT.failed
}

// Messages and password hashes are in what this process writes: its files are its user's alone, wherever they lie.
process.umask(0o077)
const code = await main(process.argv.slice(2)).catch(explain)
await written
process.exit(code)
