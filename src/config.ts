import type { HostTokenConfig } from './auth/host/rules.ts'
import {
  host,
  isLoopback,
  line,
  networks,
  oneOf,
  onOff,
  origins,
  type Parse,
  path,
  pemFile,
  postgresUrl,
  publicOrigin,
  redisUrl,
  signingSecret,
  token,
  webUrl,
  wholeNumber,
} from './config-values.ts'
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from './lib/log.ts'
import { LOCALES, type Locale } from './lib/texts.ts'
import type { RedisTarget } from './relay/redis-url.ts'

/** What the server runs with: checked, parsed, complete. */
export interface Config {
  readonly host: string
  readonly port: number
  /** `https://chat.example`, without a path. */
  readonly publicOrigin: string | undefined
  /** Absolute. */
  readonly dataDir: string
  readonly databaseUrl: string | undefined
  readonly redis: RedisTarget | undefined
  readonly allowedOrigins: string[]
  /** In CIDR notation, a single address too. */
  readonly trustedProxies: string[]
  readonly accounts: 'open' | 'closed' | 'off'
  /** How the marketplace signs its tokens, if it does. */
  readonly hostTokens: HostTokenConfig | undefined
  readonly limits: boolean
  readonly locale: Locale
  readonly durability: 'full' | 'relaxed'
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
  readonly metricsToken: string | undefined
  /** Absolute paths of PEM files. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined
  readonly pingIntervalMs: number
  /** What works, but perhaps not as meant. For the banner. */
  readonly warnings: string[]
}

/** A configuration that can't be run with. Each problem is a line that names its key, and never a secret's value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`invalid configuration\n  ${problems.join('\n  ')}`)
    this.problems = problems
  }
}

/** What a default may depend on. */
export interface Surroundings {
  host: string
  /** Is stderr a terminal? */
  isTerminal: boolean
  hasHostTokens: boolean
}

/** One setting. Its flag, its variable, its line in parley.toml, the help and the documentation all come from this. */
export interface Key<T = unknown> {
  env: string
  description: string
  parse: Parse<T>
  /** The text that stands when nobody gives one. Without it the value is then undefined. */
  default?: string | ((surroundings: Surroundings) => string)
  /** The default in words, where it isn't one text. */
  defaultText?: string
  /** Never shown, never in a message. */
  secret?: true
}

const LOOPBACK = '127.0.0.0/8, ::1/128'

