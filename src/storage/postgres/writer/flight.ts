import type { ReservedSQL } from 'bun'
import type { Erasing } from '../../../messages/store.ts'
import type { Marks } from '../../../rooms/store.ts'
import { int8s } from '../arrays.ts'
import { APPEND, type Appended, type AppendItem, appendParams, appendResults } from './appends.ts'
import type { ClientIds } from './client-ids.ts'
import { AFTER_ERASE, ERASE, eraseParams } from './erasures.ts'
import { MARK, markParams, markResults, type Receipt } from './marks.ts'

/** One write of a flight, and what it resolves to. */
export type Item =
  | { kind: 'append'; append: AppendItem }
  | { kind: 'mark'; receipts: Receipt[] }
  | { kind: 'erase'; erasing: Erasing }
  | { kind: 'heartbeat'; at: number }

export interface Results {
  append: Appended
  mark: (Marks | null)[]
  erase: number | undefined
  heartbeat: undefined
}

/** In the order of their ids, in every node: so no two wait for each other. One row comes back, and not each room. */
const LOCK = `
SELECT count(*) FROM (SELECT FROM rooms WHERE id = ANY($1::int8[]) ORDER BY id FOR NO KEY UPDATE) AS locked`

const HEARTBEAT = `
INSERT INTO meta (key, value) VALUES ('heartbeat', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value`

type Row = { answer: string | null; seen?: string | null }
type Query = PromiseLike<Row[] & { command?: string }>

/**
 * To be done on a new connection: what the server has not prepared yet, the driver does not send together with the rest.
 * (Nor does it so what has no parameters; that goes as a template, which it prepares like the rest.)
 */
export async function prepare(connection: ReservedSQL): Promise<void> {
  const nothing = int8s([])
  await connection`BEGIN ISOLATION LEVEL READ COMMITTED`
  await connection`COMMIT`
  await connection.unsafe(LOCK, [nothing])
  await connection.unsafe(APPEND, appendParams([], []))
  await connection.unsafe(MARK, markParams([]))
}

/**
 * Stores items in one transaction, and sends all of it at once: a node that stops in the middle leaves no lock behind,
 * since the server has the COMMIT already. The rooms are locked by one statement, and read by those after it, each of
 * which has a snapshot of its own (read committed): so they see what was committed while they waited for the locks.
 * Rejects with the first fault; then nothing was stored, unless the connection was lost.
 */
export async function fly(
  connection: ReservedSQL,
  items: readonly Item[],
  clientIds: ClientIds,
): Promise<Results[Item['kind']][]> {
  const appends = items.flatMap((item) => (item.kind === 'append' ? [item.append] : []))
  const receipts = items.flatMap((item) => (item.kind === 'mark' ? item.receipts : []))
  const erasures = items.flatMap((item) => (item.kind === 'erase' ? [item.erasing] : []))
  const heartbeat = items.findLast((item) => item.kind === 'heartbeat')
  const rooms = new Set([...appends, ...receipts, ...erasures].map(({ roomId }) => roomId))
  const send = (text: string, params?: unknown[]): Query => connection.unsafe(text, params)

  const begun: Query = connection`BEGIN ISOLATION LEVEL READ COMMITTED`
  const locked = rooms.size > 0 ? send(LOCK, [int8s([...rooms])]) : undefined
  const { since, learn } = clientIds.ask(appends)
  // To store nothing needs the same rights.
  const appended = appends.length > 0 || heartbeat ? send(APPEND, appendParams(appends, since)) : undefined
  const marked = receipts.length > 0 ? send(MARK, markParams(receipts)) : undefined
  const erased = erasures.flatMap((each) => [
    send(ERASE, eraseParams(each)),
    send(AFTER_ERASE, eraseParams(each).slice(0, 3)),
  ])
  const beaten = heartbeat ? send(HEARTBEAT, [String(heartbeat.at)]) : undefined
  const committed: Query = connection`COMMIT`

  const sent = [begun, locked, appended, marked, ...erased, beaten, committed]
  for (const each of await Promise.allSettled(sent)) if (each.status === 'rejected') throw each.reason
  if ((await committed).command !== 'COMMIT')
    throw new Error('a transaction was rolled back, and no statement said why')

  const append = appendResults(appends, await answerOf(appended))
  learn(JSON.parse((await appended)?.[0]?.seen ?? '[]'), storedOf(appends, append))
  return inOrder(items, {
    append,
    mark: markResults(receipts, await answerOf(marked)),
    erase: await Promise.all(erased.filter((_, at) => at % 2 === 1).map(answerOf)),
  })
}

const storedOf = (appends: readonly AppendItem[], results: readonly Appended[]) =>
  appends.flatMap(({ roomId, clientId }, at) => {
    const result = results[at]
    return typeof result === 'object' && result?.created ? [{ roomId, clientId, seq: result.seq }] : []
  })

const answerOf = async (query: Query | undefined): Promise<string | null> => (await query)?.[0]?.answer ?? null

interface Answers {
  append: Appended[]
  mark: (Marks | null)[]
  erase: (string | null)[]
}

function inOrder(items: readonly Item[], { append, mark, erase }: Answers): Results[Item['kind']][] {
  const at = { append: 0, mark: 0, erase: 0 }
  return items.map((item) => {
    switch (item.kind) {
      case 'append':
        return append[at.append++] ?? null
      case 'mark': {
        const from = at.mark
        at.mark += item.receipts.length
        return mark.slice(from, at.mark)
      }
      case 'erase': {
        const next = erase[at.erase++] ?? null
        return next === null ? undefined : Number(next)
      }
      case 'heartbeat':
        return undefined
      default:
        return item satisfies never
    }
  })
}
