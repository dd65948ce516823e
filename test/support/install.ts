// Run by `pretest`: what the tests need beside npm packages is there, or is installed, or is asked for.

/** Programs, and the Debian packages that bring them. */
const PROGRAMS = { chromium: 'chromium', curl: 'curl', openssl: 'openssl', php: 'php-cli', strace: 'strace' }

/** The same of modules for Debian's own Python: the first one in the PATH may be another, which does not see them. */
const MODULES = { django: 'python3-django', jwt: 'python3-jwt' }
const PYTHON = '/usr/bin/python3'
const PRINT_UNKNOWN = `
import sys
from importlib.util import find_spec
print(*[name for name in sys.argv[1:] if find_spec(name) is None])`

const missing = [
  ...Object.entries(PROGRAMS).filter(([program]) => Bun.which(program) === null),
  ...Object.entries(MODULES).filter(([name]) => unknownModules().includes(name)),
].map(([, name]) => name)
if (missing.length > 0) install(missing)

function unknownModules(): string[] {
  const names = Object.keys(MODULES)
  if (Bun.which(PYTHON) === null) return names
  // Isolated from this directory, from the user's own packages and from PYTHONPATH, as the tests run it.
  const { stdout } = Bun.spawnSync([PYTHON, '-I', '-c', PRINT_UNKNOWN, ...names])
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
