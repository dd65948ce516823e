// Run by `pretest`: what the tests need beside npm packages is there, or is installed, or is asked for.

const NEEDED = ['chromium', 'openssl', 'strace']

const missing = NEEDED.filter((program) => Bun.which(program) === null)
if (missing.length > 0) install(missing)

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
