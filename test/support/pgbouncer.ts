import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { asUser } from './postgres.ts'
import { until } from './redis.ts'

/** A real PgBouncer before a database, with these lines of its own; it lets everybody in as the database's user. */
export async function startPgBouncer(
  databaseUrl: string,
  settings: string,
): Promise<AsyncDisposable & { url: string }> {
  const { hostname, port, username, pathname } = new URL(databaseUrl)
  const name = pathname.slice(1)
  const listenPort = freePort()
  const folder = mkdtempSync(join(tmpdir(), 'parley-pgbouncer-'))
  const file = join(folder, 'pgbouncer.ini')
  const database = `${name} = host=${hostname} port=${port} user=${username}`
  const listening = `listen_addr = 127.0.0.1\nlisten_port = ${listenPort}\nauth_type = any\nunix_socket_dir =`
  writeFileSync(file, `[databases]\n${database}\n[pgbouncer]\n${listening}\n${settings}\n`)
  chmodSync(folder, 0o755)
  const path = `${process.env.PATH}:/usr/sbin`
  const program = Bun.which('pgbouncer', { PATH: path }) ?? 'pgbouncer'
  const child = Bun.spawn(asUser(['--pdeathsig', 'KILL', program, file]), { stdout: 'ignore', stderr: 'pipe' })
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`PgBouncer did not start:\n${await child.stderr.text()}`)
    return Bun.connect({ hostname: '127.0.0.1', port: listenPort, socket: { data() {} } }).then(
      (socket) => {
        socket.end()
        return true
      },
      () => false,
    )
  }, 'PgBouncer listens')
  return {
    url: `postgres://nobody@127.0.0.1:${listenPort}/${name}?sslmode=disable`,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await child.exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
