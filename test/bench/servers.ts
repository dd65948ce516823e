import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../support/free-port.ts'
import type { Seeded } from './seed.ts'
import { CORE, type Workbench } from './workbench.ts'

export interface Server {
  readonly pid: number
  port: number
  /** With `{room}` for the room. */
  url: string
  /** From spawn to the first accepted upgrade. */
  startMs: number
  /** At once; its data is removed. */
  stop(): Promise<void>
  /** SIGTERM; when it has ended, the same again on its port and its data. Resolves at the first accepted upgrade. */
  restart(): Promise<Restarted>
}

/** Milliseconds from SIGTERM. */
export interface Restarted {
  goneMs: number
  upMs: number
}

const START_WITHIN_MS = 15_000

/** The release binary on a copy of seeded data: as delivered, but for the rate limits, and what `extra` says. */
export function startParley(
  bench: Workbench,
  binary: string,
  seeded: Seeded,
  extra: Record<string, string> = {},
): Promise<Server> {
  const data = bench.place('data')
  cpSync(seeded.dataDir, data, { recursive: true })
  return startProgram(bench, { ...parleyOn(binary, { ...seeded, dataDir: data }, extra), data })
}

/** The same on data that stays when it stops: others may use it too. */
export const startNode = (bench: Workbench, binary: string, on: Place, env: Record<string, string>): Promise<Server> =>
  startProgram(bench, parleyOn(binary, on, env))

type Place = Pick<Seeded, 'dataDir' | 'door'>

function parleyOn(binary: string, { dataDir, door: { roomId, token } }: Place, extra: Record<string, string>): Start {
  const port = freePort()
  const command = [binary, 'serve', '--port', String(port), '--data-dir', dataDir]
  const env = { PARLEY_LIMITS: 'off', PARLEY_LOG_LEVEL: 'error', ...extra }
  return { command, env, port, roomId, headers: { authorization: `Bearer ${token}` } }
}

/** The ceiling: the same job with the same durability, and nothing else. */
export function startBare(bench: Workbench): Promise<Server> {
  const data = bench.place('bare.db')
  const port = freePort()
  const command = [process.execPath, '--no-env-file', join(import.meta.dir, 'bare-bun.js')]
  const env = { MODE: 'batch', SYNC: 'FULL', PORT: String(port), DB: data }
  return startProgram(bench, { command, env, port, data, roomId: 1, headers: {} })
}

interface Start {
  command: string[]
  env: Record<string, string>
  port: number
  /** Removed when it stops. */
  data?: string
  roomId: number
  headers: Record<string, string>
}

export async function startProgram(bench: Workbench, how: Start): Promise<Server> {
  const { port, data } = how
  // Whatever was written before would go to the disk with the run's first flushes, and slow them tenfold.
  Bun.spawnSync(['sync'])
  const startedAt = performance.now()
  let child = await spawn(bench, how)
  return {
    get pid() {
      return child.pid
    },
    port,
    url: urlAt(port),
    startMs: performance.now() - startedAt,
    async stop() {
      child.kill('SIGKILL')
      await child.exited
      if (data === undefined) return
      for (const suffix of ['', '-wal', '-shm']) rmSync(data + suffix, { recursive: true, force: true })
    },
    async restart() {
      const killedAt = performance.now()
      child.kill('SIGTERM')
      await child.exited
      const goneMs = performance.now() - killedAt
      child = await spawn(bench, how)
      return { goneMs, upMs: performance.now() - killedAt }
    },
  }
}

const urlAt = (port: number) => `ws://127.0.0.1:${port}/ws/room/{room}/messages`

/** Resolves when it accepts upgrades. */
async function spawn(bench: Workbench, { command, env, port, roomId, headers }: Start) {
  const url = urlAt(port).replace('{room}', String(roomId))
  const startedAt = performance.now()
  const child = bench.start(CORE.server, command, env)
  while (!(await accepts(url, headers))) {
    const isLate = performance.now() - startedAt > START_WITHIN_MS
    if (child.exitCode !== null || isLate) throw new Error(`${command[0]} did not start`)
    await Bun.sleep(1)
  }
  return child
}

function accepts(url: string, headers: Record<string, string>): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, { headers })
    socket.onopen = () => {
      resolve(true)
      socket.close()
    }
    socket.onerror = () => resolve(false)
  })
}
