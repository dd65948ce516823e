import { readFileSync } from 'node:fs'
import { CORE } from './workbench.ts'

/** Of Linux, on every machine that Bun runs on. */
const TICKS_A_SECOND = 100

/** Resident memory of a process in KiB; `anon` is its own, `file` is mapped from files and shared with its like. */
export interface Memory {
  rss: number
  anon: number
  file: number
}

export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const read = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN)
  return { rss: read('VmRSS'), anon: read('RssAnon'), file: read('RssFile') }
}

/** What a stretch of time cost: the CPU time of a process, and of the cores that load.c looks at percent. */
export interface Cost {
  cpuSeconds: number
  steal: number
  diskWait: number
}

/** Counts from now to the call of what it returns. */
export function costOf(pid: number): () => Cost {
  const clocks = () => [cpuSecondsOf(pid), ticksOf(CORE.server), ticksOf(CORE.generator)] as const
  const [cpuBefore, ...coresBefore] = clocks()
  return () => {
    const [cpuAfter, ...coresAfter] = clocks()
    const [server, generator] = coresAfter.map((after, at) => percentOf(coresBefore[at] ?? after, after))
    return {
      cpuSeconds: cpuAfter - cpuBefore,
      steal: (server?.steal ?? 0) + (generator?.steal ?? 0),
      diskWait: server?.diskWait ?? 0,
    }
  }
}

/** With all its threads. */
function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // Before that stands its name, in parentheses, with any character in it.
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11)
  return (Number(user) + Number(system)) / TICKS_A_SECOND
}

interface Ticks {
  all: number
  diskWait: number
  steal: number
}

function ticksOf(core: number): Ticks {
  const line = new RegExp(`^cpu${core} (.*)$`, 'm').exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? ''
  const ticks = line.split(' ').slice(0, 8).map(Number)
  return { all: ticks.reduce((sum, one) => sum + one, 0), diskWait: ticks[4] ?? 0, steal: ticks[7] ?? 0 }
}

function percentOf(before: Ticks, after: Ticks) {
  const all = Math.max(1, after.all - before.all)
  const percent = (kind: keyof Ticks) => (100 * (after[kind] - before[kind])) / all
  return { steal: percent('steal'), diskWait: percent('diskWait') }
}
