import type { Storage, StorageEvents } from '../storage.ts'
import { wrapped } from '../wrapped.ts'
import { postgresAudit } from './console/audit.ts'
import { postgresLinks } from './console/links.ts'
import { postgresConsole } from './console/searches.ts'
import { connect, drizzleOn, FOR_FLIGHTS, FOR_QUERIES, LIMITS_MS, type Place, requireServer } from './database.ts'
import { orStartError, toldAs } from './faults.ts'
import { Health } from './health.ts'
import { beginRun, factsOf, type History, historyOf, isOtherHistory } from './meta.ts'
import { Pool } from './pool.ts'
import { postgresAccounts } from './stores/accounts.ts'
import { postgresKeys } from './stores/keys.ts'
import { postgresMessages } from './stores/messages.ts'
import { postgresPresence } from './stores/presence.ts'
import { postgresProducts } from './stores/products.ts'
import { postgresRevocations } from './stores/revocations.ts'
import { postgresRooms } from './stores/rooms.ts'
import { postgresSessions } from './stores/sessions.ts'
import { postgresUsers } from './stores/users.ts'
import { transactionsOn } from './transactions.ts'
import { FlightQueue } from './writer/queue.ts'

export interface PostgresOptions extends Place {
  now: () => number
  events?: StorageEvents
  /** Connections, beside the one that stores messages and marks. */
  poolSize?: number
  /** How long the server may leave anything unanswered. */
  deadlineMs?: number
  /** A command: the run of a server, if there is one, is not its own. */
  isGuest?: boolean
}

const POOL_SIZE = 10
const DEADLINE_MS = 10_000
const PROBE_AFTER_MS = 5000

/** One connection that stores messages and marks in flights; a pool for the rest. The schema is expected to be there. */
export async function openPostgres(options: PostgresOptions): Promise<Storage> {
  const { url, now, events = {}, poolSize = POOL_SIZE, deadlineMs = DEADLINE_MS } = options
  const { version, epoch, clusterKey, history } = await orStartError(url, () => begin(options))
  const health = new Health(events)
  const connectPool = () => connect(options, poolSize, LIMITS_MS, { settings: FOR_QUERIES })
  const pool = new Pool({ connect: connectPool, deadlineMs, health })
  const connectOne = (onconnect: () => void) => connect(options, 1, LIMITS_MS, { settings: FOR_FLIGHTS, onconnect })
  const isOther = (now: History | undefined) => isOtherHistory(history, now, options.durability)
  const queue = new FlightQueue({ connect: connectOne, isOther, health, deadlineMs, onCommit: events.onCommit })
  const db = drizzleOn(pool.client)
  const write = transactionsOn(db)
  const { enqueue } = queue

  return {
    engine: `PostgreSQL ${version}`,
    epoch,
    clusterKey,
    users: told(postgresUsers(db, write, now)),
    accounts: told(postgresAccounts(db, write)),
    sessions: told(postgresSessions(db, write)),
    revocations: told(postgresRevocations(db)),
    keys: told(postgresKeys(db, write)),
    products: told(postgresProducts(db, write)),
    rooms: told(postgresRooms(db, enqueue)),
    messages: told(postgresMessages(db, enqueue)),
    presence: told(postgresPresence(db, write, now)),
    adminLinks: told(postgresLinks(db, write)),
    audit: told(postgresAudit(db)),
    console: told(postgresConsole(db)),
    health: () => ({ ok: health.problem === undefined, problem: health.problem, waiting: queue.waiting }),
    async probe() {
      const beat = () => (queue.wasWellWithin(PROBE_AFTER_MS) ? undefined : enqueue({ kind: 'heartbeat', at: now() }))
      const read = () => (pool.wasWellWithin(PROBE_AFTER_MS) ? undefined : pool.probe())
      const asked = await Promise.allSettled([beat(), read()])
      return asked.every(({ status }) => status === 'fulfilled') && health.problem === undefined
    },
    failed: queue.failed,
    async close() {
      await queue.close()
      await pool.close()
    },
  }
}

/** On a connection of its own: where it can't be had, nothing is left to close. Also a relaxed run flushes this. */
async function begin({ url, durability, isGuest = false }: PostgresOptions) {
  const client = connect({ url, durability: 'full' }, 1)
  try {
    const version = await requireServer(client, durability)
    return await drizzleOn(client).transaction(async (tx) => {
      const history = isGuest ? await historyOf(tx) : await beginRun(tx, durability)
      return { version, history, ...(await factsOf(tx)) }
    })
  } finally {
    await client.close()
  }
}

/** The store, which says of what goes by itself that it is unavailable. */
const told = <S extends object>(store: S): S =>
  wrapped(store, (error) => {
    throw toldAs(error)
  })
