import type { Services } from '../../app.ts'
import type { Config } from '../../config.ts'
import type { Storage } from '../../storage/storage.ts'
import { type Command, CommandError, type Invocation } from '../help.ts'
import { withServices } from './services.ts'
import { personCalled } from './user.ts'

const link: Command = {
  name: 'admin link',
  summary:
    'Print a link that lets an admin into the console: once, within half an hour. The first time it makes the admin.',
  switches: [],
  options: [{ name: 'user', value: 'USER', summary: 'Which admin, by id or e-mail; the oldest, if left out.' }],
  run(invocation) {
    const make = (...known: [Services, Storage, Config]) => print(invocation, ...known)
    return withServices(invocation, make, { mayCreate: true })
  },
}

async function print({ options, ...out }: Invocation, { links }: Services, storage: Storage, config: Config) {
  const wanted = options.user === undefined ? undefined : await personCalled(options.user, storage)
  const issued = await links.issue(wanted?.id)
  if (!issued)
    throw new CommandError(`${options.user} is no admin, or disabled. See parley user role and parley user enable.`)
  out.print(`${placeOf(config)}/admin#${issued.token}\n`)
  const made = issued.created ? 'There was no admin, so one was made. ' : ''
  out.note(`${made}Whoever opens it within half an hour is ${issued.username} (${issued.userId}). It is good once.\n`)
  return 0
}

/** Where people reach the server, as far as its configuration tells. */
function placeOf({ publicOrigin, tls, host, port }: Config): string {
  const isAnywhere = host === '0.0.0.0' || host === '::'
  const name = isAnywhere ? 'localhost' : host.includes(':') ? `[${host}]` : host
  return publicOrigin ?? `${tls ? 'https' : 'http'}://${name}:${port}`
}

export const adminCommands: Command[] = [link]
