import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { AppSocket, type Reply, refused, seqs } from './support/app-socket.ts'
import type { Person } from './support/person.ts'
import { type RunningParley, startParley } from './support/server.ts'

// What a frame may hold, and what becomes of everything else.

let server: RunningParley
let minji: Person
let joon: Person
let roomId: number
/** Somebody in the room whom nothing of this concerns. */
let witness: AppSocket
beforeAll(async () => {
  server = await startParley({ env: { PARLEY_LIMITS: 'off' } })
  const pair = await server.pair()
  ;[minji, joon, roomId] = [pair.owner, pair.customer, pair.roomId]
  witness = await AppSocket.open(server, minji)
  await witness.subscribe(roomId)
})
afterAll(async () => {
  witness.close()
  await server[Symbol.asyncDispose]()
})

const channelOf = (id: number) => `room:${id}`

/** A command or two as a text, for names that no object of ours can have. `ROOM` stands for the room. */
const inRoom = (text: string) => text.replaceAll('ROOM', String(roomId))

/** Nothing was stored, and others are as they were. */
async function expectNothingHappened() {
  expect(await witness.rest()).toEqual([])
  expect(await joon.history(roomId)).toEqual([])
}

describe('[LV50] commands', () => {
  test('have replies with the same id, whatever it is between 1 and 2^32 - 1, also one that was used before', async () => {
    using socket = await AppSocket.open(server, minji)
    for (const id of [4_294_967_295, 1, 7, 7]) {
      const before = socket.lines.length
      socket.send({ id, ping: {} })
      await socket.ask('ping')
      expect(JSON.parse(socket.lines[before] ?? '')).toEqual({ id, ping: {} })
    }
  })

  test('may have fields that nobody knows, at every level', async () => {
    using socket = await AppSocket.dial(server)
    socket.send({
      id: 1,
      extra: 1,
      connect: { token: minji.token, name: 'js', version: '5', subs: {}, data: { a: 1 } },
    })
    expect((await socket.reply(1)).connect).toBeDefined()
    socket.send({ id: 2, subscribe: { channel: channelOf(roomId), positioned: true, recoverable: true, flag: 1 } })
    expect((await socket.reply(2)).subscribe).toBeDefined()
    socket.send({ id: 3, ping: { why: 'not' }, more: [] })
    expect(await socket.reply(3)).toEqual({ id: 3, ping: {} })
    socket.send({ id: 4, rpc: { method: 'rooms.list', data: { limit: 1, sort: 'up' }, meta: {} } })
    expect((await socket.reply(4)).rpc).toBeDefined()
  })

  test('come in one frame, one a line, with blank lines between them, and are answered in their order', async () => {
    const room = await server.pair()
    using socket = await AppSocket.dial(server)
    const [one, two] = ['one', 'two'].map((text) => ({ method: 'message.send', data: { roomId: room.roomId, text } }))
    const commands = [
      { id: 1, connect: { token: room.owner.token } },
      { id: 2, subscribe: { channel: channelOf(room.roomId) } },
      { id: 3, rpc: one },
      { id: 4, history: { channel: channelOf(room.roomId) } },
      { id: 5, rpc: two },
      { id: 6, publish: { channel: channelOf(room.roomId), data: { text: 'three' } } },
      { id: 7, presence_stats: { channel: channelOf(room.roomId) } },
      { id: 8, unsubscribe: { channel: channelOf(room.roomId) } },
      { id: 9, ping: {} },
    ]
    socket.send(`\n \r\n${commands.map((each) => JSON.stringify(each)).join('\n\n \t\n')}\r\n\n`)
    const replies = await Promise.all(commands.map(({ id }) => socket.reply(id)))
    expect(replies.map((reply) => Object.keys(reply).filter((key) => key !== 'id'))).toEqual(
      commands.map((command) => Object.keys(command).filter((key) => key !== 'id')),
    )
    const order = socket.lines.map((line) => (JSON.parse(line) as { id?: number }).id).filter((id) => id !== undefined)
    expect(order).toEqual(seqs(1, 9))
    expect(replies[3]?.history).toMatchObject({ offset: 1 })
    expect(await socket.entries(3)).toEqual([1, 2, 3])
  })

  test('of a frame with nothing in it are none', async () => {
    using socket = await AppSocket.dial(server)
    for (const frame of ['', '\n', ' \r\n\t\n']) socket.send(frame)
    expect((await socket.connect(minji.token)).connect).toBeDefined()
    for (const frame of ['', '{}', '{}\n\n{}\n', '\n\n\n']) socket.send(frame)
    await socket.ask('ping')
    expect(socket.lines).toHaveLength(2)
  })

  test('without a reply are those of send, with an id or without one', async () => {
    const room = await server.pair()
    await room.customer.send(room.roomId, 'one')
    using socket = await AppSocket.open(server, room.owner)
    const read = { data: { method: 'room.read', data: { roomId: room.roomId, seq: 1 } } }
    socket.send([{ send: read }, { id: 99, send: read }, { send: { data: { method: 'message.shout' } } }, { send: {} }])
    await socket.ask('ping')
    expect(socket.lines.filter((line) => line.includes('"id"'))).toHaveLength(2)
    expect((await room.owner.inbox()).items[0]).toMatchObject({ readSeq: 1, unread: 0 })
  })

  test.each(['message.send', 'rooms.list', 'presence.status', 'constructor'])(
    'that ask for something are not told with send: %s',
    async (method) => {
      using socket = await AppSocket.open(server, minji)
      socket.send({ send: { data: { method, data: { roomId, text: 'hi', userIds: [] } } } })
      await socket.ask('ping')
      expect(socket.lines).toHaveLength(2)
      await expectNothingHappened()
    },
  )

  test('of a frame are done up to the first that cannot be read, and no further', async () => {
    const room = await server.pair()
    using socket = await AppSocket.open(server, room.owner)
    const say = (id: number, text: string) => ({ id, publish: { channel: channelOf(room.roomId), data: { text } } })
    socket.send(`${JSON.stringify(say(8, 'before'))}\nnonsense\n${JSON.stringify(say(9, 'after'))}`)
    expect(await socket.reply(8)).toEqual({ id: 8, publish: {} })
    expect((await socket.closed).code).toBe(3501)
    expect((await room.owner.history(room.roomId)).map(({ text }) => text)).toEqual(['before'])
  })
})

