import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Problem } from '../src/lib/http/problem.ts'
import type { Product, ProductPage } from '../src/products/model.ts'
import type { Person } from './support/person.ts'
import { type RunningParley, startParley } from './support/server.ts'

let parley: RunningParley
let minji: Person
let joon: Person

beforeAll(async () => {
  parley = await startParley()
  ;[minji, joon] = await Promise.all([parley.person('Minji'), parley.person('Joon')])
})
afterAll(() => parley[Symbol.asyncDispose]())

const change = (person: Person, id: string, fields: object) => person.call('PATCH', `/api/products/${id}`, fields)
const archive = (person: Person, id: string) => person.call('DELETE', `/api/products/${id}`)
const find = async (id: string) => (await (await joon.get(`/api/products/${id}`)).json()) as Product

async function list(query: Record<string, string>): Promise<ProductPage> {
  const response = await joon.get(`/api/products?${new URLSearchParams(query)}`)
  expect(response.status).toBe(200)
  return (await response.json()) as ProductPage
}

async function titles(query: Record<string, string>): Promise<string[]> {
  const { items } = await list(query)
  return items.map(({ title }) => title)
}

async function refusal(response: Promise<Response>): Promise<object> {
  const { status, code, errors } = (await (await response).json()) as Problem
  return errors ? { status, code, paths: errors.map(({ path }) => path) } : { status, code }
}

const NOT_FOUND = { status: 404, code: 'not_found' }
const FORBIDDEN = { status: 403, code: 'forbidden' }

const BIKE = {
  title: 'Road bike, 54 cm',
  priceMinor: 15_000,
  currency: 'KRW',
  imageUrl: 'https://shop.example/bike.jpg?size=1',
  url: 'http://shop.example/bikes/54#photos',
}

describe('a product', () => {
  test('is owned by who offers it, and read by everybody', async () => {
    const product = await minji.offer(BIKE.title, BIKE)
    expect(product).toEqual({
      ...BIKE,
      id: expect.any(String),
      ownerId: minji.id,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      archivedAt: null,
    })
    expect(await find(product.id)).toEqual(product)
  })

  test('needs no more than a title', async () => {
    const nothing = { priceMinor: null, currency: null, imageUrl: null, url: null }
    expect(await minji.offer('헬멧')).toMatchObject({ title: '헬멧', ...nothing })
    expect(await minji.offer('Bell', nothing)).toMatchObject(nothing)
  })

  test.each(['/demo/bike.svg', '/images/54/side.jpg?size=1#top', '/자전거.jpg'])(
    'has its image at a path on this server: %s',
    async (imageUrl) => {
      const { id } = await minji.offer(BIKE.title, { ...BIKE, imageUrl })
      expect(await find(id)).toMatchObject({ imageUrl })
      expect(new URL(imageUrl, parley.url).origin).toBe(new URL(parley.url).origin)
    },
  )

  test.each([
    ['no title', { title: undefined }, '/title'],
    ['an empty title', { title: '' }, '/title'],
    ['a blank title', { title: ' \n' }, '/title'],
    ['a title of 201 characters', { title: 'a'.repeat(201) }, '/title'],
    ['a title with NUL', { title: 'Road\0bike' }, '/title'],
    ['a title with half a character', { title: 'Bike \udeb2' }, '/title'],
    ['a title that is a number', { title: 7 }, '/title'],
    ['a price without its currency', { currency: undefined }, '/currency'],
    ['a currency without a price', { priceMinor: null }, '/priceMinor'],
    ['a negative price', { priceMinor: -1 }, '/priceMinor'],
    ['half a cent', { priceMinor: 0.5 }, '/priceMinor'],
    ['a price past every whole number', { priceMinor: 2 ** 53 }, '/priceMinor'],
    ['a price in words', { priceMinor: '15000' }, '/priceMinor'],
    ['a currency in lower case', { currency: 'krw' }, '/currency'],
    ['a currency of four letters', { currency: 'KRWW' }, '/currency'],
    ['a javascript: address', { url: 'javascript:alert(1)' }, '/url'],
    ['a JavaScript: address', { url: 'JavaScript:alert(1)//https://shop.example' }, '/url'],
    ['a data: address', { url: 'data:text/html,<script>alert(1)</script>' }, '/url'],
    ['a data: image', { imageUrl: 'data:image/png;base64,AA==' }, '/imageUrl'],
    ['a javascript: image', { imageUrl: ' javascript:alert(1)' }, '/imageUrl'],
    ['an image on another server, by two slashes', { imageUrl: '//evil.example/bike.jpg' }, '/imageUrl'],
    ['an image on another server, by a backslash', { imageUrl: '/\\evil.example/bike.jpg' }, '/imageUrl'],
    ['an image on another server, by a tab', { imageUrl: '/\t/evil.example/bike.jpg' }, '/imageUrl'],
    ['an image on another server, once its path is resolved', { imageUrl: '/.//evil.example/bike.jpg' }, '/imageUrl'],
    ['an image at a path without its slash', { imageUrl: 'bike.jpg' }, '/imageUrl'],
    ['an image at a path with a quote', { imageUrl: '/bike.jpg"onerror="alert(1)' }, '/imageUrl'],
    ['a file', { url: 'file:///etc/passwd' }, '/url'],
    ['a path that is no image', { url: '/bikes/54' }, '/url'],
    ['an address without its scheme', { url: '//shop.example/bike' }, '/url'],
    ['an address with a quote', { url: 'https://shop.example/"onclick="alert(1)' }, '/url'],
    ['an owner', { ownerId: 'somebody' }, '/ownerId'],
    ['an id', { id: 'bike' }, '/id'],
    ['a time', { createdAt: '2026-11-22T10:20:00.000Z' }, '/createdAt'],
  ])('with %s is invalid, when it is made and when it is changed', async (_, fields, path) => {
    const invalid = { status: 422, code: 'invalid', paths: [path] }
    expect(await refusal(minji.post('/api/products', { ...BIKE, ...fields }))).toEqual(invalid)
    if (Object.values(fields)[0] === undefined) return
    const { id } = await minji.offer(BIKE.title, BIKE)
    expect(await refusal(change(minji, id, fields))).toEqual(invalid)
    expect(await find(id)).toMatchObject(BIKE)
  })

  test('that nobody has is not found', async () => {
    for (const id of ['nothing', crypto.randomUUID(), 'a'.repeat(300), '%00', "'--"]) {
      expect(await refusal(joon.get(`/api/products/${id}`))).toEqual(NOT_FOUND)
    }
  })
})

