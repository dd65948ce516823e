// kill -9 by hand, as often as one likes: bun test/bench/kill.ts --rounds 200
// A line for each round, and a verdict. One that fails is repeated with --seed N --rounds 1; PARLEY_TEST_BINARY names a binary.

import { parseArgs } from 'node:util'
import { KillRounds, type RoundReport } from '../support/kill-rounds.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    /** Of the first round; each further one has the next. */
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** How long each flush takes at least; strace sees to it. */
    'flush-ms': { type: 'string', default: '0' },
  },
})

const [first, count] = [Number(values.seed), Number(values.rounds)]
if (!(Number.isInteger(first) && count >= 1)) throw new Error('--rounds takes a number from 1, --seed a whole one')
let failures = 0
let kills = 0
let messages = 0
await using rounds = new KillRounds(Number(values['flush-ms']))
for (let seed = first; seed < first + count; seed++) {
  const startedAt = performance.now()
  const report = await rounds.round(seed)
  print(seed, report, (performance.now() - startedAt) / 1000)
  kills += report.kills.length
  messages += report.messages
  if (report.violations.length > 0) failures += 1
}
const violations = await rounds.end()
for (const violation of violations) console.log(`  in the end: ${violation}`)

const isSound = failures === 0 && violations.length === 0
console.log(
  isSound
    ? `Nothing was lost: ${messages} messages, ${kills} kills in ${count} rounds.`
    : `${failures} of ${count} rounds failed, and ${violations.length} things are wrong in the end.`,
)
process.exitCode = isSound ? 0 : 1

function print(seed: number, { violations, kills, messages, repeats }: RoundReport, seconds: number) {
  const result = violations.length === 0 ? 'ok' : 'FAILED'
  const moments = kills.map((ms) => `${ms} ms`).join(', ')
  console.log(
    `seed ${seed} ${result}: ${messages} messages, ${repeats} sent again, killed at ${moments}, ${seconds.toFixed(1)} s`,
  )
  for (const violation of violations.slice(0, 20)) console.log(`  ${violation}`)
}
