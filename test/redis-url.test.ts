import { describe, expect, test } from 'bun:test'
import { parseRedisUrl, type RedisTarget } from '../src/relay/redis-url.ts'
import { configReader } from './support/read-config.ts'

const AT_HOME: RedisTarget = {
  kind: 'single',
  tls: false,
  username: undefined,
  password: undefined,
  hosts: [{ host: 'redis', port: 6379 }],
  master: undefined,
  db: 0,
}
const at = (...places: [host: string, port: number][]) => ({ hosts: places.map(([host, port]) => ({ host, port })) })
const cluster = { kind: 'cluster' } as const
const sentinel = { kind: 'sentinel', master: 'parley', ...at(['redis', 26_379]) } as const

describe('where Redis is', () => {
  test.each<[url: string, target: Partial<RedisTarget>]>([
    ['redis://redis', {}],
    ['redis://redis/', {}],
    ['redis://redis:6379/0', {}],
    ['redis://redis:7000/12', { ...at(['redis', 7000]), db: 12 }],
    ['rediss://redis', { tls: true }],
    ['redis://redis.example-1.com:1', at(['redis.example-1.com', 1])],
    ['redis://my_redis:65535', at(['my_redis', 65_535])],
    ['redis://10.0.0.1', at(['10.0.0.1', 6379])],
    ['redis://[::1]', at(['::1', 6379])],
    ['rediss://[fd00::1]:7000/3', { tls: true, ...at(['fd00::1', 7000]), db: 3 }],
    ['redis://:secret@redis', { password: 'secret' }],
    ['redis://joe:secret@redis', { username: 'joe', password: 'secret' }],
    ['redis://joe@redis', { username: 'joe' }],
    ['redis://@redis', {}],
    ['redis://:@redis', {}],
    ['redis://j%40e:%2F%3A%40%3F%23%25%20%C3%A9@redis', { username: 'j@e', password: '/:@?#% é' }],
    ['redis://:a:b?c#d@redis', { password: 'a:b?c#d' }],
    ['redis://:50%@redis', { password: '50%' }],
    ['redis+cluster://redis', cluster],
    ['redis+cluster://one,two:7000,[::1]:7001/', { ...cluster, ...at(['one', 6379], ['two', 7000], ['::1', 7001]) }],
    ['rediss+cluster://joe:secret@redis/0', { ...cluster, tls: true, username: 'joe', password: 'secret' }],
    ['redis+sentinel://redis/parley', sentinel],
    [
      'redis+sentinel://:s@one,two:7000/parley/2',
      { ...sentinel, ...at(['one', 26_379], ['two', 7000]), password: 's', db: 2 },
    ],
    ['rediss+sentinel://redis/my-master.1', { ...sentinel, tls: true, master: 'my-master.1' }],
  ])('%s', (url, target) => {
    expect(parseRedisUrl(url)).toEqual({ ...AT_HOME, ...target })
  })
})

describe('what is no such URL is refused, and not repeated', () => {
  const { problemsOf } = configReader()
  const secret = 'hunter2'

  test.each([
    'redis',
    'redis:6379',
    'redis:',
    'redis://',
    'redis:///1',
    'http://redis',
    'redis+sentinels://redis/parley',
    'redis+://redis',
    'rediss+tls://redis',
    'unix:///run/redis.sock',
    ' redis://redis',
    'redis://redis ',
    'redis://red is',
    'redis://redis\n',
    'redis://redis:',
    'redis://redis:0',
    'redis://redis:00',
    'redis://redis:65536',
    'redis://redis:-1',
    'redis://redis:6379x',
    'redis://redis:six',
    'redis://::1',
    'redis://[::1',
    'redis://[redis]',
    'redis://redis/x',
    'redis://redis/-1',
    'redis://redis/1.5',
    'redis://redis/1000',
    'redis://redis/1/2',
    'redis://redis/0/',
    'redis://redis?db=1',
    'redis://redis#1',
    'redis://one,two',
    'redis+cluster://one,',
    'redis+cluster://,one',
    'redis+cluster://one,,two',
    'redis+cluster://one, two',
    'redis+cluster://one/1',
    'redis+cluster://one/0/0',
    'redis+sentinel://one',
    'redis+sentinel://one/',
    'redis+sentinel://one//1',
    'redis+sentinel://one/parley/',
    'redis+sentinel://one/parley/x',
    'redis+sentinel://one/parley/1/2',
    `redis://:${secret}@`,
    `redis://joe:${secret}@redis@home`,
    `redis://joe:${secret}/1@redis`,
    `redis://joe:${secret}@redis:port`,
    `REDIS://joe:${secret}@redis`,
    `redis//joe:${secret}@redis`,
  ])('%p', (url) => {
    expect(parseRedisUrl(url)).toBeUndefined()
    const problems = problemsOf({ env: { REDIS_URL: url } })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toStartWith('REDIS_URL')
    expect(problems[0]).not.toContain(secret)
  })
})
