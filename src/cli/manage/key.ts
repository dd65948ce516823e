import type { Services } from '../../app.ts'
import { OPERATOR } from '../../audit/model.ts'
import type { Config } from '../../config.ts'
import { SCOPE_MEANS, SCOPES, type Scope } from '../../keys/model.ts'
import { ChatError } from '../../lib/errors.ts'
import type { Storage } from '../../storage/storage.ts'
import { table } from '../config.ts'
import { type Command, CommandError } from '../help.ts'
import { withServices } from './services.ts'

/** All but what is personal: that has to be asked for. */
const USUAL: readonly Scope[] = SCOPES.filter((scope) => scope !== 'privacy')

const create: Command = {
  name: 'key create',
  summary: 'Make a server key for the backend of the marketplace. It is shown this once.',
  switches: [],
  options: [
    { name: 'name', value: 'NAME', summary: 'What it is called in the list.', isRequired: true },
    {
      name: 'scopes',
      value: 'LIST',
      summary: `${SCOPES.map((scope) => `${scope} (${SCOPE_MEANS[scope]})`).join(', ')}; all but privacy, if left out.`,
    },
  ],
  async run(invocation) {
    const { name = '', scopes } = invocation.options
    if (!/^[\x21-\x7e](?:[\x20-\x7e]{0,98}[\x21-\x7e])?$/.test(name)) {
      throw new CommandError('--name takes 1 to 100 printable characters of ASCII.')
    }
    const wanted = scopes === undefined ? USUAL : scopesOf(scopes)
    const make = async ({ keys }: Services, _: Storage, { databaseUrl, dataDir }: Config) => {
      const created = await keys.create(name, wanted, OPERATOR)
      if (!created) throw new CommandError(`there is a key ${name}. Revoke it first, or take another name.`)
      invocation.print(`${created.key}\n`)
      invocation.note(
        `The key ${name} opens the server on ${databaseUrl ? 'DATABASE_URL' : dataDir}. It is not shown again.\n`,
      )
      return 0
    }
    return withServices(invocation, make, { mayCreate: true })
  },
}

function scopesOf(list: string): Scope[] {
  const wanted = list.split(',').map((word) => word.trim())
  const scopes = SCOPES.filter((scope) => wanted.includes(scope))
  if (scopes.length > 0 && wanted.every((word) => SCOPES.some((scope) => scope === word))) return scopes
  throw new ChatError('invalid', { errors: [{ path: '/scopes', fault: 'not_one_of', limit: SCOPES.join(', ') }] })
}

const list: Command = {
  name: 'key list',
  summary: 'List the server keys, without the keys themselves.',
  switches: [],
  run: (invocation) =>
    withServices(invocation, async ({ keys }) => {
      const rows = (await keys.list()).map(({ id, name, scopes, createdAt, lastUsedAt, revokedAt }) => [
        ...[id, name, scopes.join(',')],
        ...[createdAt, lastUsedAt, revokedAt].map((at) => (at === undefined ? '-' : new Date(at).toISOString())),
      ])
      invocation.print(table([['id', 'name', 'scopes', 'created', 'last used', 'revoked'], ...rows]))
      return 0
    }),
}

const revoke: Command = {
  name: 'key revoke',
  summary: 'Revoke a server key, by its name or id: its next request is refused.',
  switches: [],
  operands: ['KEY'],
  run: (invocation) =>
    withServices(invocation, async ({ keys }) => {
      const [wanted = ''] = invocation.operands
      if (!(await keys.revoke(wanted, OPERATOR)))
        throw new CommandError(`no key has the name or id ${wanted}. See parley key list.`)
      invocation.print(`revoked  ${wanted}\n`)
      return 0
    }),
}

export const keyCommands: Command[] = [create, list, revoke]
