import { afterAll, beforeAll, expect, test } from 'bun:test'
import { PICTURE_NAMES } from '../../src/demo/pictures.ts'
import { openBrowser } from '../support/browser.ts'
import { type RunningParley, startParley } from '../support/server.ts'

let parley: RunningParley

beforeAll(async () => {
  parley = await startParley()
})
afterAll(() => parley[Symbol.asyncDispose]())

test.each([
  ['of this server', '/docs/live'],
  ['of another site', undefined],
])('a page %s shows the pictures of the demo, four to three', async (_, path) => {
  await using browser = await openBrowser(parley.url)
  if (path) await browser.page.goto(parley.url + path)
  for (const name of PICTURE_NAMES) {
    const sizes = await browser.page.evaluate(`(async () => {
      const image = document.createElement('img')
      image.src = '${parley.url}/demo/${name}.svg'
      await image.decode()
      return [image.naturalWidth, image.naturalHeight]
    })()`)
    expect([name, sizes]).toEqual([name, [400, 300]])
  }
  expect(browser.complaints).toEqual([])
})
