import { migrateStorage } from '../storage/open.ts'
import type { Command, Invocation } from './help.ts'
import { readConfig } from './read-config.ts'

export const migrate: Command = {
  name: 'migrate',
  summary: 'Bring the database to the schema of this release, after a snapshot; serve does so too.',
  switches: [{ name: 'check', summary: 'Change nothing; exit with 1 if a migration is pending.' }],
  async run(invocation) {
    const check = invocation.switches.has('check')
    const { applied, pending, snapshot } = migrateStorage(readConfig(invocation, { forServing: false }).config, {
      check,
    })
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
