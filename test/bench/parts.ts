import { postgresBin } from '../support/postgres.ts'
import { whatChannelsNeeds } from './channels.ts'

/** In the order of the report. */
export const PARTS = {
  idle: 'At rest',
  sockets: 'A: 100 rooms × 2 people',
  fanout: 'B and F: one room with many sockets',
  channels: 'Django Channels',
  pages: 'Pages over REST, of little and of much',
  growth: 'More rooms, more messages',
  http: 'Messages over REST, by what is shown',
  restart: 'A restart under 5,000 people',
  cluster: 'One node and several, PostgreSQL',
} as const
export type Part = keyof typeof PARTS

const NAMES = Object.keys(PARTS)
const isPart = (name: string): name is Part => name in PARTS

export interface Choice {
  parts: Set<Part>
  /** Why the others are not measured. */
  skipped: Partial<Record<Part, string>>
  /** Only the cluster, then with all its lines and long runs. */
  isLongCluster: boolean
}

/** Without `only`, all for which the programs are there. What was asked for by its name has to be possible. */
export function choose(only: string | undefined, required: Part[]): Choice {
  const named = only?.split(',') ?? NAMES
  const stranger = named.find((name) => !isPart(name))
  if (stranger !== undefined) throw new Error(`--only takes ${NAMES.join(', ')}, not ${stranger}`)
  const choice: Choice = { parts: new Set(), skipped: {}, isLongCluster: only === 'cluster' }
  for (const part of NAMES.filter(isPart)) {
    const isWanted = named.includes(part) || required.includes(part)
    const need = isWanted ? whatItNeeds(part) : 'not in --only'
    if (need === undefined) choice.parts.add(part)
    else if (isWanted && (only !== undefined || required.includes(part))) throw new Error(`${part} ${need}`)
    else choice.skipped[part] = need
  }
  return choice
}

function whatItNeeds(part: Part): string | undefined {
  if (part === 'channels') return whatChannelsNeeds()
  if (part !== 'cluster' || (postgresBin() !== undefined && Bun.which('redis-server') !== null)) return undefined
  return 'needs PostgreSQL and redis-server (Debian: apt-get install postgresql redis-server)'
}
