import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { parseRedisUrl, type RedisTarget } from './relay/redis-url.ts'

/** Why a value is refused. The parser of a secret never repeats the value in it. */
export class InvalidValue extends Error {
  override readonly name = 'InvalidValue'
}

/** Text to value, or InvalidValue. Relative paths start at `base`. */
export type Parse<T> = (text: string, base: string) => T

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

export const wholeNumber =
  (min: number, max: number): Parse<number> =>
  (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < min || value > max) refuse(`must be a whole number from ${min} to ${max}`)
    return value
  }

export const oneOf =
  <T extends string>(...choices: readonly T[]): Parse<T> =>
  (text) =>
    choices.find((choice) => choice === text) ?? refuse(`must be ${choices.join(' or ')}, not ${quote(text)}`)

export const onOff: Parse<boolean> = (text) => oneOf('on', 'off')(text, '') === 'on'

export const path: Parse<string> = (text, base) => resolve(base, text)

/** A host name or an IP address, with an IPv6 address also in brackets, as in a URL. */
export const host: Parse<string> = (text) => {
  const bare = text.replace(/^\[(.*)\]$/, '$1')
  if (isIP(bare)) return bare
  const isName = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i.test(text) && !/^[\d.]+$/.test(text)
  return isName ? text : refuse(`must be a host name or an IP address, without scheme or port, not ${quote(text)}`)
}

/** The origin of an http(s) URL. What was given is not repeated: a URL may carry a password. */
export const publicOrigin: Parse<string> = (text) => {
  const url = URL.parse(text)
  if (!url || !isWeb(url)) return refuse('must be a URL such as https://chat.example')
  if (url.username || url.password) refuse('must not carry a user name or a password')
  return url.origin
}

/** Exact origins. Apps in a web view have schemes of their own, such as capacitor://localhost. */
export const origins: Parse<string[]> = (text) => [...new Set(each(list(text), origin))]

function origin(entry: string): string {
  if (entry.includes('*'))
    refuse(`${quote(entry)}: there are no wildcards, since they admit strangers; list each origin`)
  const url = URL.parse(entry)
  if (url && isWeb(url)) return sameOrigin(entry, url)
  if (url && /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9.-]+(:\d+)?$/.test(entry) && !/^wss?:/.test(entry)) return entry
  return refuse(`${quote(entry)} is not an origin such as https://shop.example`)
}

function sameOrigin(entry: string, url: URL): string {
  if (url.username || url.password) refuse('an origin has no user name and no password')
  if (entry === url.origin) return entry
  if (entry === `${url.origin}/`) refuse(`${quote(entry)} ends with a slash, which no browser sends: ${url.origin}`)
  if (url.pathname !== '/' || url.search || url.hash)
    refuse(`${quote(entry)} has a path, which an origin has not: ${url.origin}`)
  return refuse(`${quote(entry)} is not what a browser sends: ${url.origin}`)
}

/** Addresses and networks, all in CIDR notation; `none` is the empty list. */
export const networks: Parse<string[]> = (text) => (text === 'none' ? [] : each(list(text), network))

function network(entry: string): string {
  const [address = '', bits, ...rest] = entry.split('/')
  const version = isIP(address)
  if (!version || rest.length > 0) return refuse(`${quote(entry)} is not an IP address or a network such as 10.0.0.0/8`)
  const width = version === 4 ? 32 : 128
  if (bits !== undefined && (!/^\d{1,3}$/.test(bits) || Number(bits) > width))
    refuse(`${quote(entry)}: the part after the slash is a whole number from 0 to ${width}`)
  return `${address}/${bits === undefined ? width : Number(bits)}`
}

/** What can be sent as a bearer token and can't be guessed. */
export const token =
  (minLength: number): Parse<string> =>
  (text) =>
    text.length >= minLength && /^[\x21-\x7e]+$/.test(text)
      ? text
      : refuse(`must be at least ${minLength} characters, without spaces, of ASCII`)

/** What signatures are made with: as long as the hash of HS256 at least (RFC 7518 §3.2). */
export const signingSecret: Parse<string> = (text) => {
  const bytes = Buffer.byteLength(text)
  return bytes >= 32 ? text : refuse(`must have at least 32 bytes, not ${bytes}: try openssl rand -base64 48`)
}

/** An http(s) URL, whole. What was given is not repeated: a URL may carry a password. */
export const webUrl: Parse<string> = (text) => {
  const url = URL.parse(text)
  if (!url || !isWeb(url)) return refuse('must be a URL such as https://shop.example/.well-known/jwks.json')
  if (url.username || url.password) refuse('must not carry a user name or a password')
  return url.href
}

/** One text, taken as it is; no list, whatever the file has. */
export const line: Parse<string> = (text) => (/[\r\n,]/.test(text) ? refuse('must be one text, without a comma') : text)

/** The path of a PEM file that can be read and has the `label` that is wanted, e.g. CERTIFICATE. */
export const pemFile =
  (label: string): Parse<string> =>
  (text, base) => {
    const file = resolve(base, text)
    if (!readText(file).includes(`${label}-----`)) refuse(`${file} has no "-----BEGIN … ${label}-----" in it`)
    return file
  }

/** What was given is not repeated: it has a password. */
export const postgresUrl: Parse<string> = (text) => {
  const url = URL.parse(text)
  const isPostgres = url?.protocol === 'postgres:' || url?.protocol === 'postgresql:'
  if (!url || !isPostgres || !url.hostname || url.pathname.length < 2)
    return refuse('must be a URL such as postgres://parley:password@db.example:5432/parley')
  if (!isDecodable(`${url.username}${url.password}${url.pathname}`))
    refuse('has a % that is none of an escape: in a password it is written %25')
  return text
}

function isDecodable(text: string): boolean {
  try {
    return decodeURIComponent(text) !== undefined
  } catch {
    return false
  }
}

/** What was given is not repeated: it may have a password. */
export const redisUrl: Parse<RedisTarget> = (text) =>
  parseRedisUrl(text) ??
  refuse(
    'must be a URL such as redis://redis.example:6379, rediss://…, redis+sentinel://one:26379,two:26379/name or redis+cluster://one:6379,two:6379',
  )

export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    return refuse(`${file} can't be read (${error instanceof Error && 'code' in error ? error.code : 'unknown error'})`)
  }
}

const list = (text: string) =>
  text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')

/** Parses every entry, and tells of all that are wrong. */
function each(entries: string[], parse: (entry: string) => string): string[] {
  const wrong: string[] = []
  const values = entries.map((entry) => {
    try {
      return parse(entry)
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error
      wrong.push(error.message)
      return entry
    }
  })
  return wrong.length > 0 ? refuse(wrong.join('; ')) : values
}

const isWeb = (url: URL) => url.protocol === 'https:' || url.protocol === 'http:'

const quote = (text: string) => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)

function refuse(reason: string): never {
  throw new InvalidValue(reason)
}
