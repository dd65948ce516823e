import { expect, test } from 'bun:test'
import { Heartbeat } from '../src/live/line/heartbeat.ts'

const EVERY = 25_000

test('[LV30] a peer is pinged each interval, and is gone when it shows nothing for two fifths of one', () => {
  const heartbeat = new Heartbeat(EVERY, 0)
  expect([1, 24_999].map((now) => heartbeat.due(now))).toEqual(['nothing', 'nothing'])
  expect(heartbeat.due(25_000)).toBe('ping')
  expect(heartbeat.due(34_999)).toBe('nothing')
  heartbeat.answered()
  expect([35_000, 49_999, 50_000].map((now) => heartbeat.due(now))).toEqual(['nothing', 'nothing', 'ping'])
  expect([59_999, 60_000].map((now) => heartbeat.due(now))).toEqual(['nothing', 'end'])
})
