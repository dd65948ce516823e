import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Surroundings, Values } from '../config.ts'
import { type Config, ConfigError, flagName, KEY_NAMES, KEYS, type Key, type KeyName, tomlName } from '../config.ts'
import { InvalidValue, isLoopback, readText } from '../config-values.ts'
import { didYouMean } from './did-you-mean.ts'

type Texts = Record<string, string | undefined>

export interface Sources {
  /** By name without dashes: `data-dir`. */
  flags: Texts
  env: Texts
  cwd: string
  isTerminal: boolean
}

export interface Setting {
  key: string
  /** As it was given, masked if secret; undefined if nobody gave it and it has no default. */
  value: string | undefined
  source: string
}

/** A text, where it came from, and where relative paths in it start. */
interface Found {
  text: string
  source: string
  base: string
}

type Places = Sources & { file: Texts; dataDir: string }

export const FILE_NAME = 'parley.toml'
const MASK = '********'
const keys: readonly Key[] = Object.values(KEYS)

/**
 * Flags, then environment (each also as `…_FILE`), then parley.toml in the data directory, then defaults. An empty
 * text counts as not given. A command that serves nobody may lack what a server needs, such as its secret. Throws one
 * ConfigError with every problem.
 */
export function readConfig(sources: Sources, { forServing = true } = {}): { config: Config; sources: Setting[] } {
  const problems = [...unknownFlags(sources.flags), ...unknownVariables(sources.env)]
  const places = locate(sources, problems)
  const found = findAll(places, problems)
  if (forServing) problems.push(...contradictions(found))
  const values = parseAll(found, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return { config: toConfig(values), sources: KEY_NAMES.map((name) => describe(KEYS[name], found[name])) }
}

function unknownFlags(flags: Texts): string[] {
  const known = keys.map(flagName)
  const unknown = Object.keys(flags).filter((flag) => !known.includes(flag))
  return unknown.map((flag) => `--${flag}: unknown flag.${didYouMean(flag, known)}`)
}

function unknownVariables(env: Texts): string[] {
  const known = keys.flatMap(({ env: name }) => [name, `${name}_FILE`])
  const unknown = Object.keys(env).filter((name) => name.startsWith('PARLEY_') && !known.includes(name))
  const bare = (name: string) => name.replace('PARLEY_', '')
  return unknown.map((name) => `${name}: unknown variable.${didYouMean(name, known, bare)}`)
}

function locate(sources: Sources, problems: string[]): Places {
  // The data directory's own problems are told when all keys are looked for; here they would be told twice.
  const given = find(KEYS.dataDir, { ...sources, file: {}, dataDir: '' }, [])
  const dataDir = resolve(sources.cwd, given?.text ?? KEYS.dataDir.default)
  return { ...sources, dataDir, file: readFile(join(dataDir, FILE_NAME), problems) }
}

function readFile(path: string, problems: string[]): Texts {
  if (!existsSync(path)) return {}
  const table = attempt(path, problems, () => parseToml(readText(path)))
  const known = keys.filter((key) => key.env !== KEYS.dataDir.env).map(tomlName)
  const texts: Texts = {}
  for (const [name, value] of Object.entries(table ?? {})) {
    if (name === tomlName(KEYS.dataDir)) problems.push(`${name} in ${path}: can't be set in a file that lies in it`)
    else if (!known.includes(name)) problems.push(`${name} in ${path}: unknown key.${didYouMean(name, known)}`)
    else texts[name] = attempt(`${name} in ${path}`, problems, () => toText(value))
  }
  return texts
}

function parseToml(text: string): object {
  try {
    return Bun.TOML.parse(text)
  } catch (error) {
    // What follows a double quote in Bun's message is the value, which may be a secret.
    const [reason] = (error instanceof Error ? error.message : '').replace('TOML Parse error: ', '').split(/:? "/)
    throw new InvalidValue(`is not TOML. ${reason}`)
  }
}

function toText(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'string')) return value.join(',')
  throw new InvalidValue('must be a text, a number, true, false or a list of texts')
}

function findAll(places: Places, problems: string[]): Record<string, Found | undefined> {
  const given = find(KEYS.host, places, [])?.text ?? KEYS.host.default
  const host = attempt('', [], () => KEYS.host.parse(given, places.cwd)) ?? given
  const isGiven = (key: Key) => find(key, places, []) !== undefined
  const hasHostTokens = isGiven(KEYS.jwtSecret) || isGiven(KEYS.jwksUrl)
  const surroundings = { host, isTerminal: places.isTerminal, hasHostTokens }
  const entries = KEY_NAMES.map((name) => {
    const key: Key = KEYS[name]
    return [name, find(key, places, problems) ?? fallback(key, surroundings, places.cwd)] as const
  })
  return Object.fromEntries(entries)
}

function find(key: Key, places: Places, problems: string[]): Found | undefined {
  const { flags, cwd, file, dataDir } = places
  const flag = flags[flagName(key)]
  if (flag) return { text: flag, source: `--${flagName(key)}`, base: cwd }
  const variable = attempt(key.env, problems, () => fromEnvironment(key.env, places))
  if (variable) return variable
  const line = file[tomlName(key)]
  return line ? { text: line, source: join(dataDir, FILE_NAME), base: dataDir } : undefined
}

function fromEnvironment(name: string, { env, cwd }: Sources): Found | undefined {
  const text = env[name]
  const path = env[`${name}_FILE`]
  if (text && path) throw new InvalidValue(`is given twice, also as ${name}_FILE; keep one`)
  if (!path) return text ? { text, source: name, base: cwd } : undefined
  const content = readText(resolve(cwd, path)).replace(/\r?\n$/, '')
  if (content === '') throw new InvalidValue(`the file that ${name}_FILE names is empty`)
  return { text: content, source: `${name}_FILE`, base: cwd }
}

