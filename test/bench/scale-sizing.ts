import type { Design, Inputs } from './scale-inputs.ts'
import { type Plan, planOf } from './scale-plan.ts'
import { sum } from './scale-traffic.ts'

const STEPS = [1000, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000]

/** What somebody who runs it has to order: a row for each number of people. */
export function sizing(inputs: Inputs, design: Design): string[][] {
  const head = ['people online', 'nodes', 'sockets a node', 'node: CPU', 'node: MiB', 'messages/s', 'GB a day']
  return [
    [...head, 'PostgreSQL: cores', 'connections', 'Redis: of a core'],
    ...STEPS.map((people) => row(planOf(inputs, design, people))),
  ]
}

function row({ people, nodes, load, cpu, memoryMib, database, relay }: Plan): string[] {
  const isAlone = nodes === 1
  const redis = relay.hintCores + relay.moveCores + relay.presenceCores + relay.gossipCores
  return [
    people.toLocaleString('en'),
    isAlone ? '1' : `${nodes} + 1`,
    Math.round(load.sockets).toLocaleString('en'),
    `${(sum(cpu) * 100).toFixed(1)} %`,
    memoryMib.toFixed(0),
    load.sent * nodes < 10 ? (load.sent * nodes).toFixed(1) : (load.sent * nodes).toFixed(0),
    (database.bytesADay / 1e9).toFixed(2),
    isAlone ? 'SQLite' : sum(database.cores).toFixed(2),
    isAlone ? '–' : String(database.connections + inputsPool(database.connections, nodes)),
    isAlone ? '–' : `${(redis * 100).toFixed(1)} %`,
  ]
}

/** Those of the one node more. */
const inputsPool = (connections: number, nodes: number) => connections / nodes
