import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Problem } from '../src/lib/http/problem.ts'
import type { Message, MessagePage } from '../src/messages/model.ts'
import type { Person } from './support/person.ts'
import { type RunningParley, startParley } from './support/server.ts'

let parley: RunningParley
let minji: Person
let joon: Person

beforeAll(async () => {
  parley = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  ;[minji, joon] = await Promise.all([parley.person('Minji'), parley.person('Joon')])
})
afterAll(() => parley[Symbol.asyncDispose]())

/** A new room of Minji's, with Joon. */
async function newRoom(): Promise<number> {
  const product = await minji.offer('Road bike')
  return (await joon.openRoom(product.id)).id
}

const send = (person: Person, roomId: number, body: unknown, headers?: Record<string, string>) =>
  person.post(`/api/rooms/${roomId}/messages`, body, headers)

async function sent(response: Promise<Response>) {
  const { status } = await response
  return { status, message: (await (await response).json()) as Message }
}

async function refusal(response: Promise<Response>): Promise<object> {
  const { status, code, errors } = (await (await response).json()) as Problem
  return errors ? { status, code, paths: errors.map(({ path }) => path) } : { status, code }
}

const INVALID_TEXT = { status: 422, code: 'invalid', paths: ['/text'] }

describe('a message', () => {
  test('is numbered from 1, and answered as history has it', async () => {
    const roomId = await newRoom()
    const first = await sent(send(joon, roomId, { text: 'Is it free on Saturday?' }))
    expect(first).toEqual({
      status: 201,
      message: {
        ...{ roomId, seq: 1, kind: 'text', text: 'Is it free on Saturday?', clientId: null },
        sender: { id: joon.id, username: 'Joon' },
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      },
    })
    const second = await minji.send(roomId, 'It is.', 'one')
    const third = await minji.send(roomId, 'In the morning.')
    expect([second, third]).toMatchObject([
      { seq: 2, clientId: 'one', sender: { id: minji.id, username: 'Minji' } },
      { seq: 3, clientId: null },
    ])
    expect(await joon.history(roomId)).toEqual([first.message, second, third])
  })

  test.each([
    ['a character', '?', '?'],
    ['4,000 UTF-16 units', '🚲'.repeat(2000), '🚲'.repeat(2000)],
    ['spaces around it', '  It is.\n\n', '  It is.\n\n'],
    ['a tab and a newline', 'Mon\tfree\nTue\ttaken', 'Mon\tfree\nTue\ttaken'],
    ['the line ends of Windows', 'one\r\ntwo\r\n', 'one\ntwo\n'],
    ['4,000 units once they are \\n', `${'a'.repeat(3999)}\r\n`, `${'a'.repeat(3999)}\n`],
    ['letters in parts', 'cafe\u0301', 'café'],
    ['Hangul in parts', '자전거'.normalize('NFD'), '자전거'],
    ['30 marks on one letter', `z${'\u0335'.repeat(30)}`, `z${'\u0335'.repeat(30)}`],
    ['4,000 syllables in parts', '각'.normalize('NFD').repeat(4000), '각'.repeat(4000)],
    ['markup', '<b>"&amp;"</b>\\u0041', '<b>"&amp;"</b>\\u0041'],
    ['directions and joiners', '\u202eabc\u202c 👩‍🚀', '\u202eabc\u202c 👩‍🚀'],
  ])('may have %s', async (_, text, stored) => {
    const roomId = await newRoom()
    expect(await sent(send(joon, roomId, { text }))).toMatchObject({ status: 201, message: { text: stored } })
    expect(await joon.history(roomId)).toMatchObject([{ text: stored }])
  })

  test.each([
    ['nothing', '""'],
    ['only white space', '" \\t\\r\\n\\u00a0\\u3000"'],
    ['4,001 units', `"${'a'.repeat(4001)}"`],
    ['4,001 units in 2,001 characters', `"a${'🚲'.repeat(2000)}"`],
    ['4,001 units once they are composed', `"${'\u0958'.repeat(2000)}a"`],
    ['NUL', '"a\\u0000b"'],
    ['an escape', '"\\u001b[2J"'],
    ['a carriage return alone', '"a\\rb"'],
    ['a backspace', '"a\\bb"'],
    ['a delete', '"a\\u007fb"'],
    ['a control character of C1', '"a\\u009bb"'],
    ['the first half of a character', '"a\\ud800"'],
    ['the second half of a character', '"\\udc00a"'],
    ['the halves of a character in the wrong order', '"\\udeb2\\ud83d"'],
    ['31 marks on one letter', `"a${'\u0301'.repeat(31)}"`],
    ['marks alone, more than anybody can wait for', `"${'\u0301\u0316'.repeat(60_000)}"`],
    ['a number', '7'],
    ['null', 'null'],
    ['a list', '["a"]'],
  ])('may not have %s', async (_, json) => {
    const roomId = await newRoom()
    const request = fetch(`${parley.url}/api/rooms/${roomId}/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${joon.token}`, 'content-type': 'application/json' },
      body: `{"text":${json}}`,
    })
    expect(await refusal(request)).toEqual(INVALID_TEXT)
    expect(await joon.history(roomId)).toEqual([])
  })

  test.each(['senderId', 'seq', 'createdAt', 'ownerId', 'role', 'kind', 'roomId', 'constructor'])(
    'may not say its own %s',
    async (name) => {
      const roomId = await newRoom()
      const refused = await refusal(send(joon, roomId, { text: 'Sold!', [name]: minji.id }))
      expect(refused).toEqual({ status: 422, code: 'invalid', paths: [`/${name}`] })
      expect(await joon.history(roomId)).toEqual([])
    },
  )

  test('of two people who send at once from everywhere has its own place, with no gap', async () => {
    const roomId = await newRoom()
    const people = Array.from({ length: 200 }, (_, n) => (n % 2 ? minji : joon))
    const messages = await Promise.all(people.map((person, n) => person.send(roomId, `Message ${n}`)))
    const history = await joon.history(roomId)
    expect(history.map(({ seq }) => seq)).toEqual(people.map((_, n) => n + 1))
    expect(history).toEqual(messages.sort((a, b) => a.seq - b.seq))
  })
})