describe('[LV52] what cannot be read closes the connection with 3501', () => {
  const say = '"publish":{"channel":"room:ROOM","data":{"text":"hi"}}'
  const unreadable: [string, string | Uint8Array][] = [
    ['a number', '123'],
    ['a boolean', 'true'],
    ['null', 'null'],
    ['a string', '"x"'],
    ['half an array', '['],
    ['half an object', '{'],
    ['an empty array', '[]'],
    ['a command in an array', `[{"id":9,${say}}]`],
    ['half of 30,000 arrays', '['.repeat(30_000)],
    ['30,000 arrays in each other', `${'['.repeat(30_000)}${']'.repeat(30_000)}`],
    ['a command with 30,000 arrays in it', `{"id":9,"x":${'['.repeat(30_000)}${']'.repeat(30_000)},${say}}`],
    ['10,000 objects in each other', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
    ['17 levels', `{"id":9,${say},"x":${'['.repeat(16)}${']'.repeat(16)}}`],
    ['1e400', '1e400'],
    ['a name twice', `{"id":9,"id":8,${say}}`],
    ['a command twice', `{"id":9,${say},${say}}`],
    ['a name twice, further in', '{"id":9,"publish":{"channel":"room:ROOM","data":{"text":"hi","text":"ho"}}}'],
    ['a name twice, spelled in two ways', `{"id":9,"\\u0069d":8,${say}}`],
    ['NUL in a string as it is', '{"id":9,"publish":{"channel":"room:ROOM","data":{"text":"a\u0000b"}}}'],
    ['a byte order mark', `\ufeff{"id":9,${say}}`],
    ['two commands on a line', `{"id":9,${say}} {"id":10,${say}}`],
    ['a comma behind a command', `{"id":9,${say}},`],
    ['binary', new Uint8Array([1, 2, 3])],
    ['a command in binary', new TextEncoder().encode('{"id":9,"ping":{}}')],
    ['nothing, in binary', new Uint8Array()],
    ['no id', `{${say}}`],
    ['no id, and no command', '{"shout":{}}'],
    ['a command in the prototype', `{"__proto__":{"id":9,${say}}}`],
    ['the id 0', `{"id":0,${say}}`],
    ['the id -1', `{"id":-1,${say}}`],
    ['the id 1.5', `{"id":1.5,${say}}`],
    ['the id 2^32', `{"id":4294967296,${say}}`],
    ['the id 1e400', `{"id":1e400,${say}}`],
    ['the id "9"', `{"id":"9",${say}}`],
    ['the id null', `{"id":null,${say}}`],
    ['the id true', `{"id":true,${say}}`],
    ['the id [9]', `{"id":[9],${say}}`],
  ]

  test.each(unreadable)('%s', async (_, frame) => {
    using socket = await AppSocket.open(server, minji)
    await socket.subscribe(roomId)
    const before = socket.lines.length
    socket.send(typeof frame === 'string' ? inRoom(frame) : frame)
    socket.send({ id: 11, publish: { channel: channelOf(roomId), data: { text: 'after' } } })
    expect(await socket.closed).toEqual({ code: 3501, reason: 'bad request' })
    expect(socket.lines.slice(before)).toEqual([])
    await expectNothingHappened()
  })

  test.each([
    'refresh',
    'subscribe',
    'unsubscribe',
    'publish',
    'history',
    'presence',
    'presence_stats',
    'rpc',
    'send',
    'ping',
    'sub_refresh',
    'shout',
  ])('%s before connect', async (method) => {
    using socket = await AppSocket.dial(server, { headers: { authorization: `Bearer ${minji.token}` } })
    const data = { text: 'hi', method: 'message.send', data: { roomId, text: 'hi' } }
    socket.send({ id: 1, [method]: { channel: channelOf(roomId), method: 'message.send', data, token: minji.token } })
    expect(await socket.closed).toEqual({ code: 3501, reason: 'bad request' })
    expect(socket.lines).toEqual([])
    await expectNothingHappened()
  })

  test('an empty command before connect: nobody has asked for it', async () => {
    using socket = await AppSocket.dial(server)
    socket.send('{}')
    expect((await socket.closed).code).toBe(3501)
  })

  test('a command behind a connect that failed', async () => {
    using socket = await AppSocket.dial(server)
    socket.send([
      { id: 1, connect: { token: 'pls_nobody' } },
      { id: 2, subscribe: { channel: channelOf(roomId) } },
    ])
    expect(await socket.reply(1)).toEqual(refused(1, 109, 'token_expired'))
    expect((await socket.closed).code).toBe(3501)
    expect(socket.lines).toHaveLength(1)
  })
})

describe('what can be read and is wrong leaves the connection open:', () => {
  const wrong: [string, string, number, string][] = [
    ['an id and nothing else', '{"id":9}', 104, 'method_not_found'],
    ['an unknown command', '{"id":9,"shout":{"channel":"room:ROOM"}}', 104, 'method_not_found'],
    ['a command of every object', '{"id":9,"constructor":{}}', 104, 'method_not_found'],
    ['a command in the prototype', '{"id":9,"__proto__":{"ping":{}}}', 104, 'method_not_found'],
    ['an unknown procedure', '{"id":9,"rpc":{"method":"message.shout"}}', 104, 'method_not_found'],
    ['a procedure of every object', '{"id":9,"rpc":{"method":"__proto__"}}', 104, 'method_not_found'],
    ['sub_refresh', '{"id":9,"sub_refresh":{"channel":"room:ROOM","token":"x"}}', 108, 'not_available'],
    ['null for a command', '{"id":9,"presence":null}', 107, 'invalid'],
    ['an array for a command', '{"id":9,"presence":[]}', 107, 'invalid'],
    ['connect with null', '{"id":9,"connect":null}', 107, 'invalid'],
    ['connect with a number for a token', '{"id":9,"connect":{"token":1}}', 107, 'invalid'],
    ['refresh without a token', '{"id":9,"refresh":{}}', 107, 'invalid'],
    ['refresh with a token that is too long', `{"id":9,"refresh":{"token":"${'x'.repeat(8193)}"}}`, 107, 'invalid'],
    ['subscribe without a channel', '{"id":9,"subscribe":{}}', 107, 'invalid'],
    ['subscribe to a number', '{"id":9,"subscribe":{"channel":1}}', 107, 'invalid'],
    ['subscribe to an empty name', '{"id":9,"subscribe":{"channel":""}}', 107, 'invalid'],
    ['subscribe to a name that is too long', `{"id":9,"subscribe":{"channel":"${'x'.repeat(256)}"}}`, 107, 'invalid'],
    ['subscribe to a lone surrogate', '{"id":9,"subscribe":{"channel":"room:\\ud800"}}', 102, 'room_not_found'],
    ['subscribe to a number that is none', '{"id":9,"subscribe":{"channel":"room:1e3"}}', 102, 'room_not_found'],
    ['an offset below 0', '{"id":9,"subscribe":{"channel":"room:ROOM","recover":true,"offset":-1}}', 107, 'invalid'],
    [
      'an offset of 1e400',
      '{"id":9,"subscribe":{"channel":"room:ROOM","recover":true,"offset":1e400}}',
      107,
      'invalid',
    ],
    ['a word for recover', '{"id":9,"subscribe":{"channel":"room:ROOM","recover":"yes"}}', 107, 'invalid'],
    ['a number for an epoch', '{"id":9,"subscribe":{"channel":"room:ROOM","epoch":1}}', 107, 'invalid'],
    ['a limit below -1', '{"id":9,"history":{"channel":"room:ROOM","limit":-2}}', 107, 'invalid'],
    ['a list for since', '{"id":9,"history":{"channel":"room:ROOM","since":[]}}', 107, 'invalid'],
    ['history of what is no room', '{"id":9,"history":{"channel":"user:x"}}', 102, 'room_not_found'],
    ['publish without data', '{"id":9,"publish":{"channel":"room:ROOM"}}', 107, 'invalid'],
    ['publish of a text', '{"id":9,"publish":{"channel":"room:ROOM","data":"hi"}}', 107, 'invalid'],
    [
      'publish into what is no room',
      '{"id":9,"publish":{"channel":"user:x","data":{"text":"x"}}}',
      102,
      'room_not_found',
    ],
    ['a text of NUL', '{"id":9,"publish":{"channel":"room:ROOM","data":{"text":"a\\u0000b"}}}', 107, 'invalid'],
    [
      'a text of a lone surrogate',
      '{"id":9,"publish":{"channel":"room:ROOM","data":{"text":"\\udc00"}}}',
      107,
      'invalid',
    ],
    [
      'a text of white space',
      '{"id":9,"publish":{"channel":"room:ROOM","data":{"text":"\\n"}}}',
      107,
      'message_required',
    ],
    ['no text at all', '{"id":9,"publish":{"channel":"room:ROOM","data":{"text":""}}}', 107, 'message_required'],
    [
      'a text that is too long',
      `{"id":9,"publish":{"channel":"room:ROOM","data":{"text":"${'x'.repeat(4001)}"}}}`,
      107,
      'message_too_long',
    ],
    [
      'a clientId with a space',
      '{"id":9,"publish":{"channel":"room:ROOM","data":{"text":"hi","clientId":"a b"}}}',
      107,
      'invalid',
    ],
    [
      'a text in the prototype',
      '{"id":9,"publish":{"channel":"room:ROOM","data":{"__proto__":{"text":"hi"}}}}',
      107,
      'invalid',
    ],
    ['rpc without a method', '{"id":9,"rpc":{"data":{}}}', 107, 'invalid'],
    ['rpc of a number', '{"id":9,"rpc":{"method":1}}', 107, 'invalid'],
    ['a room of 1e400', '{"id":9,"rpc":{"method":"room.read","data":{"roomId":1e400,"seq":1}}}', 107, 'invalid'],
    ['a seq of 1.5', '{"id":9,"rpc":{"method":"room.read","data":{"roomId":ROOM,"seq":1.5}}}', 107, 'invalid'],
    [
      '101 people',
      `{"id":9,"rpc":{"method":"presence.status","data":{"userIds":[${'"x",'.repeat(100)}"x"]}}}`,
      107,
      'invalid',
    ],
  ]

  test.each(wrong)('%s', async (_, frame, code, word) => {
    using socket = await AppSocket.open(server, minji)
    socket.send(inRoom(frame))
    expect(await socket.reply(9)).toEqual(refused(9, code, word))
    expect((await socket.ask('ping')).ping).toEqual({})
    await expectNothingHappened()
  })

  test('before connect too, where it is a connect', async () => {
    using socket = await AppSocket.dial(server)
    socket.send('{"id":9,"connect":null}')
    expect(await socket.reply(9)).toEqual(refused(9, 107, 'invalid'))
    expect((await socket.connect(minji.token)).connect).toBeDefined()
  })
})

describe('[LV53] an error', () => {
  const MARK = 'Zyzzyva'
  const marked: object[] = [
    { connect: { token: `pls_${MARK}` } },
    { [MARK]: {} },
    { rpc: { method: MARK } },
    { rpc: { method: 'message.send', data: { roomId: MARK, text: MARK } } },
    { rpc: { method: 'message.send', data: { roomId: 1, text: `${MARK}\u0000`, [MARK]: 1 } } },
    { rpc: { method: 'rooms.list', data: { role: MARK } } },
    { rpc: { method: 'rooms.list', data: { cursor: MARK } } },
    { rpc: { method: 'presence.status', data: { userIds: [{ [MARK]: 1 }] } } },
    { publish: { channel: MARK, data: { text: MARK } } },
    { publish: { channel: 'room:1', data: { text: MARK, clientId: `${MARK} ${MARK}` } } },
    { publish: { channel: 'room:1', data: { [MARK]: MARK } } },
    { subscribe: { channel: `room:${MARK}` } },
    { subscribe: { channel: `user:${MARK}` } },
    { history: { channel: 'room:1', since: { offset: 1, epoch: MARK } } },
    { history: { channel: 'room:1', limit: MARK } },
  ]

  test('repeats nothing of what it is about, and nor does the log', async () => {
    const eve = await server.person('Eve')
    using socket = await AppSocket.open(server, eve)
    marked.forEach((command, at) => {
      socket.send({ id: 100 + at, ...command })
    })
    const replies = await Promise.all(marked.map((_, at) => socket.reply(100 + at)))
    expect(replies.filter(({ error }) => error === undefined)).toEqual([])
    socket.send({ id: 200, refresh: { token: `pls_${MARK}` } })
    expect((await socket.closed).code).toBe(3005)
    expect(socket.lines.join('\n')).not.toContain(MARK)
    expect(server.log.text).not.toContain(MARK)
    expect(server.log.text).not.toContain(eve.token)
  })

  test('has a word that stays, and a sentence in the language that was asked for', async () => {
    const ask = async (language: string) => {
      using socket = await AppSocket.open(server, minji, { headers: { 'accept-language': language } })
      const replies = [
        await socket.rpc('message.send', { roomId, text: ' ' }),
        await socket.rpc('message.send', { roomId, text: 1 }),
        await socket.subscribe(999_999),
      ]
      return replies.map(({ error }: Reply) => error?.message)
    }
    expect(await ask('fr, ko-KR;q=0.9, en;q=0.5')).toEqual([
      'message_required: 메시지 텍스트가 필요합니다.',
      'invalid: /text 문자열이어야 합니다',
      'room_not_found: 채팅방이 없거나 참여자가 아닙니다.',
    ])
    expect(await ask('en')).toEqual([
      'message_required: A message text is required.',
      'invalid: /text must be a string',
      'room_not_found: There is no such room, or it is not yours.',
    ])
  })
})
