import { loadIdle } from './load.ts'
import { type Memory, memoryOf } from './proc.ts'
import type { Seeds } from './seed.ts'
import { type Server, startBare, startParley } from './servers.ts'
import { median } from './statistics.ts'
import type { Workbench } from './workbench.ts'

export interface Rest {
  /** From spawn to the first accepted upgrade, each time. */
  startMs: number[]
  /** A second after that, with no connection. */
  memory: Memory
  /** Resident memory that 2,000 idle connections add, divided by them. */
  connectionKib: number
  /** The same of as many people's app sockets with three rooms each. */
  appConnectionKib?: number
}

const STARTS = 5
const SETTLE_MS = 1000
const IDLE = ['--idle', '4', '--rooms', '1000', '--members', '2']
const APP_ROOMS = '3'

export async function measureRest(
  bench: Workbench,
  binary: string,
  { pairs, market, crowd }: Seeds,
): Promise<{ bare: Rest; parley: Rest }> {
  const bare = new Starts(() => startBare(bench))
  const parley = new Starts(() => startParley(bench, binary, pairs))
  for (let round = 0; round < STARTS; round++) for (const starts of [bare, parley]) await starts.again()
  const bareKib = await connectionKib(bench, await startBare(bench), IDLE)
  const plain = [...IDLE, '--lines', market.idle]
  const parleyKib = await connectionKib(bench, await startParley(bench, binary, market), plain)
  const app = [...IDLE, '--lines', crowd.idle, '--app', APP_ROOMS]
  const appConnectionKib = await connectionKib(bench, await startParley(bench, binary, crowd), app)
  return { bare: bare.rest(bareKib), parley: { ...parley.rest(parleyKib), appConnectionKib } }
}

async function connectionKib(bench: Workbench, server: Server, idle: string[]): Promise<number> {
  await Bun.sleep(SETTLE_MS)
  const { connections, asked, kb_per_conn } = await loadIdle(bench, server, idle)
  await server.stop()
  if (connections < asked) throw new Error(`only ${connections} of ${asked} idle connections were accepted`)
  return kb_per_conn
}

class Starts {
  readonly #start: () => Promise<Server>
  readonly #startMs: number[] = []
  readonly #memory: Memory[] = []

  constructor(start: () => Promise<Server>) {
    this.#start = start
  }

  async again(): Promise<void> {
    const server = await this.#start()
    await Bun.sleep(SETTLE_MS)
    this.#startMs.push(server.startMs)
    this.#memory.push(memoryOf(server.pid))
    await server.stop()
  }

  rest(connectionKib: number): Rest {
    const middle = (part: keyof Memory) => median(this.#memory.map((memory) => memory[part]))
    const memory = { rss: middle('rss'), anon: middle('anon'), file: middle('file') }
    return { startMs: this.#startMs, memory, connectionKib }
  }
}