export const KEYS = {
  host: {
    env: 'PARLEY_HOST',
    description: 'Address to listen on; `0.0.0.0` or `::` for every one of this machine.',
    parse: host,
    default: '127.0.0.1',
  },
  port: {
    env: 'PARLEY_PORT',
    description: 'Port to listen on; `0` takes a free one.',
    parse: wholeNumber(0, 65_535),
    default: '8000',
  },
  publicOrigin: {
    env: 'PARLEY_PUBLIC_URL',
    description: 'URL at which people reach this server; its origin is always allowed. Set it behind a proxy.',
    parse: publicOrigin,
    defaultText: "none: the request's own `Host`",
  },
  dataDir: {
    env: 'PARLEY_DATA_DIR',
    description: 'Directory of the database, backups, secrets and parley.toml.',
    parse: path,
    default: './parley-data',
  },
  databaseUrl: {
    env: 'DATABASE_URL',
    description: 'PostgreSQL, for several machines: `postgres://user:password@host:5432/database`.',
    parse: postgresUrl,
    defaultText: 'none: SQLite in the data directory',
    secret: true,
  },
  redisUrl: {
    env: 'REDIS_URL',
    description: 'Redis, for several processes: `redis://host:6379`, or of Sentinel or Cluster (docs/cluster.md).',
    parse: redisUrl,
    defaultText: 'none: this is the only process',
    secret: true,
  },
  allowedOrigins: {
    env: 'PARLEY_ALLOWED_ORIGINS',
    description: 'Origins of other sites that may open sockets, use the API and send the cookie: exact, no wildcards.',
    parse: origins,
    default: '',
    defaultText: 'none but its own',
  },
  trustedProxies: {
    env: 'PARLEY_TRUSTED_PROXIES',
    description: 'Addresses and networks (CIDR), comma-separated, whose X-Forwarded-For is believed; or `none`.',
    parse: networks,
    default: ({ host }) => (isLoopback(host) ? LOOPBACK : 'none'),
    defaultText: `\`${LOOPBACK}\` when bound to a loopback address, else \`none\``,
  },
  accounts: {
    env: 'PARLEY_ACCOUNTS',
    description:
      '`open`: everybody may sign up; `closed`: nobody may; `off`: nobody signs in here but admins by a link, and only tokens of the marketplace count.',
    parse: oneOf('open', 'closed', 'off'),
    default: ({ hasHostTokens }) => (hasHostTokens ? 'off' : 'open'),
    defaultText: '`open`; `off` with PARLEY_JWT_SECRET or PARLEY_JWKS_URL',
  },
  jwtSecret: {
    env: 'PARLEY_JWT_SECRET',
    description: 'Secret of the tokens (JWT, HS256) that the marketplace issues to its users, at least 32 bytes.',
    parse: signingSecret,
    defaultText: 'none',
    secret: true,
  },
  jwksUrl: {
    env: 'PARLEY_JWKS_URL',
    description:
      'Address of the public keys (JWKS) of those tokens (RS256, ES256, EdDSA), instead of a secret; needs PARLEY_JWT_ISSUER and PARLEY_JWT_AUDIENCE.',
    parse: webUrl,
    defaultText: 'none',
  },
  jwtIssuer: {
    env: 'PARLEY_JWT_ISSUER',
    description: 'What those tokens have to have as `iss`.',
    parse: line,
    defaultText: 'none: not looked at',
  },
  jwtAudience: {
    env: 'PARLEY_JWT_AUDIENCE',
    description: 'What those tokens have to have as `aud`, or among it.',
    parse: line,
    defaultText: 'none: not looked at',
  },
  limits: {
    env: 'PARLEY_LIMITS',
    description: '`on`; `off` lifts every rate limit and the cap on sockets of one address, for benchmarks only.',
    parse: onOff,
    default: 'on',
  },
  locale: {
    env: 'PARLEY_LOCALE',
    description: 'Language of texts for people when a request asks for none: `en` or `ko`.',
    parse: oneOf(...LOCALES),
    default: 'en',
  },
  durability: {
    env: 'PARLEY_DURABILITY',
    description: '`full`: what is acknowledged is on the disk; `relaxed`: a power cut may lose the last messages.',
    parse: oneOf('full', 'relaxed'),
    default: 'full',
  },
  logLevel: {
    env: 'PARLEY_LOG_LEVEL',
    description: 'Least level that is logged: `debug`, `info`, `warn` or `error`.',
    parse: oneOf(...LOG_LEVELS),
    default: 'info',
  },
  logFormat: {
    env: 'PARLEY_LOG_FORMAT',
    description: '`json`: one object a line; `pretty`: for people, with a banner. Logs go to stderr.',
    parse: oneOf(...LOG_FORMATS),
    default: ({ isTerminal }) => (isTerminal ? 'pretty' : 'json'),
    defaultText: '`pretty` when stderr is a terminal, else `json`',
  },
  metricsToken: {
    env: 'PARLEY_METRICS_TOKEN',
    description: 'Bearer token for `/metrics`, at least 16 characters.',
    parse: token(16),
    defaultText: 'none: `/metrics` answers only loopback requests that no proxy forwarded',
    secret: true,
  },
  tlsCert: {
    env: 'PARLEY_TLS_CERT',
    description: 'PEM file of the certificate chain, to serve https and wss directly; needs PARLEY_TLS_KEY.',
    parse: pemFile('CERTIFICATE'),
    defaultText: 'none',
  },
  tlsKey: {
    env: 'PARLEY_TLS_KEY',
    description: 'PEM file of the private key; needs PARLEY_TLS_CERT.',
    parse: pemFile('PRIVATE KEY'),
    defaultText: 'none',
  },
  pingInterval: {
    env: 'PARLEY_PING_INTERVAL',
    description: 'Seconds between pings on a socket, 1 to 300. Keep it below the idle timeout of every proxy.',
    parse: wholeNumber(1, 300),
    default: '25',
  },
} satisfies Record<string, Key>

export type KeyName = keyof typeof KEYS
export const KEY_NAMES = Object.keys(KEYS) as KeyName[]

/** What the parsers of the keys give. */
export type Values = {
  readonly [N in KeyName]: (typeof KEYS)[N] extends { default: unknown }
    ? ReturnType<(typeof KEYS)[N]['parse']>
    : ReturnType<(typeof KEYS)[N]['parse']> | undefined
}

/** `PARLEY_DATA_DIR` is `data_dir` in parley.toml. */
export const tomlName = ({ env }: Key): string => env.replace(/^PARLEY_/, '').toLowerCase()

/** `PARLEY_DATA_DIR` is `--data-dir`, here without the dashes. */
export const flagName = (key: Key): string => tomlName(key).replaceAll('_', '-')

/** The default in words, as Markdown. */
export const defaultText = ({ default: text, defaultText: words = `\`${text}\`` }: Key): string => words
