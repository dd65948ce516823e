import { InvalidValue, path, postgresUrl } from '../config-values.ts'
import { StartError } from '../lib/errors.ts'
import type { CopyProgress } from '../storage/copy.ts'
import { type Command, type Invocation, UsageError } from './help.ts'
import { readConfig } from './read-config.ts'

export const migrate: Command = {
  name: 'migrate',
  summary:
    'Bring the database to the schema of this release, after a snapshot of SQLite; serve does so too. Or move to PostgreSQL.',
  switches: [{ name: 'check', summary: 'Change nothing; exit with 1 if a migration is pending.' }],
  options: [
    {
      name: 'from',
      value: 'sqlite:DIRECTORY',
      summary: 'Copy all of that data directory, whose server is stopped, into --to.',
    },
    { name: 'to', value: 'postgres://…', summary: 'An empty database; without it, DATABASE_URL.' },
  ],
  async run(invocation) {
    const { config } = readConfig(invocation, { forServing: false })
    const check = invocation.switches.has('check')
    const { from, to } = invocation.options
    if (check && from !== undefined)
      throw new UsageError(
        '--check looks at one database, and does not go with --from, in which a copy changes nothing',
      )
    if (from !== undefined) return copy(invocation, config.databaseUrl)
    if (to !== undefined) throw new UsageError('--to goes with --from sqlite:DIRECTORY')
    const { migrateStorage } = await import('../storage/open.ts')
    const { applied, pending, snapshot } = await migrateStorage(config, { check })
    if (snapshot) invocation.print(`snapshot  ${snapshot}\n`)
    tell(invocation, 'applied', applied)
    tell(invocation, 'pending', pending)
    if (applied.length + pending.length === 0) invocation.print('up to date\n')
    return pending.length > 0 ? 1 : 0
  },
}

function tell({ print }: Invocation, state: string, migrations: string[]) {
  for (const migration of migrations) print(`${state}   ${migration}\n`)
}

const TOLD_EVERY_MS = 1000

async function copy({ options, cwd, print, note }: Invocation, databaseUrl: string | undefined): Promise<number> {
  const [, dataDir] = /^sqlite:(?:\/\/)?(.+)$/.exec(options.from ?? '') ?? []
  const url = options.to ?? databaseUrl
  if (dataDir === undefined) throw new UsageError('--from has to be sqlite:DIRECTORY, the data directory of a server')
  if (url === undefined) throw new UsageError('--from needs --to postgres://user:password@host:5432/database')
  let toldAt = Number.NEGATIVE_INFINITY
  const onProgress = ({ step, table, rows, total }: CopyProgress) => {
    if (rows < total && performance.now() - toldAt < TOLD_EVERY_MS) return
    toldAt = performance.now()
    note(`${step.padEnd(8)} ${table.padEnd(12)} ${rows} of ${total}\n`)
  }
  const { copyToPostgres } = await import('../storage/copy.ts')
  await copyToPostgres({ dataDir: path(dataDir, cwd), url: checked(url, cwd), onProgress }).catch(goesOn)
  print(`copied, and every row compared: start the servers with DATABASE_URL, and keep ${dataDir} until you are sure\n`)
  return 0
}

/** A server that went away in the middle costs nothing of what was copied. */
function goesOn(error: unknown): never {
  if (!(error instanceof StartError && error.mayPass)) throw error
  throw new StartError(`${error.message} The same command goes on where it was.`, { cause: error, mayPass: true })
}

function checked(url: string, cwd: string): string {
  try {
    return postgresUrl(url, cwd)
  } catch (error) {
    throw error instanceof InvalidValue ? new UsageError(`--to ${error.message}`) : error
  }
}
