import { expect, test } from 'bun:test'
import { FrameQueue } from '../src/live/line/frame-queue.ts'

/** A queue whose handler waits until it is let go. */
function queue() {
  const handled: string[] = []
  const waiting: (() => void)[] = []
  const frames = new FrameQueue({
    async handle(frame) {
      await new Promise<void>((resolve) => waiting.push(resolve))
      handled.push(String(frame))
    },
  })
  const letGo = async () => {
    waiting.shift()?.()
    // The next handler starts in a microtask.
    await new Promise((resolve) => setTimeout(resolve))
  }
  return { frames, handled, letGo }
}

test('[LV15] frames are handled one at a time, in order, once it has started', async () => {
  const { frames, handled, letGo } = queue()
  for (const frame of ['a', 'b', 'c']) expect(frames.push(frame)).toBe(true)
  await letGo()
  expect(handled).toEqual([])
  frames.start()
  for (const sofar of [['a'], ['a', 'b'], ['a', 'b', 'c']]) {
    await letGo()
    expect(handled).toEqual(sofar)
  }
})

test('[LV32] finishing waits for what was begun and what waits behind it, and takes no more', async () => {
  const { frames, handled, letGo } = queue()
  frames.start()
  for (const frame of ['a', 'b']) frames.push(frame)
  let isFinished = false
  const finished = frames.finish().then(() => {
    isFinished = true
  })
  frames.push('late')
  await letGo()
  expect(isFinished).toBe(false)
  await letGo()
  await finished
  expect(handled).toEqual(['a', 'b'])
})

test('[LV32] what waits behind a replay when it is to finish is never handled, also when the replay ends after that', async () => {
  const { frames, handled, letGo } = queue()
  frames.push('held')
  await frames.finish()
  frames.start()
  await letGo()
  expect(handled).toEqual([])
})

test('[LV15] it refuses what is more than may wait, by count and by size', () => {
  const { frames } = queue()
  for (let n = 0; n < 256; n++) expect(frames.push('x')).toBe(true)
  expect(frames.push('x')).toBe(false)
  expect(queue().frames.push('x'.repeat(1 << 20))).toBe(true)
  expect(queue().frames.push('x'.repeat((1 << 20) + 1))).toBe(false)
})
