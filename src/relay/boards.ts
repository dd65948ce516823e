import { ReplyError } from 'ioredis'
import type { Envelopes } from './envelope.ts'
import type { Link } from './redis-link.ts'
import type { Board } from './relay.ts'

interface Options {
  link: Pick<Link, 'commands'>
  envelopes: Pick<Envelopes, 'prefix' | 'sign' | 'verify'>
  node: string
  uptime: () => number
  /** Redis is there, and does not take what is posted. */
  onRefused: (error: unknown) => void
}

/** What a node has posted is gone so long after it has said the last word. */
const LIFE_SECONDS = 20
const KEPT_EVERY_MS = 5000
/** Whoever reads does not wait for longer than this for a Redis that is stuck. */
const READ_WITHIN_MS = 1000
const KNOWN_FOR_MS = 1000
/** Fields in one command. */
const CHUNK = 500
const BOARDS: readonly Board[] = ['people', 'rooms']

/** One hash for each board of each node, which Redis lets go when the node does not keep it up; and a list of the nodes. */
export class Boards {
  readonly #options: Options
  readonly #posted: Record<Board, Map<string, string>> = { people: new Map(), rooms: new Map() }
  readonly #writing = new Set<Board>()
  #keptAt = Number.NEGATIVE_INFINITY
  #nodes: { names: string[]; readAt: number } = { names: [], readAt: Number.NEGATIVE_INFINITY }

  constructor(options: Options) {
    this.#options = options
  }

  get #commands() {
    return this.#options.link.commands
  }

  #hash(board: Board, node = this.#options.node): string {
    return `${this.#options.envelopes.prefix}${board}:${node}`
  }

  get #list(): string {
    return `${this.#options.envelopes.prefix}nodes`
  }

  post(board: Board, key: string, text: string | undefined, isUp: boolean): void {
    const posted = this.#posted[board]
    const signed = text === undefined ? undefined : this.#options.envelopes.sign(`${this.#hash(board)} ${key}`, text)
    if (signed === undefined) posted.delete(key)
    else posted.set(key, signed)
    if (isUp) this.#store(board, key, signed).catch(this.#tryAgain)
  }

  async #store(board: Board, key: string, signed: string | undefined) {
    const hash = this.#hash(board)
    if (signed === undefined) return this.#commands.hdel(hash, key)
    // It may be the first, and a new hash lives for ever until it is told otherwise.
    return Promise.all([this.#commands.hset(hash, key, signed), this.#expire(board)])
  }

  #expire(board: Board): Promise<number> {
    return this.#commands.expire(this.#hash(board), LIFE_SECONDS)
  }

  readonly #tryAgain = (error: unknown) => {
    this.#keptAt = Number.NEGATIVE_INFINITY
    if (error instanceof ReplyError) this.#options.onRefused(error)
  }

  /** To be called every second: what is posted goes on being there, or is there again. */
  keep(): void {
    if (this.#options.uptime() - this.#keptAt >= KEPT_EVERY_MS) this.#update((board) => this.#refresh(board))
  }

  /** Redis may have lost all of it, or have something old. */
  renew(): void {
    this.#update((board) => this.#write(board))
  }

  #update(how: (board: Board) => Promise<unknown>) {
    this.#keptAt = this.#options.uptime()
    Promise.all([this.#announce(), ...BOARDS.map(how)]).catch(this.#tryAgain)
  }

  /** By the clock of Redis: those of the nodes may differ. */
  async #announce() {
    const now = Number((await this.#commands.time())[0])
    await this.#commands.zadd(this.#list, now, this.#options.node)
    await this.#commands.zremrangebyscore(this.#list, '-inf', now - LIFE_SECONDS)
    await this.#commands.expire(this.#list, LIFE_SECONDS)
  }

  async #refresh(board: Board) {
    const { size } = this.#posted[board]
    const [stored] = await Promise.all([this.#commands.hlen(this.#hash(board)), this.#expire(board)])
    if (stored !== size) await this.#write(board)
  }

  /** Some at a time, each as it is then: what is posted meanwhile is not undone. */
  async #write(board: Board) {
    if (this.#writing.has(board)) return
    this.#writing.add(board)
    try {
      const [hash, posted] = [this.#hash(board), this.#posted[board]]
      await this.#commands.del(hash)
      const keys = [...posted.keys()]
      for (let from = 0; from < keys.length; from += CHUNK) {
        const fields = keys.slice(from, from + CHUNK).flatMap((key) => {
          const signed = posted.get(key)
          return signed === undefined ? [] : [key, signed]
        })
        if (fields.length > 0) await Promise.all([this.#commands.hset(hash, ...fields), this.#expire(board)])
      }
    } finally {
      this.#writing.delete(board)
    }
  }

  async read(board: Board, keys: readonly string[]): Promise<string[][]> {
    const nothing = () => keys.map((): string[] => [])
    const late = Promise.withResolvers<string[][]>()
    const timer = setTimeout(() => late.resolve(nothing()), READ_WITHIN_MS)
    const read = this.#readAll(board, keys).catch(nothing)
    return Promise.race([read, late.promise]).finally(() => clearTimeout(timer))
  }

  async #readAll(board: Board, keys: readonly string[]): Promise<string[][]> {
    const { envelopes } = this.#options
    const found = await Promise.all(
      (await this.#others()).map(async (node) => {
        const hash = this.#hash(board, node)
        const texts = await this.#commands.hmget(hash, ...keys)
        return texts.map((text, at) => envelopes.verify(`${hash} ${keys[at]}`, text ?? ''))
      }),
    )
    return keys.map((_, at) => found.flatMap((texts) => texts[at] ?? []))
  }

  async #others(): Promise<string[]> {
    const { node, uptime } = this.#options
    if (uptime() - this.#nodes.readAt > KNOWN_FOR_MS) {
      const names = await this.#commands.zrange(this.#list, '0', '-1')
      this.#nodes = { names: names.filter((name) => name !== node), readAt: uptime() }
    }
    return this.#nodes.names
  }
}
