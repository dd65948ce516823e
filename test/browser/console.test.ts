import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'
import { openBrowser } from '../support/browser.ts'
import { adminLink, heading, openConsole, row, signInBy, VIEWS, visit } from '../support/console-page.ts'
import type { Person } from '../support/person.ts'
import { type RunningParley, startParley } from '../support/server.ts'

// A browser on a busy machine takes its time.
setDefaultTimeout(120_000)

/** What the browser itself says of a refusal: not of the page. */
const refusedWith = (status: number) =>
  expect.stringMatching(new RegExp(`^Failed to load resource: the server responded with a status of ${status}`))

let parley: RunningParley
let minji: Person
let roomId: number
beforeAll(async () => {
  parley = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  const pair = await parley.pair('Minji', 'Joon')
  ;[minji, roomId] = [pair.owner, pair.roomId]
  await pair.customer.send(roomId, 'Is it free on Saturday?')
})
afterAll(() => parley[Symbol.asyncDispose]())

describe('one comes in', () => {
  test('by a link, which is out of the address at once, and good once', async () => {
    await using first = await openBrowser(parley.url)
    await using second = await openBrowser(parley.url)
    const link = await adminLink(parley)
    await first.page.goto(link)
    await heading(first.page, 'Overview').waitFor()
    expect(first.page.url()).toBe(`${parley.url}/admin`)
    // Beside the navigation, and not below it.
    expect((await first.page.locator('main').boundingBox())?.y).toBeLessThan(100)
    await first.page.reload()
    await heading(first.page, 'Overview').waitFor()

    await second.page.goto(link)
    await second.page.getByText('This link is good no more').waitFor()
    expect(second.page.url()).toBe(`${parley.url}/admin`)
    await second.page.getByText('parley admin link').waitFor()
    // Another one, put in the address of the same page: only the fragment changes.
    await second.page.goto(await adminLink(parley))
    await heading(second.page, 'Overview').waitFor()

    expect(first.complaints).toEqual([])
    expect(second.complaints).toEqual([refusedWith(401)])
    expect([...first.foreignRequests, ...second.foreignRequests]).toEqual([])
  })

  test('by a link that could not be asked about at first', async () => {
    await using browser = await openBrowser(parley.url)
    const { page } = browser
    await page.route('**/api/admin/sessions', (route) => route.abort(), { times: 1 })
    await page.goto(await adminLink(parley))
    await page.getByRole('button', { name: 'Try again' }).click()
    await heading(page, 'Overview').waitFor()
  })

  test('not without one: nothing is asked for, and it says how to get in', async () => {
    await using browser = await openBrowser(parley.url)
    const { page } = browser
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    await page.goto(`${parley.url}/admin/people`)
    await page.getByText('parley admin link').waitFor()
    expect(asked.filter((path) => path.startsWith('/api/'))).toEqual([])
    expect(await serious(page)).toEqual([])
    expect(browser.complaints).toEqual([])
  })

  test('as an admin who has signed in to the chat, and not as anybody else; and only for so long', async () => {
    await using admin = await openConsole(parley)
    await using browser = await openBrowser(parley.url)
    const { page } = browser
    const hugo = await parley.person('Hugo')
    await page.goto(`${parley.url}/admin`)
    await signInBy(page, hugo)
    await page.reload()
    await page.getByText('no admin').waitFor()
    const url = `${parley.url}/api/admin/users/${hugo.id}`
    const headers = { origin: parley.url }
    const give = (role: string) => admin.page.request.put(`${url}/role`, { headers, data: { role } })
    await give('admin')
    await page.reload()
    await heading(page, 'Overview').waitFor()
    await give('user')
    await page.getByText('no admin').waitFor()

    await give('admin')
    await page.reload()
    await heading(page, 'Overview').waitFor()
    await admin.page.request.post(`${url}/sign-out`, { headers })
    await page.getByText('You are signed out').waitFor()
    expect(browser.complaints).toEqual([403, 403, 401].map(refusedWith))
  })
})