describe('a retry', () => {
  test('with the same clientId gets the first message', async () => {
    const roomId = await newRoom()
    const first = await joon.send(roomId, 'Cafe\u0301?\r\n', 'one')
    await minji.send(roomId, 'It is.')
    expect(await sent(send(joon, roomId, { text: 'Café?\n', clientId: 'one' }))).toEqual({
      status: 200,
      message: first,
    })
    expect(await joon.history(roomId)).toHaveLength(2)
  })

  test('twenty times at once is one message', async () => {
    const roomId = await newRoom()
    const body = { text: 'Is it free on Saturday?', clientId: 'one' }
    const answers = await Promise.all(Array.from({ length: 20 }, () => sent(send(joon, roomId, body))))
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(19).fill(200), 201])
    const [first, ...others] = await joon.history(roomId)
    expect(others).toEqual([])
    for (const { message } of answers) expect<Message | undefined>(message).toEqual(first)
  })

  test('with another text is refused', async () => {
    const roomId = await newRoom()
    await joon.send(roomId, 'Is it free on Saturday?', 'one')
    const refused = await refusal(send(joon, roomId, { text: 'And on Sunday?', clientId: 'one' }))
    expect(refused).toEqual({ status: 409, code: 'client_id_reused' })
  })

  test('is one of the same person in the same room', async () => {
    const [roomId, elsewhere] = [await newRoom(), await newRoom()]
    await joon.send(roomId, 'Hello', 'one')
    expect(await minji.send(roomId, 'Hello', 'one')).toMatchObject({ seq: 2 })
    expect(await joon.send(elsewhere, 'Hello', 'one')).toMatchObject({ seq: 1 })
  })

  test.each([
    ['Idempotency-Key alone', undefined, 'one', 'one'],
    ['clientId alone', 'one', undefined, 'one'],
    ['both, and equal', 'one', 'one', 'one'],
  ])('is recognised by %s', async (_, clientId, key, stored) => {
    const roomId = await newRoom()
    const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key }
    const again = () => sent(send(joon, roomId, { text: 'Hello', clientId }, headers))
    const { status, message } = await again()
    expect({ status, clientId: message.clientId }).toEqual({ status: 201, clientId: stored })
    expect(await again()).toEqual({ status: 200, message })
  })

  test.each([
    ['an Idempotency-Key that differs', 'one', 'two'],
    ['an empty clientId', '', undefined],
    ['a clientId of 129 characters', 'a'.repeat(129), undefined],
    ['a clientId with a space', 'one two', undefined],
    ['a clientId that is not ASCII', '하나', undefined],
    ['a clientId that is a number', 1, undefined],
    ['a long Idempotency-Key', undefined, 'a'.repeat(129)],
  ])('with %s is invalid', async (_, clientId, key) => {
    const roomId = await newRoom()
    const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key }
    const refused = await refusal(send(joon, roomId, { text: 'Hello', clientId }, headers))
    expect(refused).toMatchObject({ status: 422, code: 'invalid' })
    expect(await joon.history(roomId)).toEqual([])
  })

  test('is recognised among the newest 64 messages, also by a server that started since', async () => {
    await using first = await startParley({ env: { PARLEY_LIMITS: 'off' } })
    const { owner, customer, roomId } = await first.pair()
    const hello = await customer.send(roomId, 'Hello', 'one')
    const second = await customer.send(roomId, 'Hello?', 'two')
    for (let n = 3; n <= 64; n++) await owner.send(roomId, `Message ${n}`)
    const again = { text: 'Hello', clientId: 'one' }
    expect(await sent(send(customer, roomId, again))).toEqual({ status: 200, message: hello })
    expect(await first.stop('SIGTERM')).toBe(0)

    await using restarted = await startParley({ env: { PARLEY_LIMITS: 'off' }, dataDir: first.dataDir })
    const [minji, joon] = [owner.at(restarted), customer.at(restarted)]
    expect(await sent(send(joon, roomId, again))).toEqual({ status: 200, message: hello })
    await minji.send(roomId, 'Message 65')
    expect(await sent(send(joon, roomId, { text: 'Hello?', clientId: 'two' }))).toEqual({
      status: 200,
      message: second,
    })
    expect(await sent(send(joon, roomId, again))).toMatchObject({ status: 201, message: { seq: 66, text: 'Hello' } })
  })
})

