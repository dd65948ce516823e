import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Server } from './servers.ts'
import { CORE, type Workbench } from './workbench.ts'

const SOURCE = join(import.meta.dir, 'load.c')
const PROGRAM = join(import.meta.dir, 'load')

/** What load.c prints of a run; latencies in milliseconds, from the sending to the sender's own echo. */
export interface LoadResult {
  msgs_s: number
  /** Messages to sockets; over REST there are none. */
  deliv_s?: number
  /** From the sending until the others in the room had it. */
  peer?: LoadResult['own']
  /** Percent of its core that the generator took itself. */
  gen_cpu_pct: number
  /** Whether the server has closed the one socket that does not read, where there is one. */
  slow_cut?: boolean | null
  srv_us_per_msg: number
  own: { p50: number; p95: number; p99: number; max: number }
  sent: number
  accepted_all: number
  lost: number
  unacked: number
  dup_ooo: number
  errs: number
  srv_err: number
  badframe: number
  closed: number
  hs_fail: number
  rss_kb: number
  /** Percent: of both cores that the hypervisor gave to others; of the server's core that it waited for the disk. */
  steal: number
  core0_iowait: number
}

/** Of a cluster: also CPU µs a message of what ran beside. */
export interface ClusterLoad extends LoadResult {
  peer: LoadResult['own']
  beside_us_per_msg: number[]
}

/** What it prints of idle connections. */
export interface IdleResult {
  connections: number
  asked: number
  rss_before_kb: number
  rss_after_kb: number
  kb_per_conn: number
}

export function compileLoad(): void {
  const compiler = Bun.which('gcc')
  if (!compiler) throw new Error('gcc is missing: install it (Debian: apt install gcc libc6-dev)')
  const { success, stderr } = Bun.spawnSync([compiler, '-O3', '-march=native', '-w', '-o', PROGRAM, SOURCE])
  if (!success || !existsSync(PROGRAM)) throw new Error(`load.c does not compile:\n${stderr.toString()}`)
}

export async function load(bench: Workbench, { url, pid }: Server, args: string[]): Promise<LoadResult> {
  // The shapes are those of the two printf in load.c.
  return (await run(bench, ['--url', url, '--pids', String(pid), ...args])) as LoadResult
}

export async function loadIdle(bench: Workbench, { url, pid }: Server, args: string[]): Promise<IdleResult> {
  return (await run(bench, ['--url', url, '--pids', String(pid), ...args])) as IdleResult
}

/** All of a room sit on different nodes, or `--together` on one. `beside`: processes, each with what it has started. */
export async function loadNodes(
  bench: Workbench,
  nodes: Server[],
  { beside, args }: { beside: number[]; args: string[] },
): Promise<ClusterLoad> {
  const urls = nodes.flatMap(({ url }) => ['--url', url])
  const others = beside.flatMap((pid) => ['--beside', String(pid)])
  const pids = nodes.map(({ pid }) => pid).join()
  return (await run(bench, [...urls, '--pids', pids, ...others, ...args])) as ClusterLoad
}

async function run(bench: Workbench, args: string[]): Promise<unknown> {
  const child = bench.start(CORE.generator, [PROGRAM, ...args])
  const printed = await new Response(child.stdout).text()
  if ((await child.exited) !== 0) throw new Error(`load ${args.join(' ')} failed: ${printed}`)
  return JSON.parse(printed)
}
