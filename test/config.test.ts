import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defaultText, flagName, KEY_NAMES, KEYS, type Key, tomlName } from '../src/config.ts'
import { configReader } from './support/read-config.ts'

const { configOf, cwd, dataDir, file, problemsOf, read } = configReader()

const SECRET = 'correct-horse-battery-staple'

test('nothing given gives the defaults', () => {
  expect(read().config).toEqual({
    host: '127.0.0.1',
    port: 8000,
    publicOrigin: undefined,
    dataDir: join(cwd, 'parley-data'),
    databaseUrl: undefined,
    redis: undefined,
    allowedOrigins: [],
    trustedProxies: ['127.0.0.0/8', '::1/128'],
    accounts: 'open',
    hostTokens: undefined,
    limits: true,
    locale: 'en',
    durability: 'full',
    logLevel: 'info',
    logFormat: 'json',
    metricsToken: undefined,
    tls: undefined,
    pingIntervalMs: 25_000,
    warnings: [],
  })
})

describe('precedence', () => {
  const PARLEY_DATA_DIR = dataDir('port = 9003\nhost = "127.0.0.3"\nlocale = "ko"')
  const { config, sources } = read({
    flags: { port: '9001' },
    env: { PARLEY_PORT: '9002', PARLEY_HOST: '127.0.0.2', PARLEY_DATA_DIR },
  })

  test.each([
    ['a flag goes before a variable', 'PARLEY_PORT', '9001', '--port'],
    ['a variable goes before parley.toml', 'PARLEY_HOST', '127.0.0.2', 'PARLEY_HOST'],
    ['parley.toml goes before the default', 'PARLEY_LOCALE', 'ko', join(PARLEY_DATA_DIR, 'parley.toml')],
    ['the default is last', 'PARLEY_ACCOUNTS', 'open', 'default'],
  ])('%s', (_, key, value, source) => {
    expect(sources).toContainEqual({ key, value, source })
  })

  test('the config has the same values, parsed', () => {
    expect(config).toMatchObject({ port: 9001, host: '127.0.0.2', locale: 'ko', accounts: 'open' })
  })

  test('an empty text counts as not given', () => {
    expect(read({ flags: { port: '' }, env: { PARLEY_PORT: '', PARLEY_PORT_FILE: '' } }).config.port).toBe(8000)
  })
})

