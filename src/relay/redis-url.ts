/** Where Redis is, and what kind of one. */
export interface RedisTarget {
  kind: 'single' | 'sentinel' | 'cluster'
  tls: boolean
  username: string | undefined
  password: string | undefined
  /** Of the server; of each sentinel; or of some nodes of the cluster. */
  hosts: { host: string; port: number }[]
  /** What the sentinels call the server. */
  master: string | undefined
  db: number
}

const SHAPE =
  /^(redis|rediss)(?:\+(sentinel|cluster))?:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/@?#]+)(?:\/([^/?#]*))?(?:\/(\d{1,3}))?$/

/** `undefined` for what is no such URL. */
export function parseRedisUrl(text: string): RedisTarget | undefined {
  const found = SHAPE.exec(text)
  if (!found) return undefined
  const [, scheme, kind = 'single', username, password, hosts = '', first = '', second] = found
  const named = kind === 'sentinel' ? { master: first, db: second ?? '0' } : { master: undefined, db: first || '0' }
  const places = hosts.split(',').map((each) => placeOf(each, kind === 'sentinel' ? 26_379 : 6379))
  const isComplete = kind === 'sentinel' ? first !== '' : second === undefined
  const isOne = kind !== 'single' || places.length === 1
  const hasDb = /^\d{1,3}$/.test(named.db) && (kind !== 'cluster' || named.db === '0')
  if (!isComplete || !isOne || !hasDb || !places.every((place) => place !== undefined)) return undefined
  return {
    kind: kind as RedisTarget['kind'],
    tls: scheme === 'rediss',
    username: decoded(username),
    password: decoded(password),
    hosts: places,
    master: named.master,
    db: Number(named.db),
  }
}

function placeOf(text: string, standardPort: number): { host: string; port: number } | undefined {
  const found = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?$/i.exec(text)
  const [, host = '', given = standardPort] = found ?? []
  const port = Number(given)
  if (!found || port < 1 || port > 65_535) return undefined
  return { host: host.replace(/^\[|\]$/g, ''), port }
}

function decoded(text: string | undefined): string | undefined {
  if (!text) return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