describe('it shows', () => {
  test('in each view what there is', async () => {
    await using browser = await openConsole(parley)
    const { page } = browser
    await page.getByRole('figure').filter({ hasText: 'Memory' }).locator('b', { hasText: 'MB' }).waitFor()
    await page.getByText('SQLite').waitFor()
    await visit(page, '/people')
    await row(page, 'Minji').getByText(minji.email).waitFor()
    await visit(page, '/rooms')
    await row(page, `#${roomId}`).getByRole('link', { name: 'Joon' }).waitFor()
    await visit(page, '/products')
    await row(page, 'Road bike').waitFor()
    await visit(page, '/sessions')
    await page.getByRole('link', { name: 'Joon' }).waitFor()
    await visit(page, '/keys')
    await page.getByText('No keys yet').waitFor()
    await visit(page, '/audit')
    await page.getByText('made a link to the console').first().waitFor()
    await visit(page, '/errors')
    await page.getByText('limits are off: for benchmarks only').waitFor()
    await visit(page, '/settings')
    await row(page, 'PARLEY_LIMITS').locator('td').first().getByText('off', { exact: true }).waitFor()
    expect(browser.complaints).toEqual([])
    expect(browser.foreignRequests).toEqual([])
  })

  test('each at an address of its own, and what is not there as that', async () => {
    await using browser = await openConsole(parley)
    const { page } = browser
    for (const [path, name] of Object.entries(VIEWS)) {
      await page.goto(`${parley.url}/admin${path}`)
      await heading(page, name).waitFor()
      expect(await page.title()).toBe(`${name} · Parley`)
    }
    await page.goto(`${parley.url}/admin/nowhere`)
    await heading(page, 'Nothing is here').waitFor()
    await page.goto(`${parley.url}/admin/people`)
    await page.getByRole('searchbox').fill('nobody of this name')
    await page.getByText('Nothing found for “nobody of this name”').waitFor()
    expect(browser.complaints).toEqual([])
  })

  test('all of it in Korean too', async () => {
    await using browser = await openConsole(parley)
    const { page } = browser
    await page.locator('summary', { hasText: 'Admin' }).click()
    await page.getByLabel('Language').selectOption('ko')
    await page.getByRole('link', { name: '감사 기록' }).click()
    await page.getByText('콘솔 링크를 만듦').first().waitFor()
    expect(await page.getAttribute('html', 'lang')).toBe('ko')
  })

  test('that the server is away, and a way to try again', async () => {
    await using gone = await startParley()
    await using browser = await openConsole(gone)
    const { page } = browser
    await page.getByRole('figure').first().waitFor()
    await gone.stop('SIGKILL')
    await page.getByText('The server does not answer').waitFor()
    await page.getByRole('link', { name: 'People' }).click()
    await page.getByText('It can’t be loaded').waitFor()
    await page.getByRole('button', { name: 'Try again' }).waitFor()
  })
})

describe('everybody can use it', () => {
  const PLACES = [...Object.keys(VIEWS), `/people/ID`, '/rooms/ROOM', '/nowhere']

  test.each([
    ['in light colours, on a desk', 'light', { width: 1280, height: 860 }],
    ['in dark colours, on a phone', 'dark', { width: 390, height: 844 }],
  ] as const)(
    '%s: axe-core finds nothing serious, and nothing is wider than the screen',
    async (_, colorScheme, size) => {
      await using browser = await openConsole(parley)
      const { page } = browser
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await page.setViewportSize(size)
      const faults: unknown[] = []
      for (const place of PLACES) {
        await page.goto(`${parley.url}/admin${place.replace('ID', minji.id).replace('ROOM', String(roomId))}`)
        await page.locator('main :is(h1, h2)').first().waitFor()
        await page.locator('[aria-busy=true]').first().waitFor({ state: 'detached' })
        if (place === '/keys') await page.locator('summary', { hasText: 'Make a key' }).click()
        if (place === '/rooms/ROOM') await page.getByRole('button', { name: 'Read the messages' }).click()
        if (place === '/people/ID') await page.getByRole('button', { name: 'Disable' }).click()
        for (const fault of await serious(page)) faults.push({ place, fault })
        const width = await page.evaluate<number>('document.documentElement.scrollWidth')
        if (width > size.width) faults.push({ place, width })
      }
      expect(faults).toEqual([])
      expect(browser.complaints).toEqual([])
    },
  )

  test('with a keyboard alone: to a view, into a question, and back', async () => {
    await using browser = await openConsole(parley)
    const { page } = browser
    const focused = () => page.evaluate<string>('document.activeElement.textContent')
    const tabTo = async (text: string) => {
      for (let steps = 0; (await focused()) !== text; steps++) {
        expect(steps).toBeLessThan(10)
        await page.keyboard.press('Tab')
      }
    }
    await tabTo('Skip to the view')
    await tabTo('People')
    await page.keyboard.press('Enter')
    await row(page, 'Minji').waitFor()
    expect(await page.evaluate<string>('document.activeElement.id')).toBe('main')
    await page.keyboard.press('Tab')
    await page.keyboard.type('Minji')
    await row(page, 'Joon').waitFor({ state: 'detached' })
    await tabTo('Disable')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    // Nothing behind the question is reached.
    for (let steps = 0; steps < 5; steps++) {
      await page.keyboard.press('Tab')
      expect(['Cancel', 'Disable', await page.locator('body').textContent()]).toContain(await focused())
    }
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(await focused()).toBe('Disable')
  })

  test('soon: its script is less than 60 KiB on the line', async () => {
    await using browser = await openConsole(parley)
    const scripts = await browser.page.evaluate<number[]>(`performance.getEntriesByType('resource')
      .filter(({ name }) => name.endsWith('.js')).map(({ encodedBodySize }) => encodedBodySize)`)
    expect(scripts.length).toBeGreaterThan(0)
    expect(scripts.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(60 * 1024)
  })
})

/** What axe-core finds that keeps somebody out. Put in by the browser, which the policy of the page does not bind. */
async function serious(page: Page): Promise<string[]> {
  await page.evaluate(await Bun.file(Bun.resolveSync('axe-core/axe.min.js', import.meta.dir)).text())
  const { violations } = await page.evaluate<AxeResults>(`axe.run({ resultTypes: ['violations'] })`)
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}