describe('its owner', () => {
  test('changes what is given, and null clears it', async () => {
    const product = await minji.offer(BIKE.title, BIKE)
    const response = await change(minji, product.id, { title: 'Gravel bike', imageUrl: null })
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ ...product, title: 'Gravel bike', imageUrl: null })
    expect(await (await change(minji, product.id, { priceMinor: null, currency: null })).json()).toMatchObject({
      title: 'Gravel bike',
      priceMinor: null,
      currency: null,
    })
    expect(await refusal(change(minji, product.id, {}))).toMatchObject({ status: 422, code: 'invalid' })
  })

  test('never has a price without a currency, whatever is changed at once', async () => {
    const { id } = await minji.offer(BIKE.title, BIKE)
    for (let round = 0; round < 20; round++) {
      await Promise.all([
        change(minji, id, { priceMinor: null, currency: null }),
        change(minji, id, round % 2 ? { priceMinor: 7 } : { currency: 'EUR' }),
      ])
      const { priceMinor, currency } = (await (await minji.get(`/api/products/${id}`)).json()) as Product
      expect(priceMinor === null).toBe(currency === null)
      await change(minji, id, { priceMinor: 1, currency: 'KRW' })
    }
  })

  test('archives it: no longer offered, still there, and once is enough', async () => {
    const { id } = await minji.offer('Unicycle')
    expect((await archive(minji, id)).status).toBe(204)
    const archived = await find(id)
    expect(archived).toMatchObject({ title: 'Unicycle', archivedAt: expect.any(String) })
    expect(await titles({ q: 'Unicycle' })).toEqual([])
    expect((await archive(minji, id)).status).toBe(204)
    expect(await find(id)).toEqual(archived)
  })

  test('is the only one who may', async () => {
    const product = await minji.offer(BIKE.title, BIKE)
    expect(await refusal(change(joon, product.id, { title: 'Mine now' }))).toEqual(FORBIDDEN)
    expect(await refusal(archive(joon, product.id))).toEqual(FORBIDDEN)
    expect(await find(product.id)).toEqual(product)
  })

  test('does nothing to a product that is not there', async () => {
    expect(await refusal(change(minji, 'nothing', { title: 'Ghost bike' }))).toEqual(NOT_FOUND)
    expect(await refusal(archive(minji, 'nothing'))).toEqual(NOT_FOUND)
  })
})

