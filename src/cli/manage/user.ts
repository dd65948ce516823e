import { readFileSync } from 'node:fs'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { NewAccount, PasswordChange } from '../../accounts/model.ts'
import type { Services } from '../../app.ts'
import { OPERATOR } from '../../audit/model.ts'
import { ChatError } from '../../lib/errors.ts'
import { fieldErrorOf } from '../../lib/http/field-errors.ts'
import type { Storage } from '../../storage/storage.ts'
import { USER_ROLES, type UserRole } from '../../users/model.ts'
import type { StoredUser } from '../../users/store.ts'
import { table } from '../config.ts'
import { type Command, CommandError, type Invocation, type Option } from '../help.ts'
import { withServices } from './services.ts'

const newAccount = TypeCompiler.Compile(NewAccount)
const newPassword = TypeCompiler.Compile(PasswordChange.properties.next)

const PASSWORD_FILE: Option = {
  name: 'password-file',
  value: 'FILE',
  summary: 'File whose first line is the password; without it, it is asked for, or read from standard input.',
}

const create: Command = {
  name: 'user create',
  summary: 'Make an account with an e-mail and a password.',
  switches: [],
  options: [
    { name: 'email', value: 'EMAIL', summary: 'What they sign in with.', isRequired: true },
    { name: 'username', value: 'NAME', summary: 'What others see.', isRequired: true },
    { name: 'role', value: 'ROLE', summary: `${USER_ROLES.join(', ')}; user, if left out.` },
    PASSWORD_FILE,
  ],
  async run(invocation) {
    const { email = '', username = '', role = 'user' } = invocation.options
    const account = { email, username, password: await passwordOf(invocation) }
    const [error] = newAccount.Errors(account)
    if (error) throw new ChatError('invalid', { errors: [fieldErrorOf(error)] })
    const make = async ({ accounts }: Services) => {
      const { id } = await accounts.create(account, roleOf(role))
      return say(invocation, `created  ${id}\n`)
    }
    return withServices(invocation, make, { mayCreate: true })
  },
}

const list: Command = {
  name: 'user list',
  summary: 'List the people of this server, oldest first.',
  switches: [{ name: 'json', summary: 'One JSON object a line.' }],
  run: (invocation) =>
    withServices(invocation, async (_, { users }) => {
      const isJson = invocation.switches.has('json')
      const rows: string[][] = []
      for (let after: number | undefined; ; ) {
        const page = await users.list(after, 500)
        for (const { user } of page) {
          if (isJson) invocation.print(`${JSON.stringify(shown(user))}\n`)
          else rows.push(Object.values(shown(user)).map((cell) => cell ?? '-'))
        }
        after = page.at(-1)?.place
        if (after === undefined) break
      }
      if (!isJson) invocation.print(table([['id', 'username', 'email', 'role', 'state'], ...rows]))
      return 0
    }),
}

const shown = ({ id, username, email, role, disabledAt, erasedAt }: StoredUser) => ({
  id,
  username,
  email: email ?? null,
  role,
  state: erasedAt !== undefined ? 'erased' : disabledAt !== undefined ? 'disabled' : 'active',
})

const disable = switching('disable', true, 'Sign a person out everywhere, and keep them out; their messages stay.')
const enable = switching('enable', false, 'Let a person in again who was disabled; they sign in anew.')

function switching(verb: string, disabled: boolean, summary: string): Command {
  return personCommand(verb, summary, async (invocation, { users }, { id }) => {
    await users.change(id, { disabled }, OPERATOR)
    return say(invocation, `${verb}d  ${id}\n`)
  })
}

const password: Command = {
  ...personCommand(
    'password',
    'Give a person a new password; they are signed out everywhere.',
    async (invocation, { accounts }, { id }) => {
      const next = await passwordOf(invocation)
      const [error] = newPassword.Errors(next)
      if (error) throw new ChatError('invalid', { errors: [{ ...fieldErrorOf(error), path: '/password' }] })
      if (await accounts.resetPassword(id, next)) return say(invocation, `changed  ${id}\n`)
      throw new CommandError(`${id} has no password: the marketplace signs them in.`)
    },
  ),
  options: [PASSWORD_FILE],
}

const role: Command = {
  ...personCommand('role', `Make a person ${USER_ROLES.join(', or ')}.`, async (invocation, { users }, { id }) => {
    const wanted = roleOf(invocation.operands[1] ?? '')
    await users.change(id, { role: wanted }, OPERATOR)
    return say(invocation, `${wanted}  ${id}\n`)
  }),
  operands: ['USER', 'ROLE'],
}

export const userCommands: Command[] = [create, list, disable, enable, password, role]

type Act = (invocation: Invocation, services: Services, user: StoredUser) => Promise<number>

/** A command about one person, by id or e-mail. */
function personCommand(verb: string, summary: string, act: Act): Command {
  return {
    name: `user ${verb}`,
    summary,
    switches: [],
    operands: ['USER'],
    run: (invocation) =>
      withServices(invocation, async (services, storage) => {
        const [wanted = ''] = invocation.operands
        return act(invocation, services, await personCalled(wanted, storage))
      }),
  }
}

/** By id or e-mail. */
export async function personCalled(wanted: string, { users, accounts }: Storage): Promise<StoredUser> {
  const byEmail = async () => (await accounts.findByEmail(wanted.toLowerCase()))?.user
  const user = (await users.find(wanted)) ?? (await byEmail())
  if (user && user.erasedAt === undefined) return user
  throw new CommandError(`nobody has the id or the e-mail ${wanted}. See parley user list.`)
}

function roleOf(text: string): UserRole {
  const role = USER_ROLES.find((each) => each === text)
  if (role) return role
  throw new ChatError('invalid', { errors: [{ path: '/role', fault: 'not_one_of', limit: USER_ROLES.join(', ') }] })
}

async function passwordOf({ options, readSecret }: Invocation): Promise<string> {
  const file = options['password-file']
  if (file === undefined) return readSecret('Password: ')
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/)[0] ?? ''
  } catch (error) {
    throw new CommandError(`--password-file ${file} can't be read.`, { cause: error })
  }
}

function say({ print }: Invocation, text: string): number {
  print(text)
  return 0
}