describe('history', () => {
  let roomId: number
  beforeAll(async () => {
    roomId = await newRoom()
    for (let n = 1; n <= 105; n++) await joon.send(roomId, `Message ${n}`)
  })

  test.each([
    ['', 76, 105, true],
    ['?limit=1', 105, 105, true],
    ['?limit=100', 6, 105, true],
    ['?before=6', 1, 5, false],
    ['?before=31', 1, 30, false],
    ['?before=32', 2, 31, true],
    ['?before=10&limit=3', 7, 9, true],
    ['?before=1000&limit=2', 104, 105, true],
    ['?after=0', 1, 30, true],
    ['?after=75', 76, 105, false],
    ['?after=74', 75, 104, true],
    ['?after=0&limit=100', 1, 100, true],
    ['?after=100&limit=10', 101, 105, false],
  ])('with %p has %d to %d, and more: %p', async (query, from, to, hasMore) => {
    const page = (await (await minji.get(`/api/rooms/${roomId}/messages${query}`)).json()) as MessagePage
    const seqs = Array.from({ length: to - from + 1 }, (_, n) => from + n)
    expect({ seqs: page.items.map(({ seq }) => seq), hasMore: page.hasMore }).toEqual({ seqs, hasMore })
  })

  test.each(['?before=1', '?after=105', '?after=1000'])('has nothing with %s', async (query) => {
    const page = await (await minji.get(`/api/rooms/${roomId}/messages${query}`)).json()
    expect(page).toEqual({ items: [], hasMore: false })
  })

  test.each([
    ['?before=5&after=5', undefined],
    ['?before=0', '/before'],
    ['?before=x', '/before'],
    ['?after=-1', '/after'],
    ['?after=1.5', '/after'],
    ['?limit=0', '/limit'],
    ['?limit=101', '/limit'],
    ['?limit=0x10', '/limit'],
    ['?limit=1e1', '/limit'],
    ['?limit=%2010', '/limit'],
    ['?limit=01', '/limit'],
    ['?cursor=MQ', '/cursor'],
  ])('refuses %s', async (query, path) => {
    const refused = await refusal(minji.get(`/api/rooms/${roomId}/messages${query}`))
    expect(refused).toEqual({ status: 422, code: 'invalid', ...(path === undefined ? {} : { paths: [path] }) })
  })
})

test('twenty messages at once are let through, and the next is told to wait; the other person is not', async () => {
  await using limited = await startParley()
  const { owner, customer, roomId } = await limited.pair()
  const from = performance.now()
  const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => send(customer, roomId, { text: `${n}` })))
  const refilled = Math.ceil(((performance.now() - from) / 1000) * 5)
  const refused = answers.filter(({ status }) => status !== 201)
  expect(answers.length - refused.length).toBeWithin(20, 20 + refilled + 1)
  for (const answer of refused) {
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await refusal(Promise.resolve(answer))).toEqual({ status: 429, code: 'rate_limited' })
  }
  expect(await owner.send(roomId, 'It is.')).toMatchObject({ seq: answers.length - refused.length + 1 })
})