describe('a file that holds the value', () => {
  test('is read without its final newline', () => {
    expect(configOf({ PARLEY_METRICS_TOKEN_FILE: file('token', `${SECRET}\n`) }).metricsToken).toBe(SECRET)
  })

  test('is found from the working directory', () => {
    file('port', '9004\r\n')
    expect(configOf({ PARLEY_PORT_FILE: 'port' }).port).toBe(9004)
  })

  test.each([
    ['beside the value itself', { PARLEY_PORT: '1', PARLEY_PORT_FILE: 'port' }, /^PARLEY_PORT: is given twice/],
    ['that is missing', { PARLEY_PORT_FILE: 'nowhere' }, /^PARLEY_PORT: .*nowhere can't be read \(ENOENT\)$/],
    ['that is empty', { PARLEY_PORT_FILE: file('empty', '\n') }, /^PARLEY_PORT: the file .* is empty$/],
    ['that holds rubbish', { PARLEY_PORT_FILE: file('rubbish', 'x') }, /^PARLEY_PORT_FILE: must be a whole number/],
  ])('%s is refused', (_, env, problem) => {
    expect(problemsOf({ env })).toEqual([expect.stringMatching(problem)])
  })
})

describe('parley.toml', () => {
  test('takes numbers, true and false, and lists', () => {
    const dir = dataDir('port = 9005\nlimits = false\nallowed_origins = ["https://a.example", "https://b.example"]')
    expect(configOf({ PARLEY_DATA_DIR: dir })).toMatchObject({
      port: 9005,
      limits: false,
      allowedOrigins: ['https://a.example', 'https://b.example'],
    })
  })

  test('has paths that start at its own directory', () => {
    const dir = dataDir('tls_cert = "cert.pem"\ntls_key = "key.pem"')
    writeFileSync(join(dir, 'cert.pem'), '-----BEGIN CERTIFICATE-----')
    writeFileSync(join(dir, 'key.pem'), '-----BEGIN EC PRIVATE KEY-----')
    const tls = { cert: join(dir, 'cert.pem'), key: join(dir, 'key.pem') }
    expect(configOf({ PARLEY_DATA_DIR: dir }).tls).toEqual(tls)
  })

  test.each([
    ['an unknown key', 'prot = 1', /^prot in .*parley\.toml: unknown key\. Did you mean port\?$/],
    ['a key with the prefix of variables', 'PARLEY_PORT = 1', /^PARLEY_PORT in .*: unknown key/],
    ['a table', '[port]\na = 1', /^port in .*: must be a text, a number/],
    ['the data directory', 'data_dir = "x"', /^data_dir in .*: can't be set in a file that lies in it$/],
    ['a wrong value', 'port = -1', /^port in .*: must be a whole number/],
    ['a text without its quote', 'host = "x', /parley\.toml: is not TOML\. Unterminated string$/],
    ['a text without quotes', `metrics_token = ${SECRET}`, /parley\.toml: is not TOML\. Strings must be quoted$/],
  ])('with %s is refused', (_, toml, problem) => {
    expect(problemsOf({ env: { PARLEY_DATA_DIR: dataDir(toml) } })).toEqual([expect.stringMatching(problem)])
  })
})

describe('an unknown name is refused, with the nearest known one', () => {
  test.each([
    [{ env: { PARLEY_HOTS: 'x' } }, 'PARLEY_HOTS: unknown variable. Did you mean PARLEY_HOST?'],
    [{ env: { PARLEY_PROT_FILE: 'x' } }, 'PARLEY_PROT_FILE: unknown variable. Did you mean PARLEY_PORT_FILE?'],
    [{ env: { PARLEY_DATABASE_URL: 'x' } }, 'PARLEY_DATABASE_URL: unknown variable. Did you mean DATABASE_URL?'],
    [{ env: { PARLEY_XYZZY_PLUGH: 'x' } }, 'PARLEY_XYZZY_PLUGH: unknown variable.'],
    [{ flags: { 'data-dri': 'x' } }, '--data-dri: unknown flag. Did you mean data-dir?'],
  ])('%j', (sources, problem) => {
    expect(problemsOf(sources)).toEqual([problem])
  })

  test('variables of other programs are none of our business', () => {
    expect(problemsOf({ env: { HOME: '/root', PORT: '1', PARLEYVOUS: 'x' } })).toEqual([])
  })
})

test('every problem is told at once', () => {
  const env = { PARLEY_PORT: 'eighty', PARLEY_LOCALE: 'fr', PARLEY_HOTS: 'x', PARLEY_DATA_DIR: dataDir('prot = 1') }
  const problems = problemsOf({ env, flags: { accounts: 'shut' } })
  expect(problems.map((problem) => problem.split(/ in |:/)[0]).sort()).toEqual([
    '--accounts',
    'PARLEY_HOTS',
    'PARLEY_LOCALE',
    'PARLEY_PORT',
    'prot',
  ])
})

describe('a secret', () => {
  test.each([
    ['that is too short', { PARLEY_METRICS_TOKEN: 'hunter2' }],
    ['with a space', { PARLEY_METRICS_TOKEN: `hunter2 ${SECRET}` }],
    ['in a database URL', { DATABASE_URL: 'mysql://parley:hunter2@db/parley' }],
    ['in a Redis URL', { REDIS_URL: 'redis://:hunter2@redis:port' }],
    ['in a public URL', { PARLEY_PUBLIC_URL: 'https://parley:hunter2@chat.example' }],
    ['in an origin', { PARLEY_ALLOWED_ORIGINS: 'https://parley:hunter2@chat.example' }],
    ['under a wrong name', { PARLEY_METRICS_TOKE: 'hunter2' }],
    ['given twice', { PARLEY_METRICS_TOKEN: 'hunter2', PARLEY_METRICS_TOKEN_FILE: 'port' }],
    ['with a broken line in parley.toml', { PARLEY_DATA_DIR: dataDir('metrics_token = hunter2') }],
  ])('%s is not repeated', (_, env) => {
    const problems = problemsOf({ env })
    expect(problems).toHaveLength(1)
    expect(problems.join()).not.toContain('hunter2')
  })

  test('is masked where settings are shown', () => {
    const { sources } = read({ env: { PARLEY_METRICS_TOKEN: SECRET } })
    expect(JSON.stringify(sources)).not.toContain(SECRET)
    expect(sources).toContainEqual({ key: 'PARLEY_METRICS_TOKEN', value: '********', source: 'PARLEY_METRICS_TOKEN' })
  })
})

describe('docs/configuration.md', async () => {
  const docs = await Bun.file(join(import.meta.dir, '../docs/configuration.md')).text()

  test.each(KEY_NAMES)('has the row of %s', (name) => {
    const key: Key = KEYS[name]
    expect(docs).toContain(`| \`${key.env}\` | \`--${flagName(key)}\` | ${defaultText(key)} | ${key.description} |\n`)
  })

  test('has an example of parley.toml that is valid', () => {
    const example = /```toml\n(.*?)```/s.exec(docs)?.[1] ?? ''
    expect(example).toContain(tomlName(KEYS.publicOrigin))
    expect(problemsOf({ env: { PARLEY_DATA_DIR: dataDir(example) } })).toEqual([])
  })
})
