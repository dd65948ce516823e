import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Door } from './app-client.ts'
import { freePort } from './free-port.ts'
import { until } from './redis.ts'
import { PROGRAM } from './server.ts'

const DOC = readFileSync(join(import.meta.dir, '../../docs/cluster.md'), 'utf8')
const BLOCKS = [...DOC.matchAll(/^```\w*\n((?:.*\n)*?)```$/gm)].map(([, text = '']) => text)

/** The block of docs/cluster.md that has this in it, with other words in the place of some of its own, each of which it must have. */
export function blockWith(mark: string, replaced: Record<string, string> = {}): string {
  const block = BLOCKS.find((each) => each.includes(mark))
  if (block === undefined) throw new Error(`no block of docs/cluster.md has ${mark}`)
  return Object.entries(replaced).reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the block with ${mark} has no ${from}`)
    return text.replaceAll(from, to)
  }, block)
}

/** The lines of `NAME=value` in it. */
export const variablesOf = (block: string): Record<string, string> =>
  Object.fromEntries([...block.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]))

/** A place for files, and a shell whose PATH begins with programs that stand for those of a real machine. */
export class Workplace implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'parley-guide-'))

  constructor() {
    mkdirSync(join(this.dir, 'bin'))
    this.program('parley', `exec ${PROGRAM.map((word) => `'${word}'`).join(' ')} "$@"`)
    // `sudo -u postgres …`
    this.program('sudo', 'shift 2; exec "$@"')
  }

  program(name: string, script: string): void {
    writeFileSync(join(this.dir, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  }

  file(name: string, text: string): string {
    writeFileSync(join(this.dir, name), text)
    return join(this.dir, name)
  }

  /** In a session of its own, so that whoever asks for a password asks its input, and no terminal. */
  spawn(script: string, env: Record<string, string>, input = '') {
    return Bun.spawn(['setsid', '--wait', 'sh', '-ec', script], {
      cwd: this.dir,
      env: { PATH: `${join(this.dir, 'bin')}:${process.env.PATH}`, ...env },
      stdin: new Blob([input]),
      stdout: 'pipe',
      stderr: 'pipe',
    })
  }

  /** What the script prints, once it has ended well. */
  async run(script: string, env: Record<string, string> = {}, input = ''): Promise<string> {
    const child = this.spawn(script, env, input)
    const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
    if (code !== 0) throw new Error(`${script}\nended with ${code}:\n${out}${err}`)
    return out
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true })
  }
}

/** A proxy with the configuration of the guide in front of some nodes. It does not outlive this process. */
export class FrontDoor implements Door, AsyncDisposable {
  readonly url: string
  readonly wsUrl: string
  readonly #child: Bun.Subprocess

  private constructor(scheme: string, port: number, command: string[], env: Record<string, string> = {}) {
    this.url = `http${scheme}://127.0.0.1:${port}`
    this.wsUrl = `ws${scheme}://127.0.0.1:${port}`
    this.#child = Bun.spawn(['setpriv', '--pdeathsig', 'TERM', ...command], {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'ignore', 'ignore'],
    })
  }

  async #answers(): Promise<this> {
    const isThere = () =>
      fetch(`${this.url}/livez`).then(
        ({ ok }) => ok,
        () => false,
      )
    await until(() => {
      if (this.#child.exitCode !== null) throw new Error('the proxy has ended')
      return isThere()
    }, 'the proxy answers')
    return this
  }

  /** By TLS, with a certificate that nobody else has signed. */
  static async nginx(place: Workplace, addresses: [string, string]): Promise<FrontDoor> {
    const port = freePort()
    await place.run(
      'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout key.pem -out cert.pem -subj /CN=localhost',
    )
    const server = blockWith('upstream parley', {
      '10.0.0.11:8000': addresses[0],
      '10.0.0.12:8000': addresses[1],
      'listen 443 ssl': `listen 127.0.0.1:${port} ssl`,
      '/etc/letsencrypt/live/chat.example/fullchain.pem': join(place.dir, 'cert.pem'),
      '/etc/letsencrypt/live/chat.example/privkey.pem': join(place.dir, 'key.pem'),
    })
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((of) => `${of}_temp_path ${place.dir};`)
    const around = [
      ...['daemon off;', 'worker_processes 2;', `pid ${place.dir}/nginx.pid;`, 'error_log /dev/null;'],
      process.getuid?.() === 0 ? 'user root;' : '',
      `events { worker_connections 256; }\nhttp { access_log off; ${temporary.join(' ')}\n${server}}`,
    ]
    const program = Bun.which('nginx') ?? '/usr/sbin/nginx'
    const command = [program, '-e', 'stderr', '-p', place.dir, '-c', place.file('nginx.conf', around.join('\n'))]
    return new FrontDoor('s', port, command).#answers()
  }

  static async caddy(place: Workplace, addresses: [string, string]): Promise<FrontDoor> {
    const port = freePort()
    const site = blockWith('lb_policy', {
      '10.0.0.11:8000': addresses[0],
      '10.0.0.12:8000': addresses[1],
      'chat.example {': `http://127.0.0.1:${port} {`,
    })
    const file = place.file('Caddyfile', `{\n\tadmin off\n\tlog {\n\t\tlevel ERROR\n\t}\n}\n${site}`)
    const home = { HOME: place.dir, XDG_DATA_HOME: place.dir, XDG_CONFIG_HOME: place.dir }
    return new FrontDoor('', port, ['caddy', 'run', '--config', file, '--adapter', 'caddyfile'], home).#answers()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // nginx takes its workers with it; Caddy would wait for requests that are under way.
    this.#child.kill(this.url.startsWith('https') ? 'SIGTERM' : 'SIGKILL')
    await this.#child.exited
  }
}