function fallback(key: Key, surroundings: Surroundings, base: string): Found | undefined {
  const text = typeof key.default === 'function' ? key.default(surroundings) : key.default
  return text === undefined ? undefined : { text, source: 'default', base }
}

/** What each is sound, and does not go together. */
function contradictions({
  tlsCert,
  tlsKey,
  jwtSecret,
  jwksUrl,
  ...found
}: Record<string, Found | undefined>): string[] {
  const { jwtIssuer, jwtAudience, accounts, redisUrl, databaseUrl, durability } = found
  const rules: [isBroken: boolean, problem: string][] = [
    [!tlsCert !== !tlsKey, 'PARLEY_TLS_CERT and PARLEY_TLS_KEY: give both, or neither'],
    [
      Boolean(jwtSecret && jwksUrl),
      'PARLEY_JWT_SECRET and PARLEY_JWKS_URL: keep one; which it is decides the algorithm',
    ],
    [
      Boolean(jwksUrl) && !(jwtIssuer && jwtAudience),
      'PARLEY_JWKS_URL: needs PARLEY_JWT_ISSUER and PARLEY_JWT_AUDIENCE, since its keys may sign for others too',
    ],
    [
      !jwtSecret && !jwksUrl && Boolean(jwtIssuer || jwtAudience),
      'PARLEY_JWT_ISSUER and PARLEY_JWT_AUDIENCE: need PARLEY_JWT_SECRET or PARLEY_JWKS_URL',
    ],
    [
      !jwtSecret && !jwksUrl && accounts?.text === 'off',
      'PARLEY_ACCOUNTS: off lets nobody in without PARLEY_JWT_SECRET or PARLEY_JWKS_URL',
    ],
    [
      Boolean(redisUrl) && !databaseUrl && durability?.text === 'relaxed',
      'PARLEY_DURABILITY: relaxed is for one process on its SQLite: with REDIS_URL leave it out',
    ],
  ]
  return rules.filter(([isBroken]) => isBroken).map(([, problem]) => problem)
}

function parseAll(found: Record<string, Found | undefined>, problems: string[]): Values {
  const values: Partial<Record<KeyName, unknown>> = {}
  for (const name of KEY_NAMES) {
    const key: Key = KEYS[name]
    const given = found[name]
    if (given) values[name] = attempt(labelOf(key, given), problems, () => key.parse(given.text, given.base))
  }
  // Each value is what the parser of its key gave; a key whose parser failed is in `problems`, and nobody reads on.
  return values as Values
}

/** How the person who gave the value calls it. */
function labelOf(key: Key, { source }: Found): string {
  return source.endsWith(FILE_NAME) ? `${tomlName(key)} in ${source}` : source
}

function attempt<T>(label: string, problems: string[], action: () => T): T | undefined {
  try {
    return action()
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error
    problems.push(`${label}: ${error.message}`)
    return undefined
  }
}

function toConfig({ tlsCert, tlsKey, jwtSecret, jwksUrl, jwtIssuer, jwtAudience, ...values }: Values): Config {
  const { pingInterval, redisUrl: redis, ...rest } = values
  const tls = tlsCert && tlsKey ? { cert: tlsCert, key: tlsKey } : undefined
  const source = jwtSecret ? { secret: jwtSecret } : jwksUrl ? { jwksUrl } : undefined
  const hostTokens = source && { source, issuer: jwtIssuer, audience: jwtAudience }
  const { publicOrigin, metricsToken, databaseUrl } = values
  const config = { ...rest, publicOrigin, metricsToken, databaseUrl, redis, tls, hostTokens }
  return Object.freeze({ ...config, pingIntervalMs: pingInterval * 1000, warnings: warningsOf(config, jwksUrl) })
}

type Exposure = Pick<Config, 'host' | 'publicOrigin' | 'tls' | 'trustedProxies' | 'databaseUrl' | 'redis'>

function warningsOf(
  { host, publicOrigin, tls, trustedProxies, ...places }: Exposure,
  jwksUrl: string | undefined,
): string[] {
  const warnings: string[] = []
  if (!isLoopback(host) && !publicOrigin && !tls) {
    warnings.push(
      'bound to a public address without PARLEY_PUBLIC_URL: passwords and messages travel unencrypted, and a browser' +
        ' behind an https proxy is refused. Set PARLEY_PUBLIC_URL=https://… behind a proxy, or PARLEY_TLS_CERT and _KEY.',
    )
  }
  if (!isLoopback(host) && publicOrigin && !tls && trustedProxies.length === 0) {
    warnings.push(
      'PARLEY_TRUSTED_PROXIES is none: behind a proxy everybody would share the limits of one address. List the proxy.',
    )
  }
  if (places.databaseUrl && !places.redis) {
    warnings.push('DATABASE_URL without REDIS_URL: this has to be the only node; several need the same REDIS_URL.')
  }
  if (jwksUrl?.startsWith('http:') && !isLoopback(new URL(jwksUrl).hostname)) {
    warnings.push('PARLEY_JWKS_URL is not https: whoever is on the way to it can sign in as anybody.')
  }
  return warnings
}

function describe(key: Key, found: Found | undefined): Setting {
  if (!found) return { key: key.env, value: undefined, source: 'default' }
  return { key: key.env, value: key.secret ? MASK : found.text, source: found.source }
}