describe('the list', () => {
  test('has what one person offers, newest first, and nothing of a stranger', async () => {
    const bora = await parley.person('Bora')
    for (const title of ['Tent', 'Stove', 'Lantern']) await bora.offer(title)
    expect(await titles({ ownerId: bora.id })).toEqual(['Lantern', 'Stove', 'Tent'])
    expect(await titles({ ownerId: bora.id, q: 'stove' })).toEqual(['Stove'])
    expect(await titles({ ownerId: 'nobody' })).toEqual([])
    expect((await titles({})).slice(0, 3)).toEqual(['Lantern', 'Stove', 'Tent'])
  })

  test.each([
    ['100% wool', '100%'],
    ['snow_board', 'w_b'],
    ['back\\slash', 'k\\s'],
    ["rider's", "r's"],
    ['자전거', '전거'],
    ['cafe\u0301', 'caf\u00e9'],
    ['resum\u00e9 stand', 'sume\u0301'],
  ])('is searched for what is written: %s by %s', async (title, q) => {
    for (const each of [title, '1000 wool', 'snowXboard', 'backslash', 'riders']) await minji.offer(each)
    expect(await titles({ q, ownerId: minji.id })).toEqual([title.normalize('NFC')])
  })

  test('is whole for an empty search, and refuses a text that SQLite would cut short', async () => {
    const dan = await parley.person('Dan')
    await dan.offer('Canoe')
    expect(await titles({ q: '', ownerId: dan.id })).toEqual(['Canoe'])
    expect(await refusal(dan.get('/api/products?q=%00nothing'))).toMatchObject({ status: 422, code: 'invalid' })
  })

  test.each(['%', '_', '\\', '__', '%%'])('has no wildcard: %s alone finds nothing else', async (q) => {
    const sora = await parley.person('Sora')
    await sora.offer('Kayak')
    expect(await titles({ q, ownerId: sora.id })).toEqual([])
  })

  test('is walked by its cursor: all of it once, whatever is added meanwhile', async () => {
    const yuna = await parley.person('Yuna')
    const made: string[] = []
    for (let n = 1; n <= 20; n++) made.push((await yuna.offer(`Paddle ${n}`)).id)
    const seen: string[] = []
    const sizes: number[] = []
    let cursor: string | null = null
    do {
      const page: ProductPage = await list({ ownerId: yuna.id, limit: '6', ...(cursor === null ? {} : { cursor }) })
      seen.push(...page.items.map(({ id }) => id))
      sizes.push(page.items.length)
      cursor = page.nextCursor
      await yuna.offer('A paddle that came later')
    } while (cursor !== null)
    expect(seen).toEqual(made.reverse())
    expect(sizes).toEqual([6, 6, 6, 2])
  })

  test('has 30 on a page unless asked otherwise, and no cursor after the last', async () => {
    const nari = await parley.person('Nari')
    for (let n = 1; n <= 31; n++) await nari.offer(`Oar ${n}`)
    const page = await list({ ownerId: nari.id })
    expect(page).toMatchObject({ items: { length: 30 }, nextCursor: expect.any(String) })
    expect(await list({ ownerId: nari.id, limit: '31' })).toMatchObject({ items: { length: 31 }, nextCursor: null })
  })

  test.each(['garbage', '', 'MQ==', 'LTE', '1', 'MS4y', '-1', 'Infinity'])('refuses the cursor %p', async (cursor) => {
    const refused = await refusal(joon.get(`/api/products?cursor=${encodeURIComponent(cursor)}`))
    expect(refused).toEqual({ status: 400, code: 'bad_request' })
  })

  test.each([
    ['limit=0', '/limit'],
    ['limit=101', '/limit'],
    ['limit=-1', '/limit'],
    ['limit=1.5', '/limit'],
    ['limit=many', '/limit'],
    [`q=${'a'.repeat(101)}`, '/q'],
    ['archived=true', '/archived'],
  ])('refuses ?%s', async (query, path) => {
    const refused = await refusal(joon.get(`/api/products?${query}`))
    expect(refused).toEqual({ status: 422, code: 'invalid', paths: [path] })
  })
})
