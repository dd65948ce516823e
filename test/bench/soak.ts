// The soak by hand, for as long as one likes: bun test/bench/soak.ts --seconds 3600
// A line a minute; PARLEY_TEST_BINARY names the binary that it is of.

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Sample, soak } from '../support/soak.ts'
import { growthIn } from '../support/soak-verdict.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3600' },
    /** An owner and a customer each. */
    pairs: { type: 'string', default: '20' },
    /** The longest that somebody does nothing, milliseconds: with more of it the load is less. */
    pause: { type: 'string', default: '60' },
    /** Where the samples are written, as JSON. */
    json: { type: 'string' },
  },
})

const LEAST_SECONDS = 60
if (!(Number(values.seconds) >= LEAST_SECONDS))
  throw new Error(`--seconds takes ${LEAST_SECONDS} or more: less tells nothing`)

const LINE_EVERY_SECONDS = 60
let lineAt = 0
const sofar: Sample[] = []

const { samples, errors, residents } = await soak({
  seconds: Number(values.seconds),
  pairs: Number(values.pairs),
  pauseMs: Number(values.pause),
  onSample(sample) {
    sofar.push(sample)
    if (sample.seconds < lineAt) return
    lineAt = sample.seconds + LINE_EVERY_SECONDS
    // Now, so that a run that ends badly has told what it has seen.
    if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(sofar))
    console.log(line(sample))
  },
})
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(samples))
const left = samples.filter(({ census }) => census.topics !== residents).map(({ census }) => `${census.topics} topics`)
const findings = [...errors, ...left, ...growthIn(samples)]
console.log(findings.length === 0 ? 'Nothing grows.' : findings.join('\n'))
process.exit(findings.length === 0 ? 0 : 1)

function line({
  seconds,
  operations,
  rooms,
  rss,
  walBytes,
  databaseBytes,
  census: { server, writer },
}: Sample): string {
  const mib = (bytes: number) => `${(bytes / (1 << 20)).toFixed(1)} MiB`
  const kinds = ['Timeout', 'Map', 'Set', 'Promise', 'SQLStatement']
  const counts = kinds.map((kind) => `${kind} ${(server.objects[kind] ?? 0) + (writer.objects[kind] ?? 0)}`)
  return [
    `${Math.round(seconds)} s: ${operations} operations, ${rooms} rooms`,
    `resident ${mib(rss)}, heaps ${mib(server.bytes)} + ${mib(writer.bytes)}`,
    `database ${mib(databaseBytes)}, log ${mib(walBytes)}`,
    counts.join(' '),
  ].join(' | ')
}
