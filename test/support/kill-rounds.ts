import { Crowd, type Town } from './chaos-crowd.ts'
import { Random } from './chaos-random.ts'
import { ClusterNode } from './cluster.ts'
import { databaseIn, FLUSHES, lastingDir, underStrace } from './disk.ts'
import { hostPerson, JWT_SECRET } from './marketplace.ts'

export interface RoundReport {
  /** What contradicts the guarantees. */
  violations: string[]
  /** When it was killed, in milliseconds after everybody began, or after it was up again. */
  kills: number[]
  messages: number
  /** Sends of what had been sent before. */
  repeats: number
}

const LATEST_KILL_MS = 400
/** Between a person's messages: hardly any, so that there is a commit under way in most moments. */
const PAUSES: [number, number] = [0, 10]

/** One server on one data directory, killed with SIGKILL in the midst of a crowd, again and again. */
export class KillRounds implements AsyncDisposable {
  readonly #dir = lastingDir()
  readonly #node: ClusterNode
  readonly #town: Town
  readonly #crowds: Crowd[] = []

  /** With `flushMs` each flush takes so long, and most kills come in the midst of one. */
  constructor(flushMs = 0) {
    const under = flushMs > 0 ? underStrace(FLUSHES, `delay_enter=${flushMs * 1000}`) : []
    const node = new ClusterNode(this.#dir.dataDir, { PARLEY_LIMITS: 'off', PARLEY_JWT_SECRET: JWT_SECRET }, under)
    this.#node = node
    this.#town = { nodes: [node], hostPerson: (id) => hostPerson(node, id, id) }
  }

  /** A crowd of its own, on whatever those before have left. The same people, rooms and moments for the same seed. */
  async round(seed: number): Promise<RoundReport> {
    await this.#node.start()
    const random = new Random(seed)
    const crowd = await Crowd.gather(this.#town, { people: 10, rooms: 8, hasRest: true }, random.branch())
    crowd.begin(random.branch(), PAUSES)
    const kills = Array.from({ length: random.between(1, 2) }, () => random.between(0, LATEST_KILL_MS))
    for (const ms of kills) {
      await Bun.sleep(ms)
      await this.#node.stop('SIGKILL')
      await this.#node.start()
    }
    await crowd.says(20)
    const violations = await crowd.end()
    this.#crowds.push(crowd)
    return { violations: [...violations, ...this.#node.crashes], kills, messages: crowd.said, repeats: crowd.repeats }
  }

  /** What later kills have done to the rounds before, and to the file. */
  async end(): Promise<string[]> {
    const violations: string[] = []
    for (const crowd of this.#crowds) violations.push(...(await crowd.reread()))
    await this.#node.stop('SIGKILL')
    using database = databaseIn(this.#dir.dataDir)
    const checks = database.query<{ integrity_check: string }, []>('PRAGMA integrity_check').all()
    return [...violations, ...checks.map((check) => check.integrity_check).filter((word) => word !== 'ok')]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#node.stop()
    this.#dir[Symbol.dispose]()
  }
}
