import { describe, expect, test } from 'bun:test'
import { chmodSync } from 'node:fs'
import { configReader } from './support/read-config.ts'

const { configOf, cwd, file, problemsOf, read } = configReader()

describe('values that are taken', () => {
  test.each([
    [{ PARLEY_PORT: '0' }, { port: 0 }],
    [{ PARLEY_PORT: '65535' }, { port: 65_535 }],
    [{ PARLEY_HOST: '[::1]' }, { host: '::1', trustedProxies: ['127.0.0.0/8', '::1/128'] }],
    [{ PARLEY_HOST: 'localhost' }, { host: 'localhost', trustedProxies: ['127.0.0.0/8', '::1/128'] }],
    [{ PARLEY_HOST: '0.0.0.0' }, { host: '0.0.0.0', trustedProxies: [] }],
    [{ PARLEY_HOST: '127.evil.example' }, { trustedProxies: [] }],
    [{ PARLEY_PUBLIC_URL: 'https://Chat.example:443/app?x#y' }, { publicOrigin: 'https://chat.example' }],
    [{ PARLEY_PUBLIC_URL: 'http://localhost:8000' }, { publicOrigin: 'http://localhost:8000' }],
    [
      { PARLEY_ALLOWED_ORIGINS: 'https://a.example, http://b.example:8080,' },
      { allowedOrigins: ['https://a.example', 'http://b.example:8080'] },
    ],
    [{ PARLEY_ALLOWED_ORIGINS: 'capacitor://localhost' }, { allowedOrigins: ['capacitor://localhost'] }],
    [
      { PARLEY_TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.7, fd00::/8, ::1' },
      { trustedProxies: ['10.0.0.0/8', '192.0.2.7/32', 'fd00::/8', '::1/128'] },
    ],
    [{ PARLEY_TRUSTED_PROXIES: 'none' }, { trustedProxies: [] }],
    [{ PARLEY_ACCOUNTS: 'closed' }, { accounts: 'closed' }],
    [{ PARLEY_LIMITS: 'off' }, { limits: false }],
    [{ PARLEY_DURABILITY: 'relaxed' }, { durability: 'relaxed' }],
    [
      { PARLEY_LOG_LEVEL: 'debug', PARLEY_LOG_FORMAT: 'pretty' },
      { logLevel: 'debug', logFormat: 'pretty' },
    ],
    [{ PARLEY_PING_INTERVAL: '300' }, { pingIntervalMs: 300_000 }],
  ])('%j', (env, expected) => {
    expect(configOf(env)).toMatchObject(expected)
  })

  test('on a terminal the log is pretty, unless asked otherwise', () => {
    expect(read({ isTerminal: true }).config.logFormat).toBe('pretty')
    expect(read({ isTerminal: true, env: { PARLEY_LOG_FORMAT: 'json' } }).config.logFormat).toBe('json')
  })
})

describe('values that are refused', () => {
  test.each([
    ['PARLEY_PORT', '65536', /whole number from 0 to 65535/],
    ['PARLEY_PORT', '8000.5', /whole number/],
    ['PARLEY_PORT', '0x50', /whole number/],
    ['PARLEY_HOST', 'http://0.0.0.0', /without scheme or port/],
    ['PARLEY_HOST', '0.0.0.0:8000', /without scheme or port/],
    ['PARLEY_HOST', '1.2.3', /host name or an IP address/],
    ['PARLEY_PUBLIC_URL', 'chat.example', /such as https/],
    ['PARLEY_PUBLIC_URL', 'ftp://chat.example', /such as https/],
    ['DATABASE_URL', 'sqlite://chat.db', /such as postgres:/],
    ['DATABASE_URL', 'postgres://db', /such as postgres:/],
    ['DATABASE_URL', 'mysql://db/parley', /such as postgres:/],
    ['REDIS_URL', 'redis.example:6379', /such as redis:/],
    ['REDIS_URL', 'redis://one,two', /such as redis:/],
    ['REDIS_URL', 'redis+sentinel://one,two', /such as redis:/],
    ['PARLEY_ALLOWED_ORIGINS', '*', /no wildcards/],
    ['PARLEY_ALLOWED_ORIGINS', 'https://*.shop.example', /no wildcards/],
    ['PARLEY_ALLOWED_ORIGINS', 'https://shop.example/', /ends with a slash.*: https:\/\/shop\.example$/],
    ['PARLEY_ALLOWED_ORIGINS', 'https://shop.example/chat', /has a path.*: https:\/\/shop\.example$/],
    ['PARLEY_ALLOWED_ORIGINS', 'https://Shop.example:443', /not what a browser sends: https:\/\/shop\.example$/],
    ['PARLEY_ALLOWED_ORIGINS', 'shop.example', /not an origin/],
    ['PARLEY_ALLOWED_ORIGINS', 'null', /not an origin/],
    ['PARLEY_ALLOWED_ORIGINS', 'wss://shop.example', /not an origin/],
    ['PARLEY_ALLOWED_ORIGINS', '*, null', /wildcards.*"null" is not an origin/],
    ['PARLEY_TRUSTED_PROXIES', 'nginx', /not an IP address/],
    ['PARLEY_TRUSTED_PROXIES', '10.0.0.0/33', /whole number from 0 to 32/],
    ['PARLEY_TRUSTED_PROXIES', '::1/129', /whole number from 0 to 128/],
    ['PARLEY_TRUSTED_PROXIES', '10.0.0.0/', /whole number from 0 to 32/],
    ['PARLEY_TRUSTED_PROXIES', '10.0.0.0/8/8', /not an IP address/],
    ['PARLEY_ACCOUNTS', 'shut', /must be open or closed or off/],
    ['PARLEY_ACCOUNTS', 'off', /off lets nobody in without PARLEY_JWT_SECRET or PARLEY_JWKS_URL/],
    ['PARLEY_JWT_SECRET', 'x'.repeat(31), /must have at least 32 bytes, not 31/],
    ['PARLEY_JWKS_URL', 'https://shop.example/jwks', /needs PARLEY_JWT_ISSUER and PARLEY_JWT_AUDIENCE/],
    ['PARLEY_LIMITS', 'false', /must be on or off/],
    ['PARLEY_LOCALE', 'fr', /must be en or ko/],
    ['PARLEY_DURABILITY', 'none', /must be full or relaxed/],
    ['PARLEY_LOG_LEVEL', 'trace', /must be debug or info or warn or error/],
    ['PARLEY_LOG_FORMAT', 'text', /must be json or pretty/],
    ['PARLEY_METRICS_TOKEN', 'fifteen-letters', /at least 16 characters/],
    ['PARLEY_PING_INTERVAL', '0', /whole number from 1 to 300/],
    ['PARLEY_PING_INTERVAL', '301', /whole number from 1 to 300/],
  ])('%s=%s', (key, value, problem) => {
    expect(problemsOf({ env: { [key]: value } })).toEqual([expect.stringMatching(problem)])
    expect(problemsOf({ env: { [key]: value } })[0]).toStartWith(`${key}: `)
  })
})

describe('TLS', () => {
  const PARLEY_TLS_CERT = file('cert.pem', '-----BEGIN CERTIFICATE-----\n')
  const PARLEY_TLS_KEY = file('key.pem', '-----BEGIN PRIVATE KEY-----\n')

  test('takes a certificate and its key', () => {
    expect(configOf({ PARLEY_TLS_CERT, PARLEY_TLS_KEY }).tls).toEqual({ cert: PARLEY_TLS_CERT, key: PARLEY_TLS_KEY })
  })

  test.each([
    ['only a certificate', { PARLEY_TLS_CERT }, [/give both, or neither/]],
    ['only a key', { PARLEY_TLS_KEY }, [/give both, or neither/]],
    [
      'the two exchanged',
      { PARLEY_TLS_CERT: PARLEY_TLS_KEY, PARLEY_TLS_KEY: PARLEY_TLS_CERT },
      [/no "-----BEGIN … CERT/, /no "-----BEGIN … PRIV/],
    ],
    [
      'a file that is missing',
      { PARLEY_TLS_CERT: 'nowhere.pem', PARLEY_TLS_KEY },
      [/nowhere\.pem can't be read \(ENOENT\)/],
    ],
    ['a directory', { PARLEY_TLS_CERT: cwd, PARLEY_TLS_KEY }, [/can't be read \(EISDIR\)/]],
  ])('refuses %s', (_, env, problems) => {
    expect(problemsOf({ env })).toEqual(problems.map((problem) => expect.stringMatching(problem)))
  })

  // Root reads everything.
  test.skipIf(process.getuid?.() === 0)('refuses a key that this user may not read', () => {
    const locked = file('locked.pem', '-----BEGIN PRIVATE KEY-----\n')
    chmodSync(locked, 0)
    expect(problemsOf({ env: { PARLEY_TLS_CERT, PARLEY_TLS_KEY: locked } })).toEqual([
      expect.stringContaining('EACCES'),
    ])
  })

  test.each([
    ['with nothing else', {}, ['without PARLEY_PUBLIC_URL: ']],
    ['with a public URL', { PARLEY_PUBLIC_URL: 'https://chat.example' }, ['PARLEY_TRUSTED_PROXIES is none']],
    ['with a proxy too', { PARLEY_PUBLIC_URL: 'https://chat.example', PARLEY_TRUSTED_PROXIES: '10.0.0.1' }, []],
    ['with TLS', { PARLEY_TLS_CERT, PARLEY_TLS_KEY }, []],
  ])('a public address %s gets the warnings that it needs', (_, env, expected) => {
    const { warnings } = configOf({ PARLEY_HOST: '0.0.0.0', ...env })
    expect(warnings).toEqual(expected.map((text) => expect.stringContaining(text)))
  })
})

describe('tokens of the marketplace', () => {
  const SECRET = 'a secret of at least thirty-two bytes'
  const JWKS = 'https://shop.example/jwks'
  const NAMES = { PARLEY_JWT_ISSUER: 'https://shop.example', PARLEY_JWT_AUDIENCE: 'parley' }

  test.each<[string, Record<string, string>, object]>([
    ['a secret', { PARLEY_JWT_SECRET: SECRET }, { source: { secret: SECRET } }],
    [
      'a secret with names',
      { PARLEY_JWT_SECRET: SECRET, ...NAMES },
      { issuer: 'https://shop.example', audience: 'parley' },
    ],
    ['keys', { PARLEY_JWKS_URL: JWKS, ...NAMES }, { source: { jwksUrl: JWKS }, audience: 'parley' }],
  ])('by %s turn passwords off, unless they are asked for', (_, env, hostTokens) => {
    expect(configOf(env)).toMatchObject({ hostTokens, accounts: 'off', warnings: [] })
    expect(configOf({ ...env, PARLEY_ACCOUNTS: 'open' })).toMatchObject({ accounts: 'open' })
  })

  test.each<[string, Record<string, string>, RegExp]>([
    ['an address that is none', { PARLEY_JWKS_URL: 'ftp://shop.example', ...NAMES }, /^PARLEY_JWKS_URL: must be a URL/],
    [
      'an address with a password',
      { PARLEY_JWKS_URL: 'https://a:hunter2@shop.example', ...NAMES },
      /^PARLEY_JWKS_URL: must not carry/,
    ],
    [
      'both',
      { PARLEY_JWT_SECRET: SECRET, PARLEY_JWKS_URL: JWKS, ...NAMES },
      /^PARLEY_JWT_SECRET and PARLEY_JWKS_URL: keep one/,
    ],
    [
      'an issuer alone',
      { PARLEY_JWT_ISSUER: 'x' },
      /^PARLEY_JWT_ISSUER and PARLEY_JWT_AUDIENCE: need PARLEY_JWT_SECRET/,
    ],
    [
      'an audience alone',
      { PARLEY_JWT_AUDIENCE: 'x' },
      /^PARLEY_JWT_ISSUER and PARLEY_JWT_AUDIENCE: need PARLEY_JWT_SECRET/,
    ],
  ])('are refused with %s', (_, env, problem) => {
    const problems = problemsOf({ env })
    expect(problems).toEqual([expect.stringMatching(problem)])
    expect(problems.join()).not.toContain('hunter2')
  })

  test('whose keys come over http are warned of, but for this machine', () => {
    const warningsFor = (url: string) => configOf({ ...NAMES, PARLEY_JWKS_URL: url }).warnings
    expect(warningsFor('http://shop.internal/jwks')).toEqual([expect.stringContaining('PARLEY_JWKS_URL is not https')])
    expect(warningsFor('http://127.0.0.1:9/jwks')).toEqual([])
  })
})
