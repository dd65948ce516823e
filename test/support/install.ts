// Run by `pretest`: what the tests need beside npm packages is there, or is installed, or is asked for.

/** Programs, and the Debian packages that have them. */
const PROGRAMS = {
  caddy: 'caddy',
  chromium: 'chromium',
  curl: 'curl',
  nginx: 'nginx-light',
  openssl: 'openssl',
  pgbouncer: 'pgbouncer',
  php: 'php-cli',
  'redis-server': 'redis-server',
  strace: 'strace',
}

/** The same of modules, for Debian's own Python: the first one in the PATH may be another, which does not have them. */
const MODULES = { django: 'python3-django', jwt: 'python3-jwt' }
const PYTHON = '/usr/bin/python3'
const NAME_FOUND = `
import importlib.util, sys
print(*filter(importlib.util.find_spec, sys.argv[1:]))`

/** Debian keeps those of PostgreSQL in no PATH. */
const POSTGRES = '/usr/lib/postgresql/*/bin/initdb'

const modules = foundModules()
/** Where servers are, which not every user has in the PATH. */
const PATH = `${process.env.PATH}:/usr/sbin`
const missing = [
  ...Object.entries(PROGRAMS).filter(([program]) => Bun.which(program, { PATH }) === null),
  ...Object.entries(MODULES).filter(([module]) => !modules.includes(module)),
].map(([, name]) => name)
if (Bun.which('initdb') === null && [...new Bun.Glob(POSTGRES).scanSync('/')].length === 0) missing.push('postgresql')
if (missing.length > 0) install(missing)

function foundModules(): string[] {
  if (Bun.which(PYTHON) === null) return []
  const { stdout } = Bun.spawnSync([PYTHON, '-I', '-c', NAME_FOUND, ...Object.keys(MODULES)])
  return stdout.toString().trim().split(' ')
}

function install(packages: string[]): void {
  const names = packages.join(' ')
  if (process.getuid?.() !== 0 || Bun.which('apt-get') === null) {
    giveUp(`The tests need ${names}, which this user can't install here. On Debian: sudo apt-get install ${names}`)
  }
  console.log(`Installing ${names} for the tests …`)
  aptGet('update')
  aptGet('install', '-y', '--no-install-recommends', ...packages)
}

function aptGet(...args: string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { success, stderr } = Bun.spawnSync(['apt-get', '-q', ...args], { env, stdout: 'ignore', stderr: 'pipe' })
  if (!success) giveUp(`apt-get ${args.join(' ')} failed:\n${stderr}`)
}

function giveUp(message: string): never {
  console.error(message)
  process.exit(1)
}
