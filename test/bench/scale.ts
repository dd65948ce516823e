import { parseArgs } from 'node:util'
import { faultsOf } from './scale-check.ts'
import { BUILT, CHANGED, INPUTS, type Inputs } from './scale-inputs.ts'
import { planOf } from './scale-plan.ts'
import { print, printAll } from './scale-print.ts'
import { sizing } from './scale-sizing.ts'

const HELP = `bun test/bench/scale.ts [--people N] [--set name=value,…] [--changed] [--sizing] [--json] [--check]

What so many people online would take of nodes, Redis and PostgreSQL, and what breaks first: a model, without a network.
docs/scale.md explains it.

  --people   one number of people, instead of 10 thousand, 1 million and 100 million
  --set      other inputs than those of scale-inputs.ts, where each has its source
  --changed  with presence in buckets and one keeper of limits for each person, instead of what is built
  --sizing   a row for each of nine numbers of people up to a million: what to order
  --json     everything, for programs
  --check    whether the model agrees with itself; exits with 1 if not
`

const OPTIONS = {
  people: { type: 'string' },
  set: { type: 'string', default: '' },
  changed: { type: 'boolean', default: false },
  sizing: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  check: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

const SIZES = [10_000, 1_000_000, 100_000_000]

function main(): number {
  const { values } = parseArgs({ options: OPTIONS })
  if (values.help) {
    console.log(HELP)
    return 0
  }
  const inputs = inputsWith(values.set)
  const sizes = values.people === undefined ? SIZES : [positive('--people', values.people)]
  if (values.check) return check(inputs, sizes)
  const design = values.changed ? CHANGED : BUILT
  if (values.sizing) {
    print(sizing(inputs, design))
    return 0
  }
  const plans = sizes.map((people) => planOf(inputs, design, people))
  if (values.json) console.log(JSON.stringify({ inputs, plans }, null, 2))
  else printAll(inputs, plans)
  return 0
}

function check(inputs: Inputs, sizes: number[]): number {
  const faults = faultsOf(inputs, sizes)
  for (const fault of faults) console.error(fault)
  console.log(faults.length === 0 ? 'The model agrees with itself.' : `${faults.length} FAULTS`)
  return faults.length === 0 ? 0 : 1
}

function inputsWith(changes: string): Inputs {
  const inputs: Inputs = { ...INPUTS }
  for (const change of changes.split(',').filter(Boolean)) {
    const [name = '', value = ''] = change.split('=')
    if (!isInput(name)) throw new Error(`there is no input ${name}: see scale-inputs.ts`)
    inputs[name] = positive(name, value)
  }
  return inputs
}

const isInput = (name: string): name is keyof Inputs => Object.hasOwn(INPUTS, name)

function positive(name: string, text: string): number {
  const value = Number(text.replaceAll('_', ''))
  if (!(value > 0) || !Number.isFinite(value)) throw new Error(`${name} is not a number above zero: ${text}`)
  return value
}

process.exitCode = main()
